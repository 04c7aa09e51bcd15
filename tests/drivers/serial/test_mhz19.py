"""The MH-Z19: the data sheet's answer, and a sensor on a pty that keeps its mode."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from drivers.serial.mhz19 import QUESTION, Config, decode, encode, open_driver, recognise
from gatewayd.errors import DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.frames.serial.vectors import MHZ19
from tests.peers.pty import Pty, plugged


class Sensor:
    """Answers the read command; takes the calibration setting, confirming it or not."""

    def __init__(self, *, confirms: bool) -> None:
        self.is_calibrating: bool | None = None
        self._confirms = confirms

    def receive(self, data: bytes) -> bytes:
        """Return the answer to one command."""
        if data == QUESTION:
            return MHZ19
        assert data[2] == 0x79
        self.is_calibrating = data[3] == 0xA0
        return encode(0x79, 1)[:1] + b"\x79\x01\x00\x00\x00\x00\x00\x86" if self._confirms else b""


@pytest.fixture
async def pty() -> AsyncIterator[Pty]:
    with plugged(Sensor(confirms=True)) as pty:
        yield pty


def test_the_data_sheets_frames() -> None:
    """Question, answer, and self-calibration on and off."""
    assert QUESTION.hex() == "ff0186000000000079"
    assert decode(MHZ19) == (608, 31)
    assert encode(0x79, 0xA0).hex() == "ff0179a000000000e6"
    assert encode(0x79).hex() == "ff01790000000000" + "86"


@pytest.mark.parametrize("at", range(len(MHZ19)))
def test_a_flipped_bit_is_malformed(at: int) -> None:
    """In any byte."""
    broken = bytearray(MHZ19)
    broken[at] ^= 0x10
    with pytest.raises(Malformed):
        decode(bytes(broken))


@pytest.mark.parametrize("confirms", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
async def test_self_calibration_is_set_as_written(wanted: bool, confirms: bool) -> None:
    """On sensors that confirm it, and on those that do not."""
    sensor = Sensor(confirms=confirms)
    with plugged(sensor) as pty:
        config = Config(port=pty.path, self_calibration=wanted)
        async with open_driver(config, Ports()) as co2:
            assert sensor.is_calibrating is wanted
            assert (await co2.read())[1] == Measurement("temperature", 31)


@pytest.mark.parametrize(("warm_up", "quality"), [(60.0, Quality.UNCERTAIN), (0.0, Quality.GOOD)])
async def test_values_of_a_cold_lamp_are_uncertain(
    pty: Pty, warm_up: float, quality: Quality
) -> None:
    """Until the warm-up is over."""
    config = Config(port=pty.path, self_calibration=False, warm_up=warm_up)
    async with open_driver(config, Ports()) as co2:
        assert (await co2.read())[0] == Measurement("co2", 608, quality)


async def test_a_silent_or_garbling_sensor_does_not_open(pty: Pty) -> None:
    """Silence is a timeout, another answer a fault."""
    config = Config(port=pty.path, self_calibration=True, answer_timeout=0.1)
    for answer, error in ((b"", DeviceTimeout), (MHZ19[::-1], DeviceFault)):
        pty.serve(lambda _, answer=answer: answer)  # type: ignore[misc]  # Bound at once.
        with pytest.raises(error):
            async with open_driver(config, Ports()):
                pass


def test_a_sensor_is_known_by_its_answer() -> None:
    """With a right checksum only."""
    assert recognise(MHZ19) is not None
    assert recognise(MHZ19[:-1] + b"\x00") is None
    assert recognise(b"") is None
