"""Vishay VEML7700: light, from starlight to sunlight.

Channels:
    illuminance (lx), 0 … 170 000; FAULT where the brightest range is full

Example:

    [device.roof]
    driver = "veml7700"
    port = "i2c:1"

Gain and time of integration are chosen anew at each reading, from those of the last one: up to
two seconds when the light changed much. The oldest chips have 0.0036 lx a count instead of 0.0042:
give their channel `scale = 0.857`.

Tested: a synthetic scale and the data sheet's settings; real smbus2 over a fake kernel.
Source: Vishay VEML7700 data sheet 84286 (registers, resolution); application note 84323 "Designing
the VEML7700 Into an Application" (ranges, correction above 1000 lx).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._recognise import find_register
from drivers.i2c._table import Chip, Command, Query, open_chip
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x10,)

CONFIGURATION, LIGHT, ID_REGISTER = 0x00, 0x04, 0x07
ID = 0x81C4
"""0xC481 as the chip sends it, the low byte first. The oldest chips have no such register."""

SHUT_DOWN = 0x0001
FULL = 0xFFFF
LUX_PER_COUNT = 0.0042
"""With the largest gain, 2, and the longest time, 800 ms."""

COUNTS_FEW, COUNTS_MANY = 100, 10_000
"""Outside, another range is better: the application note's own limits. Neighbours differ by 4 at
the most, so that neither of them sends the other back."""

LINEAR_LUX = 1000


@dataclass(frozen=True, slots=True)
class Range:
    """A gain and a time of integration, with their codes in the configuration."""

    gain: float
    gain_code: int
    time_ms: int
    time_code: int

    @property
    def configuration(self) -> int:
        """The word that measures in this range, continuously."""
        return self.gain_code << 11 | self.time_code << 6

    @property
    def wait_s(self) -> float:
        """Until the first value is there: 2.5 ms to wake up; the chip's clock may be 10 % slow."""
        return 0.0025 + self.time_ms * 0.0011


RANGES = (
    Range(1 / 8, 2, 25, 12),
    Range(1 / 8, 2, 50, 8),
    Range(1 / 8, 2, 100, 0),
    Range(1 / 4, 3, 100, 0),
    Range(1, 0, 100, 0),
    Range(2, 1, 100, 0),
    Range(2, 1, 200, 1),
    Range(2, 1, 400, 2),
    Range(2, 1, 800, 3),
)
"""From sunlight to starlight."""

FIRST = 2
"""As the application note begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    address: Literal[0x10] = 0x10


def lux(counts: int, within: Range) -> float:
    """Return the light of so many counts, corrected where the two small gains are not linear."""
    light = counts * LUX_PER_COUNT * (800 / within.time_ms) * (2 / within.gain)
    if light > LINEAR_LUX and within.gain < 1:
        light = ((6.0135e-13 * light - 9.3924e-9) * light + 8.1488e-5) * light**2 + 1.0023 * light
    return light


def better_range(counts: int, index: int) -> int:
    """Return the range to try next, or the same where it is good or there is none better."""
    if counts > COUNTS_MANY:
        return max(0, index - 1)
    if counts < COUNTS_FEW:
        return min(len(RANGES) - 1, index + 1)
    return index


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channel."""
    return (Channel("illuminance", "illuminance", "lx", 2, minimum=0, maximum=170_000),)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Veml7700]:
    """Let the chip answer once, and yield the sensor."""
    async with open_chip(config, ports) as chip:
        await chip.register(CONFIGURATION)
        yield Veml7700(chip)


class Veml7700:
    """One chip, and the range that was good last time."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._index = FIRST

    async def read(self) -> Sequence[Measurement]:
        """Measure, in other ranges too until one is good.

        Raises:
            DeviceFault: the chip does not keep its configuration: it is another, or lost power.
            DeviceError: the bus says so.
        """
        for _ in RANGES:
            within = RANGES[self._index]
            counts = await self._measure(within)
            better = better_range(counts, self._index)
            if better == self._index:
                break
            self._index = better
        if counts == FULL:
            return (Measurement("illuminance", None, Quality.FAULT),)
        return (Measurement("illuminance", float(f"{lux(counts, within):.6g}")),)

    async def _measure(self, within: Range) -> int:
        # Off and on again: a new integration begins, and none of the old range is read.
        wanted = within.configuration.to_bytes(2, "little")
        await self._chip.tell(
            Command(bytes([CONFIGURATION, wanted[0] | SHUT_DOWN, wanted[1]])),
            Command(bytes([CONFIGURATION]) + wanted, within.wait_s),
        )
        data = await self._chip.ask(Query(write=bytes([LIGHT]), count=2))
        found = await self._chip.ask(Query(write=bytes([CONFIGURATION]), count=2))
        if found != wanted:
            raise DeviceFault(f"{self._chip.where} has setting {found.hex()}, not {wanted.hex()}")
        return int.from_bytes(data, "little")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the id; the relay boards at this address know registers too."""
    if await find_register(bus, address, ID_REGISTER) != ID:
        return None
    return Evidence("id register 0x07 says 0xC481", is_proof=True)
