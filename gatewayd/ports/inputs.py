"""Lines of a GPIO chip, owned as inputs: what their device sees of them.

Strategy: the kernel's own descriptor wakes the event loop when a line changes; only then does the
port's thread look. Lines of a chip without interrupts are looked at every `POLL_S`.

Characteristics: in levels · out edges, in the kernel's order · buffered the newest 1024 edges, by
the kernel · when full the oldest go and are counted · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from gatewayd.ports.edges import Edge, Held, InputSettings, Taken

if TYPE_CHECKING:
    from gatewayd.ports.line import Line

T = TypeVar("T")

POLL_S = 0.1
"""How often the lines of a chip without interrupts are looked at: quicker than a hand, slow
enough for an expander on a busy I²C bus."""


class Asked(Protocol):
    """What inputs need of their port: a job in its thread, its errors translated."""

    async def ask(self, owner: Inputs, job: Callable[[], T]) -> T:
        """Run a job."""
        ...


class Inputs:
    """Lines, owned as inputs."""

    def __init__(self, port: Asked, lines: Sequence[Line], settings: InputSettings) -> None:
        self.lines = tuple(lines)
        self.settings = settings
        self.held: Held | None = None
        self._port = port

    @property
    def has_edges(self) -> bool:
        """Whether every edge is seen; else the levels are looked at now and then."""
        return self._request.has_edges

    @property
    def lost(self) -> int:
        """Edges that the kernel had to drop so far: whose, only the levels can tell."""
        return self._request.lost

    async def levels(self) -> dict[Line, bool]:
        """Return whether each line is active now. Raises as `LinePort.inputs`."""
        return await self._port.ask(self, self._request.levels)

    async def take_edges(self) -> list[Edge]:
        """Return what has happened since the last look, at once. Raises as `LinePort.inputs`."""
        return (await self._take()).edges

    async def wait_edges(self, timeout_s: float) -> list[Edge]:
        """Return what happened, as soon as it does; nothing after `timeout_s`.

        Raises as `LinePort.inputs`.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while True:
            edges, due_ns = await self._take()
            left_s = end_s - loop.time()
            if edges or left_s <= 0:
                return edges
            if due_ns is not None:
                left_s = min(left_s, max(0.0, due_ns / 1e9 - loop.time()))
            if self.has_edges:
                await _wait_readable(self._request.request.fd, left_s)
            else:
                await asyncio.sleep(min(left_s, POLL_S))

    def now_ns(self) -> int:
        """Return this instant in the clock of the edges."""
        return round(asyncio.get_running_loop().time() * 1e9)

    @property
    def _request(self) -> Held:
        assert self.held is not None, "inputs are used inside their scope"
        return self.held

    async def _take(self) -> Taken:
        now_ns = self.now_ns()
        return await self._port.ask(self, lambda: self._request.take(now_ns))


async def _wait_readable(descriptor: int, timeout_s: float) -> None:
    """Wait until something can be read, or hung up, but not longer than `timeout_s`."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ready.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(descriptor)
