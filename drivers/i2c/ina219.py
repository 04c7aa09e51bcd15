"""TI INA219: voltage, current and power of a load, by a shunt.

Channels:
    voltage (V), 0 … 32, between the load's side of the shunt and ground
    current (A), negative backwards
    power (W)
    shunt (V), −0.32 … 0.32; the voltage across the shunt, to find a wrong `shunt_ohm` by

Example:

    [device.battery]
    driver = "ina219"
    port = "i2c:1"
    address = 0x40          # 0x40 to 0x4F by its pins A0, A1
    shunt_ohm = 0.1         # "R100" on the board
    current_max_a = 3.2     # what can flow; smaller is finer

Identity: after a reset its configuration says 0x399F.
Tested: the data sheet's worked example; real smbus2 over a fake kernel.
Source: TI INA219 data sheet SBOS448 §8.5.1 (calibration), §8.6 (registers), table 6 (example).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._ina import BUS, CONFIGURATION, Ina, Kind, calibration_of, table_of
from drivers.i2c._recognise import find_register, may_be_pcf8591
from drivers.i2c._table import Chip, Command, Field, Table, open_chip
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = tuple(range(0x40, 0x50))

RESET = Command(bytes([CONFIGURATION, 0x80, 0x00]), 0.001)
AFTER_RESET = 0x399F
"""32 V, 12 bits, both voltages continuously, and a shunt of up to 320 mV in bits 12:11."""

SHUNT_RANGES_V = (0.04, 0.08, 0.16, 0.32)

KIND = Kind(
    factor=0.04096,
    calibration_mask=0xFFFE,
    power_counts=20,
    shunt_v=0.000_01,
    shunt_v_max=0.32,
    voltage=Field(
        name="voltage",
        kind="voltage",
        unit="V",
        decimals=3,
        bits=13,
        shift=3,
        scale=0.004,
        minimum=0,
        maximum=32,
    ),
    overflow=(BUS, 0x0001),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        shunt_ohm: the resistor on the board.
        current_max_a: the largest current; with the shunt it may make 0.32 V at the most.
    """

    port: str
    address: Literal[
        0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
        0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F,
    ] = 0x40  # fmt: skip
    shunt_ohm: float = 0.1
    current_max_a: float = 3.2

    def __post_init__(self) -> None:
        """Find a shunt and a current that do not go together."""
        self.calibration()

    def calibration(self) -> int:
        """Return what goes into the calibration register."""
        return calibration_of(KIND, self.shunt_ohm, self.current_max_a)

    def configuration(self) -> int:
        """Return what goes into the configuration register: the finest range of the shunt."""
        most_v = self.shunt_ohm * self.current_max_a
        finest = next(n for n, range_v in enumerate(SHUNT_RANGES_V) if most_v <= range_v + 1e-9)
        return AFTER_RESET & ~(0b11 << 11) | finest << 11


def _table(config: Config) -> Table:
    return table_of(KIND, config.configuration(), config.calibration(), config.shunt_ohm)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels, with the limits of the configured current."""
    return _table(config).channels()


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Ina]:
    """Reset the chip, which proves it, set it up, and yield the sensor."""
    async with open_chip(config, ports) as chip:
        await prove(chip)
        sensor = Ina(chip, KIND, _table(config), config.calibration())
        await sensor.start()
        yield sensor


async def prove(chip: Chip) -> None:
    """Raise DeviceFault unless the configuration is that of an INA219 that was just reset."""
    await chip.tell(RESET)
    found = await chip.register(CONFIGURATION)
    if found != AFTER_RESET:
        raise DeviceFault(f"{chip.where} is no INA219: after a reset it says {found:04x}")


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the configuration; an HTU21D does not know the command 0x00.

    One that was set up before has another configuration, of which only some bits are fixed: too
    few to tell it from a thermometer's 0x48 and above.
    """
    if address >= 0x48 and await may_be_pcf8591(bus, address):
        return None
    found = await find_register(bus, address, CONFIGURATION)
    fixed = 0xFFFF if address >= 0x48 else 0xC007
    if found is None or (found ^ AFTER_RESET) & fixed:
        return None
    return Evidence(
        f"configuration 0x{found:04X}, as an INA219 says", is_proof=found == AFTER_RESET
    )
