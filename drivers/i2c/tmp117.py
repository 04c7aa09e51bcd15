"""TI TMP117: temperature, to a tenth of a degree.

Channels:
    temperature (Cel), −55 … 150; FAULT until the first conversion after power-up is done

Example:

    [device.reference]
    driver = "tmp117"
    port = "i2c:1"
    address = 0x48          # 0x49 ADD0 to V+, 0x4A to SDA, 0x4B to SCL

Identity: register 0x0F says 0x0117 (its upper four bits are the revision).
Tested: the data sheet's table of codes; real smbus2 over a fake kernel.
Source: TI TMP117 data sheet SNOSD82 §7.6.1 (registers), table 7-1 (codes).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._recognise import find_register, may_be_pcf8591
from drivers.i2c._table import Chip, Field, Query, Table, TableSensor, open_table
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)

ID_REGISTER, ID, ID_MASK = 0x0F, 0x0117, 0x0FFF


def _has_no_result(word: int) -> bool:
    """Return whether the chip has not converted yet: 0x8000 is no −256 °C."""
    return word == 0x8000


TABLE = Table(
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
                    is_signed=True,
                    scale=0.0078125,
                    is_void=_has_no_result,
                    minimum=-55,
                    maximum=150,
                ),
            ),
        ),
    )
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
    """Prove the chip's identity and yield the sensor; it converts by itself, once a second."""
    return open_table(config, ports, TABLE, prove)


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the id is right."""
    found = await chip.register(ID_REGISTER)
    if found & ID_MASK != ID:
        raise DeviceFault(f"TMP117 at {chip.where} says id {found:04x}")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the id; the neighbours know registers too, except the PCF8591, which is left alone."""
    if await may_be_pcf8591(bus, address):
        return None
    found = await find_register(bus, address, ID_REGISTER)
    if found is None or found & ID_MASK != ID:
        return None
    return Evidence(f"id register 0x0F says 0x{found:04X}", is_proof=True)
