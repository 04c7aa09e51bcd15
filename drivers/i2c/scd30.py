"""Sensirion SCD30: carbon dioxide, air temperature and humidity.

Channels:
    co2 ([ppm]), 1 … 40 000; the chip says 0 until its first measurement is done
    temperature (Cel), −40 … 125
    humidity (%), 0 … 100

Example:

    [device.classroom]
    driver = "scd30"
    port = "i2c:1"
    pressure_hpa = 955      # of the place; it is worth 1 % of CO₂ every 10 hPa

The bus must be slow (50 kHz: dtparam=i2c_arm_baudrate=50000) and its adapter must wait while the
chip holds the clock for up to 150 ms, which a Raspberry Pi before the Pi 5 does only on a software
bus (dtoverlay=i2c-gpio).

Identity: the firmware version (0xD100) with its checksum.
Tested: the interface description's example; real smbus2 over a fake kernel.
Source: Sensirion Interface Description SCD30 V1.0 §1.1 (timing), §1.4 (commands and example).
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

ADDRESSES = (0x61,)

FIRMWARE = Query(write=b"\xd1\x00", wait_s=0.004, count=3, checksum=SENSIRION_WORDS)
READY = Query(write=b"\x02\x02", wait_s=0.004, count=3, checksum=SENSIRION_WORDS)
ANSWER = Query(
    write=b"\x03\x00",
    wait_s=0.004,
    count=18,
    checksum=SENSIRION_WORDS,
    fields=(
        Field(
            name="co2",
            kind="co2",
            unit="[ppm]",
            decimals=0,
            is_float=True,
            minimum=1,
            maximum=40_000,
        ),
        Field(
            name="temperature",
            kind="temperature",
            unit="Cel",
            decimals=2,
            start=4,
            is_float=True,
            minimum=-40,
            maximum=125,
        ),
        Field(
            name="humidity",
            kind="humidity",
            unit="%",
            decimals=1,
            start=8,
            is_float=True,
            minimum=0,
            maximum=100,
        ),
    ),
)

INTERVAL_S = 2.0
"""Between two measurements, as the chip is delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        pressure_hpa: of the air at the place (not reduced to sea level), 700 to 1400; 0: the
            chip keeps to the altitude that it was told, or to sea level.
    """

    port: str
    address: Literal[0x61] = 0x61
    pressure_hpa: int = 0

    def __post_init__(self) -> None:
        """Find what the chip would not take."""
        if self.pressure_hpa and not 700 <= self.pressure_hpa <= 1400:
            raise ValueError("pressure_hpa is 700 to 1400, or 0")


def table_of(config: Config) -> Table:
    """Return the table that measures with the configured pressure."""
    pressure = sealed(config.pressure_hpa.to_bytes(2, "big"))
    return Table(
        start=(Command(b"\x00\x10" + pressure, 0.004),),
        ready=Poll(
            query=READY, mask=0xFFFF, wanted=1, every_s=0.2, tries=int(INTERVAL_S / 0.2) + 5
        ),
        queries=(ANSWER,),
    )


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return table_of(config).channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Let the firmware version prove the chip, start measuring, and yield the sensor."""
    return open_table(config, ports, table_of(config), prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the firmware version comes with a right checksum."""
    await chip.ask(FIRMWARE)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the firmware version, unless this is a converter to which the command is a setting.

    An MCP4725 ignores commands that begin with 0b11; an MCP4728 would change a gain, but answers
    a bare read with its four channels by number and address.
    Source: Microchip MCP4725 and MCP4728 data sheets, §6 and §5.
    """
    chip = Chip(bus, address)
    bare = await find_answer(chip, Query(count=24))
    if bare is not None and all(bare[6 * n] & 0x37 == n << 4 | address & 7 for n in range(4)):
        return None
    firmware = await find_answer(chip, FIRMWARE)
    if firmware is None:
        return None
    return Evidence(f"firmware {firmware[0]}.{firmware[1]} with a right checksum", is_proof=True)
