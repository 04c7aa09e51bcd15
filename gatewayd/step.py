"""The moment in which a clock that was wrong is set: readings on their way then are dated alike.

Strategy: rows that a wrong clock has dated are put right together, by how far it was off when they
were written. Readings that wait to be written while the clock is set carry the old time beside
neighbours with the new one; they are moved by the step first, or they would stay in 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatewayd.clock import Clock
from gatewayd.model import ChannelId, Reading

STEP_MS = 1000
"""Less than this is a clock that is being slewed, and the offset's own jitter."""


@dataclass(slots=True)
class ClockStep:
    """Watches one clock until it is synchronised."""

    clock: Clock
    _offset_ms: int | None = None

    def mend(self, readings: Sequence[Reading], last_ms: dict[ChannelId, int]) -> Sequence[Reading]:
        """Return the readings as the clock dates now, if it was set since the last call.

        Args:
            last_ms: each channel's last time; moved along.
        """
        now_ms = self.clock.now_ms()
        offset_ms = now_ms - self.clock.boottime_ms()
        step_ms = 0 if self._offset_ms is None else offset_ms - self._offset_ms
        self._offset_ms = offset_ms
        if abs(step_ms) < STEP_MS:
            return readings
        for channel in last_ms:
            last_ms[channel] += step_ms
        return [_moved(reading, step_ms, now_ms) for reading in readings]


def _moved(reading: Reading, step_ms: int, now_ms: int) -> Reading:
    """Return a reading in the new time, if it was dated in the old one: it is only moments old."""
    age_ms = now_ms - reading.time_ms
    if abs(age_ms - step_ms) >= abs(age_ms):
        return reading
    return reading._replace(time_ms=reading.time_ms + step_ms)
