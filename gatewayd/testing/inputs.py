"""Inputs of a GPIO chip without hardware; `FakeLines.drive` moves their pins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayd.ports.edges import Edge, InputSettings
from gatewayd.ports.line import Line

if TYPE_CHECKING:
    from gatewayd.testing.wires import FakeLines


@dataclass(slots=True, eq=False)
class FakeInputs:
    """Lines of `FakeLines` as inputs; the surface of `Inputs`. Debounced by nature.

    Attributes:
        has_edges: whether the chip has interrupts.
        lost: edges that were dropped, of all lines, as far as was looked.
    """

    chip: FakeLines
    lines: tuple[Line, ...]
    settings: InputSettings
    has_edges: bool
    lost: int = 0
    _unseen: int = 0
    _queue: list[Edge] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def levels(self) -> dict[Line, bool]:
        """Return whether each line is active now."""
        await self.chip.begin()
        return {line: self.chip.levels.get(line, False) != self._low for line in self.lines}

    async def take_edges(self) -> list[Edge]:
        """Return what has happened since the last look."""
        await self.chip.begin()
        edges, self._queue = self._queue, []
        self.lost, self._unseen = self.lost + self._unseen, 0
        self._news.clear()
        return edges

    async def wait_edges(self, timeout_s: float) -> list[Edge]:
        """Return what happened, as soon as it does; nothing after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            pass
        return await self.take_edges()

    def now_ns(self) -> int:
        """Return this instant in the clock of the edges."""
        return round(asyncio.get_running_loop().time() * 1e9)

    def see(self, line: Line, is_high: bool, missed: int) -> None:
        """Let a pin of ours have changed."""
        self._unseen += missed
        is_active = is_high != self._low
        if is_active or self.settings.edges == "both":
            self._queue.append(Edge(line, is_active, self.now_ns(), missed))
        self._news.set()

    def wake(self) -> None:
        """Let who waits look, though nothing changed: the chip is gone."""
        self._news.set()

    @property
    def _low(self) -> bool:
        return self.settings.active_low
