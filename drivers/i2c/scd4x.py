"""Sensirion SCD40, SCD41 and SCD43: carbon dioxide, air temperature and humidity.

Channels:
    co2 ([ppm]), 1 … 40 000
    temperature (Cel), −10 … 60
    humidity (%), 0 … 100

Example:

    [device.office]
    driver = "scd4x"
    port = "i2c:1"
    pressure_hpa = 955      # of the place; it is worth 1 % of CO₂ every 10 hPa

It has a new value every 5 s; asked more often it answers when there is one.

Identity: the serial number (0x3682) with its checksums.
Tested: the data sheet's examples of measurement and serial number; real smbus2 over a fake kernel.
Source: Sensirion SCD4x data sheet §3.5 (basic commands), §3.6 (pressure), §3.8 (ready),
§3.9 (serial number).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._crc import SENSIRION_WORDS, sealed
from drivers.i2c._recognise import find_answer
from drivers.i2c._table import (
    Chip,
    Command,
    Field,
    Poll,
    Query,
    Table,
    TableSensor,
    open_table,
)
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x62,)

STOP = Command(b"\x3f\x86", 0.5)
START = Command(b"\x21\xb1")
SERIAL = Query(write=b"\x36\x82", wait_s=0.001, count=9, checksum=SENSIRION_WORDS)
READY = Query(write=b"\xe4\xb8", wait_s=0.001, count=3, checksum=SENSIRION_WORDS)
ANSWER = Query(
    write=b"\xec\x05",
    wait_s=0.001,
    count=9,
    checksum=SENSIRION_WORDS,
    fields=(
        Field(name="co2", kind="co2", unit="[ppm]", decimals=0, minimum=1, maximum=40_000),
        Field(
            name="temperature",
            kind="temperature",
            unit="Cel",
            decimals=2,
            start=2,
            scale=175 / 65535,
            offset=-45,
            minimum=-10,
            maximum=60,
        ),
        Field(
            name="humidity",
            kind="humidity",
            unit="%",
            decimals=1,
            start=4,
            scale=100 / 65535,
            minimum=0,
            maximum=100,
        ),
    ),
)

PERIOD_S = 5.0
"""Of the periodic measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        pressure_hpa: of the air at the place (not reduced to sea level), 700 to 1200; 0: the
            chip keeps to the altitude that it was told, or to sea level.
    """

    port: str
    address: Literal[0x62] = 0x62
    pressure_hpa: int = 0

    def __post_init__(self) -> None:
        """Find what the chip would not take."""
        if self.pressure_hpa and not 700 <= self.pressure_hpa <= 1200:
            raise ValueError("pressure_hpa is 700 to 1200, or 0")


def table_of(config: Config) -> Table:
    """Return the table that measures with the configured pressure; nothing goes to its EEPROM."""
    start = [START]
    if config.pressure_hpa:
        pressure = sealed(config.pressure_hpa.to_bytes(2, "big"))
        start.append(Command(b"\xe0\x00" + pressure, 0.001))
    return Table(
        start=tuple(start),
        # Any of the low 11 bits means that there is a value.
        ready=Poll(query=READY, mask=0x07FF, every_s=0.1, tries=int(PERIOD_S / 0.1) + 10),
        queries=(ANSWER,),
    )


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return table_of(config).channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Stop the chip, let its serial number prove it, start measuring, and yield the sensor."""
    return open_table(config, ports, table_of(config), prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the serial number comes with right checksums.

    While it measures (as after a restart of the gateway) the chip hears only "stop" and reads.
    """
    await chip.tell(STOP)
    await chip.ask(SERIAL)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Ask whether there is a value, which the chip answers while it measures and while not.

    To an MCP4725 or MCP4728 the command is one of those that mean nothing (0b111…), while the
    serial number (0x36…) would set a voltage. A LIDAR-Lite would take it for a register and its
    new value: it answers for a register alone, an SCD4x does not.
    """
    chip = Chip(bus, address)
    if await find_answer(chip, Query(write=b"\xe1", count=1)) is not None:
        return None
    ready = await find_answer(chip, READY)
    if ready is None:
        return None
    return Evidence(f"ready status 0x{ready.hex()} with a right checksum", is_proof=True)
