"""Winsen MH-Z19B and MH-Z19C, infrared sensors of carbon dioxide.

Channels:
    co2          ppm; UNCERTAIN while the lamp warms up, three minutes after the device was opened
    temperature  °C inside the sensor, a few degrees above the air's

The sensor corrects its zero by itself: it takes the lowest value of a day for fresh air. That is
right in a room that is aired, and wrong in a greenhouse, a cellar or a stable, where after some
days every value is too low. So there is no default: `self_calibration` must be said.

Example:

    [device.office]
    driver = "mhz19"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"
    self_calibration = true

Identity: an answer to the read command with a right checksum.

Tested: the data sheet's worked answer; real pyserial over a pty with a sensor that keeps its mode.

Source: Winsen MH-Z19B manual V1.6 and MH-Z19C manual V1.1, serial port commands 0x86 and 0x79; the
temperature byte is not in them and known from use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, DeviceTimeout, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 9600}
SIZE = 9
CONFIRM_S = 0.5
"""For an answer to the calibration setting, which newer sensors give and older ones do not."""


def encode(command: int, value: int = 0) -> bytes:
    """Return a question or setting: `FF 01 command value 00 00 00 00 checksum`."""
    body = bytes([1, command, value, 0, 0, 0, 0])
    return b"\xff" + body + bytes([-sum(body) & 0xFF])


QUESTION = encode(0x86)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        self_calibration: whether the sensor may take each day's lowest value for fresh air.
        range: what the sensor was bought for, in ppm; a value above is a FAULT.
        warm_up: how long after opening its values are UNCERTAIN. The gateway cannot see when the
            sensor got its power, and a sensor that was away may have lost it.
    """

    port: str
    self_calibration: bool
    range: Literal[2000, 5000, 10000] = 5000
    warm_up: Seconds = 180.0
    answer_timeout: Seconds = 1.0


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the two channels."""
    return (
        Channel("co2", "co2", "[ppm]", decimals=0, minimum=0, maximum=config.range),
        Channel("temperature", "temperature", "Cel", decimals=0, minimum=-20, maximum=80),
    )


def decode(answer: bytes) -> tuple[int, int]:
    """Return ppm and °C from `FF 86 high low T+40 … checksum`.

    Raises:
        Malformed: another answer, or a wrong checksum.
    """
    if answer[:2] != b"\xff\x86" or len(answer) != SIZE or sum(answer[1:]) & 0xFF:
        raise Malformed(f"no answer of an MH-Z19: {answer.hex(' ')}")
    return answer[2] << 8 | answer[3], answer[4] - 40


def recognise(heard: bytes) -> Evidence | None:
    """Know the sensor by its answer to the read command."""
    try:
        co2, _ = decode(heard[:SIZE])
    except Malformed:
        return None
    # As it leaves the factory; the owner of a greenhouse knows better.
    keys = {"self_calibration": True}
    return Evidence(f"answers 0x86 with {co2} ppm", is_proof=True, keys=keys)


@dataclass(slots=True)
class Co2:
    """A sensor on its line; `warm_s` is the loop time from which its values are good."""

    _port: SerialPort
    _timeout_s: float
    _warm_s: float

    async def read(self) -> Sequence[Measurement]:
        """Ask for one value.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: another answer, or a disturbed one.
            DeviceAbsent: the line is gone.
        """
        answer = await self._port.exchange(QUESTION, until=SIZE, timeout_s=self._timeout_s)
        try:
            co2, temperature = decode(answer)
        except Malformed as error:
            raise DeviceFault(f"{self._port.name}: {error}") from error
        is_warm = asyncio.get_running_loop().time() >= self._warm_s
        return (
            Measurement("co2", co2, Quality.GOOD if is_warm else Quality.UNCERTAIN),
            Measurement("temperature", temperature),
        )


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Co2]:
    """Let the sensor prove itself with one answer, and tell it whether to calibrate itself.

    Raises as `Co2.read`.
    """
    async with ports.serial(config.port, **LINE) as port:
        warm_s = asyncio.get_running_loop().time() + config.warm_up
        sensor = Co2(port, config.answer_timeout, warm_s)
        await sensor.read()
        setting = encode(0x79, 0xA0 if config.self_calibration else 0)
        with suppress(DeviceTimeout):
            await port.exchange(setting, until=SIZE, timeout_s=CONFIRM_S)
        yield sensor
