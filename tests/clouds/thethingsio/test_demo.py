"""The thethings.iO part of the demonstration, without the rest of it."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio import demo as demonstration
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.demo import open_demo
from gatewayd.clouds.thethingsio.rest import RestSettings, open_rest
from gatewayd.fields import Secret
from gatewayd.model import Access, Channel, ChannelId

PUMP, TEMPERATURE = ChannelId("pump/relay"), ChannelId("boiler/temperature")
CHANNELS = {
    PUMP: Channel(PUMP, "switch", access=Access.WRITE),
    TEMPERATURE: Channel(TEMPERATURE, "temperature", "Cel"),
}


async def test_readings_are_counted_and_a_switch_is_answered(tmp_path: Path) -> None:
    """Our channels' values alone; the section leads to the sandbox."""
    async with open_demo("b827eb000001", CHANNELS, PUMP, tmp_path) as cloud:
        section = tomllib.loads(cloud.section)["uplink"]["thethingsio"]
        settings = RestSettings(url=section["rest_url"], session_file=tmp_path / "none")
        async with open_rest(settings, SystemClock()) as api:
            thing = api.thing(Secret(section["token"]))
            await thing.write([Entry("boiler.temperature", 20.5), Entry("other", 1)])
            assert cloud.received() == 1
            async with thing.listen() as pushes, asyncio.TaskGroup() as tasks:
                switching = tasks.create_task(cloud.switch(on=True))
                assert await anext(pushes) == [{"key": "pump.relay", "value": "on"}]
                await thing.write([Entry("pump.relay_ack", "done: as asked")])
        assert switching.result().is_done
        assert switching.result().answer == "done: as asked"
        assert "pump.relay" in cloud.curl


async def test_a_gateway_that_does_not_answer_has_not_switched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, after a while."""
    monkeypatch.setattr(demonstration, "ANSWER_S", 0.1)
    async with open_demo("b827eb000001", CHANNELS, PUMP, tmp_path) as cloud:
        switched = await cloud.switch(on=True)
    assert not switched.is_done
