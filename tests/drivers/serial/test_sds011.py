"""The SDS011: the data sheet's frame, and a sensor on a pty that keeps its period."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from drivers.serial.sds011 import (
    Config,
    decode,
    encode_period,
    encode_wake,
    open_driver,
    recognise,
)
from gatewayd.errors import DeviceTimeout
from gatewayd.model import Measurement
from gatewayd.ports import Ports
from tests.frames.serial.vectors import PMS5003, SDS011
from tests.peers.pty import plugged

VALUES = (Measurement("pm25", 123.6), Measurement("pm10", 261.8))
DEADLINE_S = 5.0


class Sensor:
    """Answers commands about its period, and counts how often it was written."""

    def __init__(self, period: int) -> None:
        self.period, self.writes, self.wakings = period, 0, 0

    def receive(self, data: bytes) -> bytes:
        """Return the answers to commands."""
        assert not len(data) % 19
        return b"".join(self._answer(data[at : at + 19]) for at in range(0, len(data), 19))

    def _answer(self, data: bytes) -> bytes:
        """Return the answer to one: `AA B4 08 set minutes …`."""
        if data == encode_wake():
            self.wakings += 1
            return b""
        assert data[:3] == b"\xaa\xb4\x08"
        assert sum(data[2:17]) & 0xFF == data[17]
        if data[3]:
            self.period, self.writes = data[4], self.writes + 1
        body = bytes([8, data[3], self.period, 0, 0xA1, 0x60])
        return b"\xaa\xc5" + body + bytes([sum(body) & 0xFF, 0xAB])


def test_the_data_sheets_frame_is_decoded() -> None:
    """D4 04 is 123.6, 3A 0A is 261.8 µg/m³."""
    assert decode(SDS011) == VALUES


def test_commands_are_the_makers() -> None:
    """Source: control protocol V1.3: set 1 minute, ask, and wake."""
    assert encode_wake().hex() == "aab406010100000000000000000000ffff06ab"
    assert encode_period(1).hex() == "aab408010100000000000000000000ffff08ab"
    assert encode_period().hex() == "aab408000000000000000000000000ffff06ab"


def test_a_sensor_is_known_by_its_frame() -> None:
    """In the middle of whatever came before; nothing else is taken for one."""
    evidence = recognise(b"\x00\xaa" + SDS011)
    assert evidence is not None
    assert evidence.is_proof
    assert recognise(PMS5003) is None


@pytest.mark.parametrize(
    ("told", "wanted", "writes"), [(0, 5, 1), (5, 5, 0), (3, 0, 1), (3, None, 0)]
)
async def test_the_period_is_written_only_when_it_differs(
    told: int, wanted: int | None, writes: int
) -> None:
    """The sensor keeps it in a memory that wears; without `period` it is left alone."""
    sensor = Sensor(told)
    with plugged(sensor) as pty:
        async with (
            open_driver(Config(port=pty.path, period=wanted), Ports()) as dust,
            aclosing(dust.measurements()) as spoken,  # type: ignore[type-var]  # It is one.
            asyncio.timeout(DEADLINE_S),
        ):
            for _ in range(4):
                pty.write(SDS011)
                assert await anext(spoken) == VALUES
            while sensor.period != (told if wanted is None else wanted):
                pty.write(SDS011)
                await anext(spoken)
        assert (sensor.writes, sensor.wakings) == (writes, wanted is not None)


async def test_a_silent_sensor_is_late() -> None:
    """After its period and the grace; one that sleeps for minutes is not taken for dead."""
    with plugged() as pty:
        config = Config(port=pty.path, silence=0.2)
        async with open_driver(config, Ports()) as dust:
            with pytest.raises(DeviceTimeout):
                await anext(aiter(dust.measurements()))


def test_a_period_that_the_sensor_does_not_know_is_refused() -> None:
    """0 to 30 minutes."""
    with pytest.raises(ValueError, match="0 to 30"):
        Config(port="x", period=31)
