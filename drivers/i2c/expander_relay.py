"""Relays on a port expander: PCF8574, MCP23017, PCA9554/TCA9534 or PCA9555/TCA9535.

Channels:
    one switch for each of `relays`, written; reads back what the pin itself shows

Example:

    [device.heating]
    driver = "expander_relay"
    port = "i2c:1"
    chip = "mcp23017"       # or "pcf8574", "pca9554", "pca9555" and their relatives
    address = 0x20
    relays = { pump = 0, valve = 8 }
    active = "low"          # most relay boards switch on when the pin is pulled low
    safe = "off"

Pins are counted from 0; of sixteen, 8 is the first of the second port (GPB0, IO1_0). After
power-up all pins are inputs, and what the board shows then is its resistors' matter; those of a
PCF8574 are high, weakly: a board that switches on at high would have all its relays on.

Tested: pins and registers of chip models that lose their power; real smbus2 over a fake kernel.

Source: NXP PCF8574; PCF8574A data sheet rev. 5, 8.1; Microchip MCP23017 data sheet DS20001952C,
3.5; NXP PCA9554 data sheet rev. 10, 6.2; NXP PCA9555 data sheet rev. 10, 6.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.i2c._expander import CHIPS, Active, Kind, Registers, Relays, check_pins, switches
from gatewayd.model import Access, Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        relays: the pin of each relay, by the name of its channel.
        active: the level that switches a relay on. No default: the wrong one is a pump that runs
            when it should rest.
    """

    port: str
    chip: Kind
    address: int
    relays: Mapping[str, int]
    active: Active

    def __post_init__(self) -> None:
        """Refuse pins that there are not."""
        check_pins(self.relays, CHIPS[self.chip], self.address)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one output for each relay."""
    return switches(config.relays, Access.WRITE)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Relays]:
    """Find the chip and yield its relays; a pin is touched by its first write.

    Raises:
        DeviceAbsent: nobody answers there.
    """
    chip = CHIPS[config.chip]
    async with ports.i2c(config.port) as bus:
        registers = Registers(bus, config.address, chip.size)
        await registers.read(chip.inputs)
        bits = {name: 1 << pin for name, pin in config.relays.items()}
        yield Relays(registers, chip, bits, config.active)
