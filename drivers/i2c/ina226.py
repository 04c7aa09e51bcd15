"""TI INA226: voltage, current and power of a load, by a shunt.

Channels:
    voltage (V), 0 … 36
    current (A), negative backwards
    power (W)
    shunt (V), −0.08192 … 0.08192; the voltage across the shunt, to find a wrong `shunt_ohm` by

Example:

    [device.panel]
    driver = "ina226"
    port = "i2c:1"
    address = 0x40          # 0x40 to 0x4F by its pins A0, A1
    shunt_ohm = 0.002       # "R002" on the board
    current_max_a = 20.0    # what can flow; smaller is finer

Identity: register 0xFE says 0x5449 (TI), 0xFF says 0x2260.
Tested: the data sheet's worked example; real smbus2 over a fake kernel.
Source: TI INA226 data sheet SBOS547 §7.5 (calibration and example), §7.6 (registers).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._ina import Ina, Kind, calibration_of, table_of
from drivers.i2c._recognise import find_register, may_be_pcf8591
from drivers.i2c._table import Chip, Field, Table, open_chip
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = tuple(range(0x40, 0x50))

MAKER_REGISTER, ID_REGISTER = 0xFE, 0xFF
MAKER, ID, ID_MASK = 0x5449, 0x2260, 0xFFF0

AVERAGED = 0x4527
"""As after a reset (0x4127: both voltages continuously, 1.1 ms each), but 16 are averaged."""

KIND = Kind(
    factor=0.00512,
    calibration_mask=0x7FFF,
    power_counts=25,
    shunt_v=0.000_002_5,
    shunt_v_max=0.08192,
    voltage=Field(
        name="voltage",
        kind="voltage",
        unit="V",
        decimals=3,
        scale=0.00125,
        minimum=0,
        maximum=36,
    ),
    overflow=(0x06, 0x0004),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        shunt_ohm: the resistor on the board.
        current_max_a: the largest current; with the shunt it may make 0.08192 V at the most.
    """

    port: str
    address: Literal[
        0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
        0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F,
    ] = 0x40  # fmt: skip
    shunt_ohm: float = 0.1
    current_max_a: float = 0.8

    def __post_init__(self) -> None:
        """Find a shunt and a current that do not go together."""
        self.calibration()

    def calibration(self) -> int:
        """Return what goes into the calibration register."""
        return calibration_of(KIND, self.shunt_ohm, self.current_max_a)


def _table(config: Config) -> Table:
    return table_of(KIND, AVERAGED, config.calibration(), config.shunt_ohm)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels, with the limits of the configured current."""
    return _table(config).channels()


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Ina]:
    """Prove the chip's identity, set it up, and yield the sensor."""
    async with open_chip(config, ports) as chip:
        await prove(chip)
        sensor = Ina(chip, KIND, _table(config), config.calibration())
        await sensor.start()
        yield sensor


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless both ids are right."""
    found = await chip.register(ID_REGISTER)
    maker = await chip.register(MAKER_REGISTER) if found & ID_MASK == ID else 0
    if maker != MAKER:
        raise DeviceFault(f"{chip.where} is no INA226: register 0xFF says {found:04x}")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the ids, the second one only where the first is right: 0xFE would reset an HTU21D."""
    if address >= 0x48 and await may_be_pcf8591(bus, address):
        return None
    found = await find_register(bus, address, ID_REGISTER)
    if found is None or found & ID_MASK != ID:
        return None
    if await find_register(bus, address, MAKER_REGISTER) != MAKER:
        return None
    return Evidence(f"id registers 0xFE, 0xFF say 0x{MAKER:04X}, 0x{found:04X}", is_proof=True)
