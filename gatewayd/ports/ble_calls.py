"""A hard deadline around what may hang for ever: calls to BlueZ, and their cleaning up.

bleak awaits D-Bus replies without a limit, also while it tidies up after a cancellation, and a
bluetoothd that hangs or was killed answers neither. A plain `asyncio.timeout` would wait with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_S = 2.0
"""For tidying up after a call that is given up; a Disconnect that is answered takes less."""

CANCELS_MAX = 3
"""bleak tidies up in two nested steps, each of which may hang."""


class Hung(Exception):
    """A call came to no end in its time.

    `is_stuck` is true where even its tidying up did not: then it is BlueZ that hangs, and not
    the device that is asked.
    """

    def __init__(self, message: str, *, is_stuck: bool) -> None:
        super().__init__(message)
        self.is_stuck = is_stuck


async def within(seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """Return the result of a call, or leave it within `seconds` and a few times `GRACE_S`.

    Raises:
        Hung: out of time.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        await _abandon(task)
        raise
    if not task.done():
        is_stuck = not await _abandon(task)
        raise Hung(f"no answer within {seconds:g} s", is_stuck=is_stuck)
    return task.result()


async def _abandon(task: asyncio.Task[T]) -> bool:
    """Cancel a call until it ends; return whether the first time was enough."""
    task.add_done_callback(_retrieve)
    for count in range(CANCELS_MAX):
        task.cancel()
        await asyncio.wait((task,), timeout=GRACE_S)
        if task.done():
            return count == 0
    return False


def _retrieve(task: asyncio.Task[T]) -> None:
    if not task.cancelled():
        task.exception()
