"""An hour without the cloud: everything waits on the card, and arrives in order before what is new.

The hour is 100 channels at 1 Hz, 360,000 readings dated a second apart, as an hour leaves them.
"""

from __future__ import annotations

import os

from tests.live import hour_driver
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import House, until

CHANNELS, SECONDS = 100, 3600
LIVE = 10
"""Live values of each channel that are waited for, after the hour has arrived."""

UPLINK = "up"
RECORD_S = 60.0
DRAIN_S = 60.0
MEMORY_MIB = 75.0
"""The daemon itself takes about 45. A backlog that were held in memory would take 100 more."""

NAMES = [f"hour/c{i}" for i in range(CHANNELS)]


async def test_an_hours_outage_arrives_whole_and_in_order(house: House, cloud: Cloud) -> None:
    """Backlog before live, per sensor ascending, none dropped, and the ledger balances."""
    hour_driver.install(house.folder)
    house.environ["PYTHONPATH"] = os.pathsep.join([str(house.folder), house.python_path()])
    house.devices["hour"] = {"driver": "hour", "channels": CHANNELS, "samples": SECONDS}
    cloud.register(dict.fromkeys(NAMES, "number"))
    house.add_thingplus(UPLINK, cloud.port, API_KEY)
    await cloud.sandbox.refuse_connections()
    async with house.daemon() as daemon:
        line = await daemon.wait_line(
            UPLINK, lambda line: line["pending"] >= CHANNELS * SECONDS, RECORD_S
        )
        assert line["delivered"] == 0
        assert line["is_balanced"]
        await cloud.sandbox.accept_connections()
        last = NAMES[-1]
        await until(lambda: cloud.count(last) > SECONDS + LIVE, "live values come", DRAIN_S)
        line = (await daemon.ask("ledger"))["uplinks"][UPLINK]
        assert daemon.memory_mib < MEMORY_MIB
        assert line["is_balanced"]
        assert await daemon.stop() == 0
    assert_the_hour_is_whole(cloud)
    assert cloud.dropped == {}


def assert_the_hour_is_whole(cloud: Cloud) -> None:
    """Every channel's count has no hole and no step back, in values and in times."""
    for name in NAMES:
        points = cloud.points(name)
        assert [point.value for point in points] == list(range(len(points)))
        assert len(points) > SECONDS
        past_ms = [point.time_ms for point in points[:SECONDS]]
        assert past_ms == [past_ms[0] + 1000 * i for i in range(SECONDS)]
