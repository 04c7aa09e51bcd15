"""Aosong AHT20, AHT21 and AHT25: air temperature and humidity.

Channels:
    temperature (Cel), −40 … 85
    humidity (%), 0 … 100

Example:

    [device.cellar]
    driver = "aht20"
    port = "i2c:1"

Identity: a status byte that says "calibrated", and the checksum of a first conversion.
Tested: a synthetic vector with a recomputed checksum; real smbus2 over a fake kernel.
Source: Aosong AHT20 data sheet A1 §5.3 (status), §5.4 (reading), §6 (formulas). Its "0x71" is the
address 0x38 with the read bit: the status is a bare read.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from drivers.i2c._crc import Checksum, sensirion
from drivers.i2c._recognise import find_answer
from drivers.i2c._table import Chip, Command, Field, Poll, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x38,)

BUSY, CALIBRATED = 0x80, 0x08
STATUS = Query(count=1)
INITIALISE = Command(b"\xbe\x08\x00", 0.01)
ANSWER = Query(
    count=7,
    checksum=Checksum(sensirion, 6),
    fields=(
        Field(
            name="temperature",
            kind="temperature",
            unit="Cel",
            decimals=2,
            start=3,
            bits=20,
            scale=200 / (1 << 20),
            offset=-50,
            minimum=-40,
            maximum=85,
        ),
        Field(
            name="humidity",
            kind="humidity",
            unit="%",
            decimals=1,
            start=1,
            bits=20,
            shift=4,
            scale=100 / (1 << 20),
            minimum=0,
            maximum=100,
        ),
    ),
)
DONE = Poll(query=STATUS, mask=BUSY, wanted=0, every_s=0.01, tries=10)
TABLE = Table(
    before=(Command(b"\xac\x33\x00", 0.08),),
    # A chip that lost power in between may be without calibration: never ready, opened again.
    ready=replace(DONE, mask=BUSY | CALIBRATED, wanted=CALIBRATED),
    queries=(ANSWER,),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    address: Literal[0x38] = 0x38


def describe(_config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return TABLE.channels()


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[TableSensor]:
    """Calibrate the chip where it is not, let a conversion prove it, and yield the sensor."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the chip is calibrated and converts with a right checksum.

    The status comes first and is read without writing: a PCF8574A at this address would take any
    byte for the state of its outputs.
    """
    for is_last in (False, True):
        (status,) = await chip.ask(STATUS)
        if status == 0xFF or (is_last and not status & CALIBRATED):
            raise DeviceFault(f"{chip.where} is no AHT20: its status says 0x{status:02x}")
        if status & CALIBRATED:
            break
        await chip.tell(INITIALISE)
    await chip.tell(*TABLE.before)
    await chip.wait_ready(DONE)
    await chip.ask(ANSWER)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read without writing: a PCF8574A would switch its outputs.

    The chip keeps its last answer with its checksum; one that has not converted since it got its
    power has only its status to show.
    """
    raw = await find_answer(Chip(bus, address), Query(count=7))
    if raw is None or len(set(raw)) == 1:  # A port repeats the state of its pins.
        return None
    if sensirion(raw[:6]) == raw[6] and raw[0] & CALIBRATED:
        return Evidence("a last conversion with a right checksum", is_proof=True)
    if raw[0] & ~BUSY in {0x08, 0x18, 0x1C}:
        return Evidence(f"status 0x{raw[0]:02x}, as an AHT20 says", is_proof=False)
    return None
