"""The sandbox's own small tasks: things that take time and that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


class Errands:
    """Runs coroutines until the sandbox ends. At most `RUNNING_MAX` at once; more are not run."""

    RUNNING_MAX = 1000

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def send(self, errand: Coroutine[None, None, None]) -> None:
        """Start a coroutine, which must handle its own expected trouble."""
        if len(self._running) >= self.RUNNING_MAX:
            errand.close()
            return
        task = self._group.create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """Give up what is still under way."""
        for task in tuple(self._running):
            task.cancel()


@asynccontextmanager
async def open_errands() -> AsyncIterator[Errands]:
    """Yield errands that end with the block.

    What the block raises comes out as it is: a task group alone would wrap it into a group, and
    a failed assertion of a test would look like a crash of the sandbox.
    """
    try:
        async with asyncio.TaskGroup() as group:
            errands = Errands(group)
            try:
                yield errands
            finally:
                errands.cancel()
    except BaseExceptionGroup as several:
        if len(several.exceptions) > 1:
            raise
        raise several.exceptions[0] from None
