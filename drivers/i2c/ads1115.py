"""TI ADS1115: four voltages against ground, or two between its inputs.

Channels:
    one for each `[device.NAME.inputs.CHANNEL]`, with the kind and unit written there; FAULT where
    the converter is at its end

Example:

    [device.tank]
    driver = "ads1115"
    port = "i2c:1"
    address = 0x48          # 0x49 ADDR to VDD, 0x4A to SDA, 0x4B to SCL

    [device.tank.inputs.level]
    pins = "0"              # AIN0 against ground; "0-1" between AIN0 and AIN1
    range_v = 4.096         # the smallest of the chip's that holds the signal
    kind = "level"          # a 4–20 mA sensor over 150 Ω, 0 to 5 m
    unit = "m"
    scale = 2.0833          # 5 m / (3.0 V − 0.6 V)
    offset = -1.25
    minimum = -0.1
    maximum = 5.1

    [device.tank.inputs.supply]
    pins = "3"

Whatever the range, an input above the chip's own supply destroys it.

Tested: the data sheet's codes and configuration; real smbus2 over a fake kernel.
Source: TI ADS1115 data sheet SBAS444 §9.6 (registers), table 9-3 (codes), §9.5 (conversion time).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._recognise import find_register, may_be_pcf8591
from drivers.i2c._table import Chip, Command, Field, Poll, Query, open_chip
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel, Measurement

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)

CONVERSION, CONFIGURATION = 0x00, 0x01
READY, SINGLE, NO_COMPARATOR = 0x8000, 0x0100, 0x0003
AFTER_RESET = 0x8583

PINS = ("0-1", "0-3", "1-3", "2-3", "0", "1", "2", "3")
RANGES_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)
RATES = (8, 16, 32, 64, 128, 250, 475, 860)
"""Each by its code in the configuration."""

SPARE_S = 0.002
"""Beside the conversion itself: the clock of a bus is slow and the chip's is 10 % off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One voltage: `[device.NAME.inputs.CHANNEL]`; the value is V · scale + offset.

    Attributes:
        pins: one against ground, or the first against the second.
        range_v: what the converter takes, either side of zero.
    """

    pins: Literal["0", "1", "2", "3", "0-1", "0-3", "1-3", "2-3"]
    range_v: float = 4.096
    kind: str = "voltage"
    unit: str = "V"
    decimals: int | None = 4
    scale: float = 1.0
    offset: float = 0.0
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        rate: conversions a second. Fewer are quieter; 8 and 16 average mains hum away.
    """

    port: str
    address: Literal[0x48, 0x49, 0x4A, 0x4B] = 0x48
    rate: Literal[8, 16, 32, 64, 128, 250, 475, 860] = 128
    inputs: Mapping[str, Input]

    def __post_init__(self) -> None:
        """Find what the chip cannot do."""
        if not self.inputs:
            raise ValueError("an ADS1115 needs at least one [….inputs.CHANNEL]")
        for name, each in self.inputs.items():
            if each.range_v not in RANGES_V:
                raise ValueError(f"input {name}: range_v is one of {', '.join(map(str, RANGES_V))}")
            if not each.scale:
                raise ValueError(f"input {name}: scale is not 0")


def field_of(name: str, wanted: Input) -> Field:
    """Return the field that a conversion of this input fills."""
    return Field(
        name=name,
        kind=wanted.kind,
        unit=wanted.unit,
        decimals=wanted.decimals,
        is_signed=True,
        scale=wanted.range_v / (1 << 15) * wanted.scale,
        offset=wanted.offset,
        is_void=is_at_its_end,
        minimum=wanted.minimum,
        maximum=wanted.maximum,
    )


def is_at_its_end(word: int) -> bool:
    """Return whether the converter is at either end of its range; beyond looks the same."""
    return word in {0x7FFF, 0x8000}


def configuration_of(wanted: Input, rate: int) -> int:
    """Return the word that begins one conversion of an input."""
    return (
        READY
        | PINS.index(wanted.pins) << 12
        | RANGES_V.index(wanted.range_v) << 9
        | SINGLE
        | RATES.index(rate) << 5
        | NO_COMPARATOR
    )


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each input."""
    return tuple(field_of(name, each).channel for name, each in config.inputs.items())


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Ads1115]:
    """Let the chip answer once, and yield the sensor."""
    async with open_chip(config, ports) as chip:
        await chip.register(CONFIGURATION)
        yield Ads1115(config, chip)


class Ads1115:
    """One converter; it sleeps between conversions."""

    def __init__(self, config: Config, chip: Chip) -> None:
        self._config = config
        self._chip = chip

    async def read(self) -> Sequence[Measurement]:
        """Convert one input after the other.

        Raises:
            DeviceTimeout: a conversion does not end.
            DeviceFault: the chip does not keep its configuration: it is another, or lost power.
            DeviceError: the bus says so.
        """
        return [await self._convert(name, each) for name, each in self._config.inputs.items()]

    async def _convert(self, name: str, wanted: Input) -> Measurement:
        chip, rate = self._chip, self._config.rate
        word = configuration_of(wanted, rate)
        await chip.tell(
            Command(bytes([CONFIGURATION]) + word.to_bytes(2, "big"), 1.1 / rate + SPARE_S)
        )
        configuration = Query(write=bytes([CONFIGURATION]), count=2)
        found = int.from_bytes(await chip.ask(configuration), "big")
        if (found ^ word) & ~READY:
            raise DeviceFault(f"{chip.where} has configuration {found:04x}, not {word:04x}")
        if not found & READY:
            await chip.wait_ready(
                Poll(query=configuration, mask=READY, every_s=0.1 / rate + SPARE_S, tries=10)
            )
        data = await chip.ask(Query(write=bytes([CONVERSION]), count=2))
        return field_of(name, wanted).decode(data)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the configuration; the thermometers know registers too, a PCF8591 is left alone.

    An ADS1015 wakes up with the same one, and works with this driver: 12 of the 16 bits are its.
    """
    if await may_be_pcf8591(bus, address):
        return None
    found = await find_register(bus, address, CONFIGURATION)
    if found is None or found & (SINGLE | 0x1F) != SINGLE | NO_COMPARATOR:
        return None
    return Evidence(
        f"configuration 0x{found:04X}, as an ADS1115 says",
        is_proof=found == AFTER_RESET,
        keys={"inputs": {name: {"pins": name[-1]} for name in ("a0", "a1", "a2", "a3")}},
    )
