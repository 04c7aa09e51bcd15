"""One relay, valve or lamp on one GPIO line.

Channels:
    relay (switch), written; reads back the level that the pin is driven to

Example:

    [device.pump]
    driver = "gpio_relay"
    port = "gpio:0"         # /dev/gpiochip0, or gpio:LABEL
    line = 17               # or the line's name, "GPIO17"
    active = "low"          # most relay boards switch on when the pin is pulled low
    safe = "off"

The line is requested at the first write, with that write's value: level and direction reach the
pin in one act. Until then the pin is as the firmware and the wiring left it.

Tested: a stand-in for libgpiod that keeps its pins; a simulated chip where the kernel has one.

Source: Linux kernel, Documentation/userspace-api/gpio/chardev.rst (line requests).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceFault
from gatewayd.model import Access, Channel, Value

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.line import LinePort, OutputLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        port: the chip, `gpio:0` or `gpio:LABEL`.
        line: offset on that chip, or the line's name.
        active: the level that switches the relay on. No default: the wrong one is a pump that
            runs when it should rest.
    """

    port: str
    line: int | str
    active: Literal["low", "high"]

    def __post_init__(self) -> None:
        if isinstance(self.line, int) and self.line < 0:
            raise ValueError("lines are counted from 0")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the one output."""
    return (Channel("relay", "switch", access=Access.WRITE),)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[GpioRelay]:
    """Find the chip and yield the actuator; the line itself is touched by the first write."""
    async with ports.lines(config.port) as chip, AsyncExitStack() as stack:
        yield GpioRelay(config, chip, stack)


class GpioRelay:
    """One line, owned from the first write to the end of the driver's scope."""

    def __init__(self, config: Config, chip: LinePort, stack: AsyncExitStack) -> None:
        self._config = config
        self._chip = chip
        self._stack = stack
        self._line: OutputLine | None = None

    async def write(self, channel: str, value: Value) -> None:
        """Switch the relay. Raises as the port does, and DeviceFault for what is no switch."""
        if not isinstance(value, bool):
            raise DeviceFault(f"a relay is on or off, not {value!r}")
        if self._line is not None:
            await self._line.set(value)
            return
        self._line = await self._stack.enter_async_context(
            self._chip.output(
                self._config.line, active_low=self._config.active == "low", initial=value
            )
        )

    async def read_back(self, channel: str) -> Value | None:
        """Return the driven level as on or off, or None before the first write."""
        return None if self._line is None else await self._line.get()
