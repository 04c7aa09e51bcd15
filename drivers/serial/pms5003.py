"""Plantower PMS5003 and its kin (PMS7003, PMSA003), laser sensors of fine dust.

Channels:
    pm1, pm25, pm10                µg/m³ of particles up to 1, 2.5 and 10 µm, in the open air
    count03 … count100 (optional)  particles above 0.3, 0.5, 1, 2.5, 5 and 10 µm in 0.1 l of air

Example:

    [device.hall]
    driver = "pms5003"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"
    counts = true

Tested: a synthetic frame made after the manual; real pyserial over a pty.

Source: Plantower PMS5003 series data manual V2.5, appendix I: transport protocol, active mode;
PMS7003 data manual V2.5 for the error code.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.serial._frames import Format, FrameReader, frames
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 9600}
QUESTION = b""

SIZE = 32
DUST = ("pm1", "pm25", "pm10")
COUNTS = ("count03", "count05", "count10", "count25", "count50", "count100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        counts: also tell how many particles there are.
        silence: the sensor speaks every second or two; after so long without a word it is lost.
    """

    port: str
    counts: bool = False
    silence: Seconds = 20.0


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels; the manual's effective range is 500, its largest 1000 µg/m³ and more."""
    dust = [Channel(name, "dust", "ug/m3", decimals=0, minimum=0, maximum=5000) for name in DUST]
    counts = [Channel(name, "concentration", "/dL", decimals=0, minimum=0) for name in COUNTS]
    return (*dust, *(counts if config.counts else ()))


def check(frame: bytes) -> None:
    """Raise Malformed where the last word is not the sum of all bytes before it."""
    if sum(frame[:-2]) & 0xFFFF != int.from_bytes(frame[-2:], "big"):
        raise Malformed(f"a dust frame with a wrong sum: {frame.hex()}")


FORMAT = Format(b"\x42\x4d\x00\x1c", lambda _: SIZE, check, SIZE)


def decode(frame: bytes) -> Sequence[Measurement]:
    """Return what a frame says.

    Args:
        frame: `42 4D 00 1C`, thirteen big-endian words (three of dust in factory air, three in
            the open, six counts, version and error code), and the sum.
    """
    words = struct.unpack(">13H", frame[4:30])
    names = DUST + COUNTS
    if words[12] & 0xFF:  # The sensor's own error code: fan, laser or light path.
        return tuple(Measurement(name, None, Quality.FAULT) for name in names)
    return tuple(Measurement(*each) for each in zip(names, words[3:12], strict=True))


def recognise(heard: bytes) -> Evidence | None:
    """Know the sensor by a frame with a right sum."""
    found = FrameReader(FORMAT).feed(heard)
    return Evidence("a frame 42 4D with a right sum", is_proof=True) if found else None


@dataclass(slots=True)
class Dust:
    """A sensor on its line."""

    _port: SerialPort
    _config: Config
    reader: FrameReader = field(default_factory=lambda: FrameReader(FORMAT))

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each frame says.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: bytes come, but no frames.
            DeviceAbsent: the line is gone.
        """
        wanted = {each.id for each in describe(self._config)}
        async with aclosing(frames(self._port, self.reader, self._config.silence)) as spoken:
            async for frame in spoken:
                yield tuple(each for each in decode(frame) if each.channel in wanted)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Dust]:
    """Listen to a sensor; it speaks unasked, so its silence is found out while listening."""
    async with ports.serial(config.port, **LINE) as port:
        yield Dust(port, config)
