"""The sandbox cloud's own wall clock: the machine's, moved by what a test says."""

from __future__ import annotations

from gatewayd.clock import Clock


class MovableClock:
    """A wall clock that can be shifted; durations are not touched by it."""

    def __init__(self, clock: Clock) -> None:
        self.shift_ms = 0
        self._clock = clock

    def now_ms(self) -> int:
        """Return the cloud's time, UTC milliseconds since 1970."""
        return self._clock.now_ms() + self.shift_ms
