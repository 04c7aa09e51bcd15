"""TI TMP102: temperature.

Channels:
    temperature (Cel), −40 … 125

Example:

    [device.rack]
    driver = "tmp102"
    port = "i2c:1"
    address = 0x48          # 0x49 ADD0 to V+, 0x4A to SDA, 0x4B to SCL

Identity: the bits of its configuration that cannot be changed.
Tested: the data sheet's table of codes; real smbus2 over a fake kernel.
Source: TI TMP102 data sheet SBOS397 §7.5 (registers), table 7-2 (codes of 12 bits).
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

ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)

CONFIGURATION, LOW, HIGH = 0x01, 0x02, 0x03
FIXED, FIXED_MASK = 0x6000, 0x600F
"""The resolution bits, always 11, and the four that are always 0."""

RESET = 0x60A0
LIMITS = 0x4B00, 0x5000
"""75 °C and 80 °C, as the chip wakes up."""


def _has_spare_bits(word: int) -> bool:
    """Return whether bits are set that 12 of 16 leave unused: a line held high, or 13 bits."""
    return bool(word & 0x000F)


TABLE = Table(
    # As after power-up: continuous, 4 a second, 12 bits, whatever another program left.
    start=(Command(bytes([CONFIGURATION]) + RESET.to_bytes(2, "big"), 0.035),),
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
                    bits=12,
                    shift=4,
                    is_signed=True,
                    scale=0.0625,
                    is_void=_has_spare_bits,
                    minimum=-40,
                    maximum=125,
                ),
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    address: Literal[0x48, 0x49, 0x4A, 0x4B] = 0x48


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channel."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Prove the chip's identity, set it up, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the fixed bits of the configuration are right."""
    found = await chip.register(CONFIGURATION)
    if found & FIXED_MASK != FIXED:
        raise DeviceFault(f"{chip.where} is no TMP102: its configuration says {found:04x}")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read configuration and limits; a PCF8591 is left alone."""
    if await may_be_pcf8591(bus, address):
        return None
    found = await find_register(bus, address, CONFIGURATION)
    if found is None or found & FIXED_MASK != FIXED:
        return None
    limits = [await find_register(bus, address, register) for register in (LOW, HIGH)]
    return Evidence(
        f"configuration 0x{found:04X}, as a TMP102 says", is_proof=limits == list(LIMITS)
    )
