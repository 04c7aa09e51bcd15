"""Sensirion SHT40, SHT41, SHT43 and SHT45: air temperature and humidity.

Channels:
    temperature (Cel), −45 … 130
    humidity (%), 0 … 100; the formula's results outside are cut to it, as the data sheet says

Example:

    [device.greenhouse]
    driver = "sht4x"
    port = "i2c:1"
    address = 0x44          # the fourth letter of the part's name: A 0x44, B 0x45, C 0x46

Identity: the serial number (0x89) with its checksums.
Tested: vectors with recomputed checksums; real smbus2 over a fake kernel.
Source: Sensirion SHT4x data sheet §4.4 (checksum), §4.5 (commands), §4.6 (formulas).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._crc import SENSIRION_WORDS
from drivers.i2c._recognise import find_answer
from drivers.i2c._table import Chip, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x44, 0x45, 0x46)

SERIAL = Query(write=b"\x89", wait_s=0.001, count=6, checksum=SENSIRION_WORDS)

TABLE = Table(
    queries=(
        Query(
            write=b"\xfd",  # High precision.
            wait_s=0.0083,
            count=6,
            checksum=SENSIRION_WORDS,
            polls=3,
            fields=(
                Field(
                    name="temperature",
                    kind="temperature",
                    unit="Cel",
                    decimals=2,
                    scale=175 / 65535,
                    offset=-45,
                    minimum=-45,
                    maximum=130,
                ),
                Field(
                    name="humidity",
                    kind="humidity",
                    unit="%",
                    decimals=1,
                    start=2,
                    scale=125 / 65535,
                    offset=-6,
                    clamp=(0, 100),
                    minimum=0,
                    maximum=100,
                ),
            ),
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    address: Literal[0x44, 0x45, 0x46] = 0x44


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Let the serial number prove the chip, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the serial number comes with right checksums."""
    await chip.ask(SERIAL)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the serial number; one byte that means nothing to the others at these addresses."""
    serial = await find_answer(Chip(bus, address), SERIAL)
    if serial is None:
        return None
    return Evidence(f"serial number 0x{serial.hex()} with right checksums", is_proof=True)
