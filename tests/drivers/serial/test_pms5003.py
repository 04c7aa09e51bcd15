"""The PMS5003: a synthetic frame made after the manual, and real pyserial over a pty."""

from __future__ import annotations

import asyncio

import pytest

from drivers.serial.pms5003 import Config, decode, describe, open_driver, recognise
from gatewayd.errors import DeviceTimeout
from gatewayd.model import Quality
from gatewayd.ports import Ports
from tests.frames.serial.vectors import PMS5003, SDS011
from tests.peers.pty import plugged


def test_a_frame_is_decoded() -> None:
    """Dust as in the open air, and the six counts (*syn*)."""
    assert {each.channel: each.value for each in decode(PMS5003)} == {
        "pm1": 5,
        "pm25": 8,
        "pm10": 10,
        "count03": 900,
        "count05": 270,
        "count10": 50,
        "count25": 6,
        "count50": 2,
        "count100": 1,
    }


def test_a_sensor_that_reports_an_error_has_no_value() -> None:
    """The last byte but the sum is its own error code."""
    frame = PMS5003[:29] + b"\x01" + PMS5003[30:]
    assert {each.quality for each in decode(frame)} == {Quality.FAULT}


async def test_the_wanted_channels_are_told() -> None:
    """Counts only where asked for."""
    with plugged() as pty:
        for config in (Config(port=pty.path), Config(port=pty.path, counts=True)):
            async with open_driver(config, Ports()) as dust:
                spoken = aiter(dust.measurements())
                pty.write(b"\x42" + PMS5003)
                async with asyncio.timeout(5.0):
                    heard = await anext(spoken)
            assert [each.channel for each in heard] == [each.id for each in describe(config)]


async def test_a_silent_sensor_is_late() -> None:
    """It speaks every second."""
    with plugged() as pty:
        async with open_driver(Config(port=pty.path, silence=0.2), Ports()) as dust:
            with pytest.raises(DeviceTimeout):
                await anext(aiter(dust.measurements()))


def test_a_sensor_is_known_by_its_frame() -> None:
    """And nothing else is taken for one."""
    assert recognise(b"\x42\x4d" + PMS5003) is not None
    assert recognise(SDS011) is None
