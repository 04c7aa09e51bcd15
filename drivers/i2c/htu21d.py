"""TE HTU21D and its relatives Sensirion SHT20/SHT21/SHT25 and Silicon Labs Si7021.

Channels:
    temperature (Cel), −40 … 125
    humidity (%), 0 … 100; the formula's results outside are cut to it

Example:

    [device.porch]
    driver = "htu21d"       # also for an Si7021
    port = "i2c:1"

Identity: a first conversion with its checksum; the chips have no id that all of them share.
Tested: the data sheet's checksum examples and a conversion of them; real smbus2 over a fake kernel.
Source: TE HTU21D(F) data sheet, commands, CRC-8 and conversion formulas; Silicon Labs Si7021-A20
data sheet §5.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._crc import HTU_WORDS
from drivers.i2c._recognise import find_answer
from drivers.i2c._table import Chip, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x40,)


def _is_blank(word: int) -> bool:
    """Return whether this is a line held low: its checksum would be right, zero for zeros."""
    return word == 0


# Without holding the clock, which not every adapter can wait for: the chip does not acknowledge
# the read until it is done. An SHT21 takes up to 85 ms for the first, an HTU21D 50 ms.
TEMPERATURE = Query(
    write=b"\xf3",
    wait_s=0.05,
    count=3,
    checksum=HTU_WORDS,
    polls=2,
    fields=(
        Field(
            name="temperature",
            kind="temperature",
            unit="Cel",
            decimals=2,
            bits=14,
            shift=2,  # The two bits of status.
            scale=175.72 / (1 << 14),
            offset=-46.85,
            is_void=_is_blank,
            minimum=-40,
            maximum=125,
        ),
    ),
)
HUMIDITY = Query(
    write=b"\xf5",
    wait_s=0.016,
    count=3,
    checksum=HTU_WORDS,
    polls=3,
    fields=(
        Field(
            name="humidity",
            kind="humidity",
            unit="%",
            decimals=1,
            bits=14,
            shift=2,
            scale=125 / (1 << 14),
            offset=-6,
            clamp=(0, 100),
            is_void=_is_blank,
            minimum=0,
            maximum=100,
        ),
    ),
)
TABLE = Table(queries=(TEMPERATURE, HUMIDITY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    address: Literal[0x40] = 0x40


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Let a conversion prove the chip, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless a conversion comes with a right checksum and is not all zeros.

    The serial number has checksums too, but its commands have two bytes: a PCA9685 at this
    address would set all its outputs by them.
    """
    if not any(await chip.ask(TEMPERATURE)):
        raise DeviceFault(f"{chip.where} answers nothing but zeros")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Convert both; the commands are registers without meaning to an INA219, INA226 or PCA9685."""
    chip = Chip(bus, address)
    for query in (TEMPERATURE, HUMIDITY):
        if await find_answer(chip, query) is None:
            return None
    return Evidence("temperature and humidity with right checksums", is_proof=True)
