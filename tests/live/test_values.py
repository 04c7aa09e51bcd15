"""What becomes of values in the real daemon: totals over its deaths, alarms past every interval."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from gatewayd.model import ChannelId
from gatewayd.totals import HOT_S, NAME
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import Daemon, House, until

EVERY_S = 0.05
SLACK = 1.5 * HOT_S / EVERY_S
"""What a kill may cost, in counts: a second, and what a busy machine stretches it by."""

COUNTS = {"step": "1s", "every": "50ms", "signals": {"count": {"drift_per_hour": 3600.0}}}
"""A device that counts one at every answer, and begins at 0 whenever it is opened."""


async def read(daemon: Daemon, channel: str) -> dict[str, Any]:
    """Return what the board shows of a channel."""
    rows: list[dict[str, Any]] = await daemon.ask("read", channel=channel)
    return rows[0]


async def wait_value(daemon: Daemon, channel: str, at_least: float) -> dict[str, Any]:
    """Return a channel's row once its value is as large as that."""
    end_s = time.monotonic() + 15
    while True:
        row = await read(daemon, channel)
        if row["value"] is not None and row["value"] >= at_least:
            return row
        assert time.monotonic() < end_s, row
        await asyncio.sleep(0.02)


async def test_a_total_survives_restart_kill_and_reset_and_tells_when_it_was_lost(
    house: House,
) -> None:
    """The device forgets at every start; the total does not, until both files are broken."""
    assert house.hot is not None
    house.devices["meter"] = {
        "driver": "sim",
        **COUNTS,
        "channel": {"count": {"counter": True, "total": 1000.0}},
    }
    async with house.daemon() as daemon:
        before = (await wait_value(daemon, "meter/count", 1045))["value"]
        daemon.kill()
    assert not (house.state / NAME).exists()
    async with house.daemon() as daemon:
        row = await wait_value(daemon, "meter/count", 0)
        assert before - SLACK <= row["value"] <= before + SLACK
        assert row["quality"] == "good"
        before = (await wait_value(daemon, "meter/count", row["value"] + 10))["value"]
    assert (house.state / NAME).exists()
    assert not (house.hot / NAME).exists()
    async with house.daemon() as daemon:
        assert (await wait_value(daemon, "meter/count", 0))["value"] >= before
    assert house.logged("totals") == []
    (house.state / NAME).write_bytes(b"\0" * 200)
    async with house.daemon() as daemon:
        row = await wait_value(daemon, "meter/count", 0)
        assert (row["quality"], row["value"] < 1045) == ("uncertain", True)
    (event,) = house.logged("totals")
    assert "cannot be read" in event["what"]


async def test_an_alarm_leaves_past_every_interval(house: House, cloud: Cloud) -> None:
    """Values that wait for an hour's report, and a window of a day, wait no longer."""
    house.devices["meter"] = {
        "driver": "sim",
        **COUNTS,
        "channel": {"count": {"window": "1d", "alarm": {"above": 20.5}}},
    }
    cloud.register({"meter/count": "number", "meter/count_alarm": "onoff"})
    house.add_thingplus("up", cloud.port, API_KEY, series_interval="1h")
    house.sections["outbox"] = {"commit_interval": "1h"}
    async with house.daemon() as daemon:
        await daemon.wait_up("up", "meter")
        await until(lambda: len(cloud.values("meter/count_alarm")) > 1, "the alarm arrived")
        assert cloud.values("meter/count_alarm") == [0, 1]
        assert cloud.values("meter/count")[-1] == 21
        names = [row["channel"] for row in await daemon.ask("channels")]
        assert ChannelId("meter/count_max") in names
        assert (await read(daemon, "meter/count_max"))["value"] >= 21
