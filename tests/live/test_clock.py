"""A board without a clock: until the network tells the time readings wait, and are dated anew.

The daemon is given a /run of its own with timesyncd's folder in it, as on a Pi after a power cut;
the file that timesyncd touches at its first synchronisation is the test's to make.
"""

from __future__ import annotations

import os
import shutil
import time

import pytest

from tests.live.cloud import API_KEY, Cloud
from tests.live.counter import counting
from tests.live.daemon import Daemon, House, until

UPLINK = "up"
OWN_RUN = 'mount -t tmpfs none /run && mkdir -p /run/systemd/timesync && exec "$@"'
ENOUGH = 500

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a /run of its own needs root")


def synchronise(daemon: Daemon) -> None:
    """Do what timesyncd does when it knows the time."""
    (daemon.root / "run/systemd/timesync/synchronized").touch()


async def test_readings_wait_for_the_time_and_then_go(house: House, cloud: Cloud) -> None:
    """Also those of a daemon that was killed meanwhile; in order, none dropped, and it is told."""
    house.wrapper = (shutil.which("unshare") or "", "-m", "sh", "-c", OWN_RUN, "sh")
    house.add_thingplus(UPLINK, cloud.port, API_KEY)
    start_ms = time.time_ns() // 1_000_000
    async with counting() as counter:
        house.devices["counter"] = counter.settings()
        cloud.register(dict.fromkeys(counter.channels, "number"))
        async with house.daemon() as daemon:
            await daemon.wait_up(UPLINK, "counter")
            await daemon.wait_line(UPLINK, lambda line: line["pending"] > ENOUGH)
            assert "NOT SET YET" in (await house.verb("status")).out
            daemon.kill()
        async with house.daemon() as daemon:
            await daemon.wait_up(UPLINK, "counter")
            line = await daemon.wait_line(UPLINK, lambda line: line["pending"] > 2 * ENOUGH)
            assert line["delivered"] == cloud.total() == 0
            synchronise(daemon)
            await until(lambda: cloud.total() > line["pending"], "what waited has arrived")
            counter.is_speaking = False
            line = await daemon.wait_drained(UPLINK)
            assert line["dropped"] == {}
            assert line["delivered"] == cloud.total()
            assert (await daemon.ask("status"))["clock"]["is_synchronised"]
    assert any("synchronised" in event["what"] for event in house.logged("outbox"))
    for name in counter.channels:
        numbers = cloud.numbers(name)
        assert numbers == sorted(set(numbers))
    points = cloud.points(counter.channels[0])
    assert start_ms <= points[0].time_ms <= points[-1].time_ms <= time.time_ns() // 1_000_000
    assert set(cloud.dropped) <= {"duplicate"}
