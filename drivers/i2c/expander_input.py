"""Contacts on a port expander: PCF8574, MCP23017, PCA9554/TCA9534 or PCA9555/TCA9535.

Channels:
    one switch for each of `inputs`: whether it is active

Example:

    [device.contacts]
    driver = "expander_input"
    port = "i2c:1"
    chip = "mcp23017"       # or "pcf8574", "pca9554", "pca9555" and their relatives
    address = 0x21
    inputs = { door = 0, window = 8 }
    active = "low"          # a contact to ground pulls its pin low …
    pull_ups = true         # … and the chip's own resistors hold it high; MCP23017 only
    every = "1s"

Contacts are seen when the device is asked: what is shorter than `every` may be missed. Pins are
counted from 0; of sixteen, 8 is the first of the second port (GPB0, IO1_0).

Tested: pins and registers of chip models; real smbus2 over a fake kernel.

Source: NXP PCF8574; PCF8574A data sheet rev. 5, 8.1; Microchip MCP23017 data sheet DS20001952C,
3.5; NXP PCA9554 data sheet rev. 10, 6.2; NXP PCA9555 data sheet rev. 10, 6.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.i2c._expander import CHIPS, Active, Inputs, Kind, Registers, check_pins, switches
from gatewayd.model import Access, Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        inputs: the pin of each input, by the name of its channel.
        active: the level at which an input counts as on.
        pull_ups: the chip's own resistors of 100 kΩ hold an open input high.
    """

    port: str
    chip: Kind
    address: int
    inputs: Mapping[str, int]
    active: Active
    pull_ups: bool = False

    def __post_init__(self) -> None:
        """Refuse pins and resistors that there are not."""
        check_pins(self.inputs, CHIPS[self.chip], self.address)
        if self.pull_ups and CHIPS[self.chip].pull_ups is None:
            raise ValueError(f"a {self.chip} has no pull_ups of its own to switch on")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one switch for each input."""
    return switches(config.inputs, Access.READ)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Inputs]:
    """Make inputs of the pins, where the chip tells the two apart, and yield them.

    Raises:
        DeviceAbsent: nobody answers there.
    """
    chip = CHIPS[config.chip]
    async with ports.i2c(config.port) as bus:
        pins = Inputs(Registers(bus, config.address, chip.size), chip, config.inputs, config.active)
        await pins.prepare(with_pull_ups=config.pull_ups)
        yield pins
