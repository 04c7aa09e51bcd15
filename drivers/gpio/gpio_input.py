"""Switches, contacts, buttons and opto inputs on GPIO lines.

Channels:
    contact (switch); with `lines` one for each, by the names given there

Every change is told as it happens, short presses too; all states when the device is opened, after
changes that came too fast to be seen, and every `refresh`.

Example:

    [device.doors]
    driver = "gpio_input"
    port = "gpio:0"                       # /dev/gpiochip0, or gpio:LABEL
    lines = { cellar = 17, attic = 27 }   # or line = 17; offsets, or names such as "GPIO17"
    active = "low"                        # closed contacts pull the pin to ground
    bias = "pull-up"

Tested: edges, bouncing and lost ones over a stand-in for libgpiod; a CP2112's lines on Linux 6.1.

Source: Linux kernel, Documentation/userspace-api/gpio/chardev.rst (edge detection, debounce).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement
from gatewayd.ports.edges import InputSettings

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.inputs import Inputs
    from gatewayd.ports.line import Line

LINES_MAX = 64
"""What the kernel watches in one request."""

DEBOUNCE_S_MIN = 0.001
"""Every change becomes a reading; a loose wire makes ten thousand a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        line: one line: its offset on the chip, or its name.
        lines: several, by the names of their channels.
        active: the level that counts as on.
        bias: the pull resistor inside the chip.
        debounce: a level that stands shorter does not count. Contacts bounce up to 10 ms.
        refresh: how often all states are told though nothing changed.
    """

    port: str
    line: int | str | None = None
    lines: Mapping[str, int | str] = field(default_factory=dict)
    active: Literal["high", "low"] = "high"
    bias: Literal["as-is", "pull-up", "pull-down", "disabled"] = "as-is"
    debounce: Seconds = 0.02
    refresh: Seconds = 60.0

    def __post_init__(self) -> None:
        """Refuse what names no lines."""
        if (self.line is None) == (not self.lines):
            raise ValueError("either line = 17 or lines = { name = 17 }")
        found = list(self.wanted.values())
        if len(found) > LINES_MAX or len(set(found)) < len(found):
            raise ValueError(f"up to {LINES_MAX} lines, each once")
        if any(isinstance(each, int) and each < 0 for each in found):
            raise ValueError("lines are counted from 0")
        if not DEBOUNCE_S_MIN <= self.debounce <= 10 or self.refresh <= 0:
            raise ValueError("debounce is 1 ms to 10 s, refresh is more than 0 s")

    @property
    def wanted(self) -> Mapping[str, Line]:
        """The lines by their channels."""
        return self.lines or {"contact": self.line if self.line is not None else 0}


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one switch a line."""
    return tuple(Channel(name, "switch") for name in config.wanted)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Contacts]:
    """Own the lines and yield the listener.

    Raises:
        DeviceFault: no such line, or another program holds it.
        DeviceAbsent: the chip is gone.
    """
    settings = InputSettings(
        active_low=config.active == "low", bias=config.bias, debounce_s=config.debounce
    )
    async with (
        ports.lines(config.port) as chip,
        chip.inputs(tuple(config.wanted.values()), settings) as inputs,
    ):
        yield Contacts(inputs, config)


class Contacts:
    """The lines of one device."""

    def __init__(self, inputs: Inputs, config: Config) -> None:
        self._inputs = inputs
        self._refresh_s = config.refresh
        self._names = {line: name for name, line in config.wanted.items()}

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield all states, then each change; all again after `refresh` or lost changes.

        Raises:
            DeviceAbsent: the chip is gone.
            DeviceTimeout: it hangs.
        """
        loop = asyncio.get_running_loop()
        while True:
            lost = self._inputs.lost
            levels = await self._inputs.levels()
            yield [Measurement(self._names[line], value) for line, value in levels.items()]
            due_s = loop.time() + self._refresh_s
            while (left_s := due_s - loop.time()) > 0 and self._inputs.lost == lost:
                for edge in await self._inputs.wait_edges(left_s):
                    yield [Measurement(self._names[edge.line], edge.is_active)]
