"""Microchip MCP9808: temperature, to half a degree.

Channels:
    temperature (Cel), −40 … 125

Example:

    [device.battery]
    driver = "mcp9808"
    port = "i2c:1"
    address = 0x18          # 0x18 to 0x1F by its pins A0, A1, A2

Identity: register 0x06 says 0x0054 (Microchip), 0x07 says 0x04 and a revision.
Tested: two synthetic codes; real smbus2 over a fake kernel.
Source: Microchip MCP9808 data sheet DS25095 §5.1 (registers), equation 5-1 (temperature).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._recognise import find_register
from drivers.i2c._table import Chip, Command, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)

CONFIGURATION, AMBIENT, MAKER_REGISTER, ID_REGISTER = 0x01, 0x05, 0x06, 0x07
MAKER, ID = 0x0054, 0x04


def _is_nonsense(word: int) -> bool:
    """Return whether the flags say both above the upper limit and below the lower one."""
    return word >> 13 == 0b111


TABLE = Table(
    # Awake, no alerts, whatever another program left; 250 ms for a conversion at full resolution.
    start=(Command(bytes([CONFIGURATION, 0, 0]), 0.25),),
    queries=(
        Query(
            write=bytes([AMBIENT]),
            count=2,
            fields=(
                Field(
                    name="temperature",
                    kind="temperature",
                    unit="Cel",
                    decimals=2,
                    bits=13,  # The three above are alert flags.
                    is_signed=True,
                    scale=0.0625,
                    is_void=_is_nonsense,
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
    address: Literal[0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F] = 0x18


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channel."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Prove the chip's identity, wake it, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless both ids are right."""
    maker, found = await chip.register(MAKER_REGISTER), await chip.register(ID_REGISTER)
    if maker != MAKER or found >> 8 != ID:
        raise DeviceFault(f"MCP9808 at {chip.where} says ids {maker:04x} and {found:04x}")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read both ids; the accelerometers at these addresses know registers too."""
    maker = await find_register(bus, address, MAKER_REGISTER)
    if maker != MAKER:
        return None
    found = await find_register(bus, address, ID_REGISTER)
    if found is None or found >> 8 != ID:
        return None
    return Evidence(f"id registers 0x06, 0x07 say 0x{maker:04X}, 0x{found:04X}", is_proof=True)
