"""Time that jumps: an event loop that never waits, and a wall clock that can be wrong.

Strategy: when no callback is ready, the loop's selector does not wait for the next timer but
moves the loop's own time there. Executor jobs run inline, so that nothing happens behind the
loop's back and a run with the same seed is the same run. A simulated day takes a second.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START_MS = 1_795_000_000_000
"""2026-11-18, when nothing says otherwise."""


class _JumpingSelector(selectors.SelectSelector):
    """Returns what is ready now; where nothing is, moves time instead of waiting."""

    loop: SimulatedLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("simulated time stands still: no timer is set and nobody is due")
            self.loop.advance(timeout)
        return events


RESOLUTION_S = 1e-6
"""Of the simulated time; the floats of three centuries have it."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` jumps to the next timer when nothing is ready."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.loop = self
        self._now_s = 0.0
        super().__init__(selector)
        # asyncio runs what is due before now and this; a float of years has no nanoseconds left,
        # and the loop would stand still before a timer for ever.
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Move time forwards without running anything in between."""
        self._now_s += max(0.0, seconds)

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Ts], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # Handed to whoever awaits, as an executor does.
            future.set_exception(error)
        return future


class SimulatedClock:
    """A `Clock` that follows the loop's time, and whose wall part can be set wrong."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, start_ms: int = START_MS
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._wall_ms = start_ms
        self._boot = 1
        self._booted_s = self._loop.time()
        self.synchronised = True

    def now_ms(self) -> int:
        return self._wall_ms + round(self._loop.time() * 1000)

    def boottime_ms(self) -> int:
        return round((self._loop.time() - self._booted_s) * 1000)

    def boot_id(self) -> str:
        return f"boot-{self._boot}"

    def is_synchronised(self) -> bool:
        return self.synchronised

    def jump(self, ms: int) -> None:
        """Step the wall clock, as NTP does; time since boot goes on unmoved."""
        self._wall_ms += ms

    def reboot(self) -> None:
        """Begin a new boot: time since boot starts again."""
        self._boot += 1
        self._booted_s = self._loop.time()


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop whose time jumps, and return its result."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)
