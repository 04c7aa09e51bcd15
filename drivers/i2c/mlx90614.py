"""Melexis MLX90614: temperature of a surface, by its infrared light, and of the chip.

Channels:
    object (Cel), −70 … 380; FAULT where the chip flags an error
    ambient (Cel), −40 … 125

Example:

    [device.bearing]
    driver = "mlx90614"
    port = "i2c:1"

The bus must not be faster than 100 kHz. The chip's own emissivity is used (1.0 as delivered).

Identity: the ambient temperature with its packet error code.
Tested: the data sheet's example of a read with its checksum; real smbus2 over a fake kernel.
Source: Melexis MLX90614 data sheet rev. 13 §8.4.3 (SMBus, PEC), §8.7 (RAM, temperatures).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.i2c._crc import PEC_WORD
from drivers.i2c._recognise import find_answer
from drivers.i2c._table import Chip, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x5A,)

KELVIN_A_COUNT, ZERO_C = 0.02, -273.15


def _is_error(word: int) -> bool:
    """Return whether the flag of an error is set."""
    return bool(word & 0x8000)


OBJECT = Query(
    write=b"\x07",
    count=3,
    checksum=PEC_WORD,
    fields=(
        Field(
            name="object",
            kind="temperature",
            unit="Cel",
            decimals=2,
            order="little",
            scale=KELVIN_A_COUNT,
            offset=ZERO_C,
            is_void=_is_error,
            minimum=-70,
            maximum=380,
        ),
    ),
)
AMBIENT = Query(
    write=b"\x06",
    count=3,
    checksum=PEC_WORD,
    fields=(
        Field(
            name="ambient",
            kind="temperature",
            unit="Cel",
            decimals=2,
            order="little",
            scale=KELVIN_A_COUNT,
            offset=ZERO_C,
            is_void=_is_error,
            minimum=-40,
            maximum=125,
        ),
    ),
)
TABLE = Table(queries=(OBJECT, AMBIENT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        address: 0x5A as delivered; it can be changed in the chip.
    """

    port: str
    address: int = 0x5A

    def __post_init__(self) -> None:
        """Find what is no address of a device."""
        if not 0x08 <= self.address <= 0x77:
            raise ValueError("address is 0x08 to 0x77")


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Let a checksum prove the chip, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the ambient temperature comes with a right checksum."""
    await chip.ask(AMBIENT)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read both temperatures; the other chips at 0x5A know registers too."""
    chip = Chip(bus, address)
    for query in TABLE.queries:
        if await find_answer(chip, query) is None:
            return None
    return Evidence("two temperatures with right packet error codes", is_proof=True)
