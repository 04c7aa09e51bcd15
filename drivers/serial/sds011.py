"""Nova Fitness SDS011, a laser sensor of fine dust.

Channels:
    pm25  µg/m³ of particles up to 2.5 µm
    pm10  µg/m³ of particles up to 10 µm

It speaks once a second. Its laser lives about 8000 hours, which is eleven months day and night;
with `period = 5` the sensor wakes every five minutes, measures for half a minute, says one value
and sleeps, and the laser lasts nine years. The sensor keeps that setting itself, also without
power, so it is written only when it differs.

Example:

    [device.street]
    driver = "sds011"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"
    period = 5                    # minutes; 0 is day and night; without it: as the sensor is set

Tested: the data sheet's worked frame; real pyserial over a pty with a sensor that keeps its period.

Source: Nova Fitness, Laser Dust Sensor Control Protocol V1.3; SDS011 data sheet V1.3.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.serial._frames import Format, FrameReader, frames
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 9600}
QUESTION = b""

PERIODS = range(31)
"""Minutes that the sensor can be told. Source: control protocol V1.3, working period."""

ASK_AGAIN = 10
"""Data frames after which an answer will not come any more."""

DATA, ANSWER = 0xC0, 0xC5
SLEEP, PERIOD = 0x06, 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        period: minutes from one measurement to the next, 0 for one a second.
        silence: how long beyond `period` the sensor may say nothing before it counts as lost.
    """

    port: str
    period: int | None = None
    silence: Seconds = 60.0

    def __post_init__(self) -> None:
        """Refuse what the sensor cannot be told."""
        if self.period is not None and self.period not in PERIODS:
            raise ValueError("period is 0 to 30 minutes")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the two sizes of dust. The sensor measures up to 999.9 µg/m³ and says no more."""
    return tuple(
        Channel(name, "dust", "ug/m3", decimals=1, minimum=0, maximum=1000)
        for name in ("pm25", "pm10")
    )


def check(frame: bytes) -> None:
    """Raise Malformed for a frame with a wrong end or sum.

    Args:
        frame: `AA C0|C5`, six bytes, the low byte of their sum, `AB`.
    """
    if frame[1] not in (DATA, ANSWER) or frame[9] != 0xAB or sum(frame[2:8]) & 0xFF != frame[8]:
        raise Malformed(f"no frame of an SDS011: {frame.hex(' ')}")


FORMAT = Format(b"\xaa", lambda _: 10, check, 10)


def decode(frame: bytes) -> Sequence[Measurement]:
    """Return what a data frame says: tenths of µg/m³, low byte first.

    Source: data sheet V1.3, the UART communication protocol.
    """
    return (
        Measurement("pm25", int.from_bytes(frame[2:4], "little") / 10),
        Measurement("pm10", int.from_bytes(frame[4:6], "little") / 10),
    )


def period_of(frame: bytes) -> int | None:
    """Return the working period in minutes that an answer tells, or None for another frame."""
    return frame[4] if frame[1] == ANSWER and frame[2] == PERIOD else None


def encode_period(period: int | None = None) -> bytes:
    """Return the command that sets the working period in minutes, or asks for it.

    Source: control protocol V1.3, set working period; FF FF is any sensor.
    """
    return _command(PERIOD, period or 0, is_setting=period is not None)


def encode_wake() -> bytes:
    """Return the command that ends the sensor's sleep. Source: control protocol V1.3, sleep and
    work."""
    return _command(SLEEP, 1, is_setting=True)


def _command(what: int, value: int, *, is_setting: bool) -> bytes:
    data = bytes([what, is_setting, value]) + bytes(10) + b"\xff\xff"
    return b"\xaa\xb4" + data + bytes([sum(data) & 0xFF, 0xAB])


def recognise(heard: bytes) -> Evidence | None:
    """Know the sensor by a frame with a right sum."""
    found = [each for each in FrameReader(FORMAT).feed(heard) if each[1] == DATA]
    return Evidence(f"a dust frame {found[0].hex(' ')}", is_proof=True) if found else None


@dataclass(slots=True)
class Dust:
    """A sensor on its line."""

    _port: SerialPort
    _config: Config
    reader: FrameReader = field(default_factory=lambda: FrameReader(FORMAT))

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield each pair of values. Where its period is ours to say, the sensor is woken first;
        asleep it hears nothing else. It is asked for its period when it speaks, and told when it
        answers another one.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: bytes come, but no frames.
            DeviceAbsent: the line is gone.
        """
        wanted = self._config.period
        silence_s = (wanted or 0) * 60 + self._config.silence
        is_known, unanswered = wanted is None, ASK_AGAIN
        if wanted is not None:
            await self._port.write(encode_wake())
        async with aclosing(frames(self._port, self.reader, silence_s)) as spoken:
            async for frame in spoken:
                if frame[1] == DATA:
                    yield decode(frame)
                    unanswered += 1
                    if not is_known and unanswered > ASK_AGAIN:
                        unanswered = 0
                        await self._port.write(encode_period())
                elif wanted is not None and (period := period_of(frame)) is not None:
                    is_known = period == wanted
                    if not is_known:
                        unanswered = 0
                        await self._port.write(encode_period(wanted))


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Dust]:
    """Listen to a sensor. Asleep it does not answer, so its silence is found out listening."""
    async with ports.serial(config.port, **LINE) as port:
        yield Dust(port, config)
