"""ROHM BH1750FVI: light.

Channels:
    illuminance (lx), 0 … 54 612; FAULT where the converter is at its end

Example:

    [device.window]
    driver = "bh1750"
    port = "i2c:1"
    address = 0x23          # 0x5C where ADDR is wired to VCC

The chip has no identity, and a dead one looks like the night: give it a `channel.illuminance` with
a plausible `minimum` where it never is dark.

Tested: the data sheet's two examples; real smbus2 over a fake kernel.
Source: ROHM BH1750FVI technical note 11046EDT01, instruction set, measurement procedure.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._table import Chip, Command, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceError
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x23, 0x5C)

POWER_ON = Command(b"\x01")
ONCE_HIGH_RESOLUTION = Command(b"\x20", 0.18)
COUNTS_PER_LUX = 1.2


def _is_full(word: int) -> bool:
    """Return whether the converter is at its end; brighter looks the same."""
    return word == 0xFFFF


TABLE = Table(
    before=(POWER_ON, ONCE_HIGH_RESOLUTION),  # It switches itself off again.
    queries=(
        Query(
            count=2,
            fields=(
                Field(
                    name="illuminance",
                    kind="illuminance",
                    unit="lx",
                    decimals=1,
                    scale=1 / COUNTS_PER_LUX,
                    is_void=_is_full,
                    minimum=0,
                    maximum=54_613,
                ),
            ),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    address: Literal[0x23, 0x5C] = 0x23


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channel."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Let the chip acknowledge, which is all that it can prove, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceAbsent unless somebody acknowledges."""
    await chip.tell(POWER_ON)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read without writing: at 0x23 a PCF8574 would take the commands for its outputs.

    A port repeats its pins and those are seldom all low; a chip that did not measure yet says 0.
    """
    try:
        raw = await bus.read(address, 4)
    except DeviceError:
        return None
    if len(set(raw)) == 1 and raw[0]:
        return None
    return Evidence(f"answers {raw[:2].hex()}; it has no identity", is_proof=False)
