"""Sensirion SHT30, SHT31 and SHT35: air temperature and humidity.

Channels:
    temperature (Cel), −45 … 130
    humidity (%), 0 … 100

Example:

    [device.attic]
    driver = "sht3x"
    port = "i2c:1"
    address = 0x44          # 0x45 where ADDR is wired to VDD

Identity: the status register (0xF32D) with its checksum.
Tested: vectors with recomputed checksums; real smbus2 over a fake kernel.
Source: Sensirion SHT3x-DIS data sheet §4.3 (single shot), §4.11 (status), §4.12–4.13 (formulas).
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

ADDRESSES = (0x44, 0x45)

STATUS = Query(write=b"\xf3\x2d", wait_s=0.001, count=3, checksum=SENSIRION_WORDS)
RESERVED = 0x500C  # Bits of the status that are always zero.

TABLE = Table(
    queries=(
        Query(
            write=b"\x24\x00",  # Single shot, high repeatability, no clock stretching.
            wait_s=0.0155,
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
                    scale=100 / 65535,
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
    address: Literal[0x44, 0x45] = 0x44


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Let the status register prove the chip, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the status comes with a right checksum."""
    await chip.ask(STATUS)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the status register; two bytes that mean nothing to the others at these addresses."""
    status = await find_answer(Chip(bus, address), STATUS)
    if status is None or int.from_bytes(status, "big") & RESERVED:
        return None
    return Evidence(f"status 0xF32D says 0x{status.hex()} with a right checksum", is_proof=True)
