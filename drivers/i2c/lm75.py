"""NXP, TI and other LM75, LM75A, LM75B, TMP75: temperature.

Channels:
    temperature (Cel), −55 … 125

Example:

    [device.cabinet]
    driver = "lm75"
    port = "i2c:1"
    address = 0x48          # 0x48 to 0x4F by its pins A0, A1, A2
    bits = 11               # LM75A, NXP's LM75B; 9 for a plain LM75 and TI's, 12 for a TMP75

Identity: it has no id, but two limits that must make sense together.
Tested: the data sheet's table of codes; real smbus2 over a fake kernel.
Source: NXP LM75A data sheet §7.4 (registers, codes of 11 bits); TI LM75B data sheet SNIS153 §7.5
(codes of 9 bits).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._recognise import find_register, may_be_pcf8591
from drivers.i2c._table import Chip, Command, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F)

CONFIGURATION, HYSTERESIS, OVERHEAT = 0x01, 0x02, 0x03
LIMITS = 0x4B00, 0x5000
"""75 °C and 80 °C, as all of the family wake up."""

CONVERSION_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        bits: of a conversion. Fewer than the chip has cost resolution and nothing else.
    """

    port: str
    address: Literal[0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F] = 0x48
    bits: Literal[9, 10, 11, 12] = 9


def _is_held_high(word: int) -> bool:
    """Return whether even the unused bits are ones: nobody drives the line."""
    return word == 0xFFFF


def table_of(config: Config) -> Table:
    """Return the table of a chip with so many bits, left-justified, the first one the sign."""
    return Table(
        # Awake, whatever another program left; the first value is that of a new conversion.
        start=(Command(bytes([CONFIGURATION, 0]), CONVERSION_S),),
        queries=(
            Query(
                write=b"\x00",
                count=2,
                fields=(
                    Field(
                        name="temperature",
                        kind="temperature",
                        unit="Cel",
                        decimals=2,
                        bits=config.bits,
                        shift=16 - config.bits,
                        is_signed=True,
                        scale=0.5 / (1 << (config.bits - 9)),
                        is_void=_is_held_high,
                        minimum=-55,
                        maximum=125,
                    ),
                ),
            ),
        ),
    )


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the chip's channel."""
    return table_of(config).channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Look whether the chip lives, wake it, and yield the sensor."""
    return open_table(config, ports, table_of(config), prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault where the two limits cannot be an LM75's.

    They are temperatures, the overheat one the higher, and at least four bits of each are unused.
    A TMP102 has such limits too; it is near enough to be read as one of the family.
    """
    hysteresis, overheat = await chip.register(HYSTERESIS), await chip.register(OVERHEAT)
    low_c, high_c = (_celsius(limit) for limit in (hysteresis, overheat))
    if (hysteresis | overheat) & 0x000F or not -55 <= low_c < high_c <= 125:
        raise DeviceFault(
            f"{chip.where} is no LM75: its limits say {hysteresis:04x} and {overheat:04x}"
        )


def _celsius(limit: int) -> float:
    return (limit - (limit >> 15 << 16)) / 256


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read limits and configuration; a PCF8591 is left alone.

    A TMP102 has the same limits, and a configuration that is not zero.
    """
    if await may_be_pcf8591(bus, address):
        return None
    if await find_register(bus, address, CONFIGURATION, 1) is not None:
        return None
    limits = [await find_register(bus, address, each) for each in (HYSTERESIS, OVERHEAT)]
    if limits != list(LIMITS):
        return None
    return Evidence("limits 75 °C and 80 °C, as the LM75 family wakes up", is_proof=True)
