"""Minimum, mean and maximum of what a channel says within a stretch of time; pure.

Windows lie on the clock (five minutes: at 0, 5, 10 past the hour), so that those of all channels
and gateways are comparable. The mean is plain: every answer counts the same, whenever it came.
Answers are counted when they come; an own date of the device does not matter here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gatewayd.model import Quality, Value

LATE_MS = 10_000
"""A window that is closed later than this was not waited for: the clock was put right."""


class Summary(NamedTuple):
    """What a window comes to; all three are None where it had no value."""

    mean: float | None
    low: float | None
    high: float | None
    quality: Quality


@dataclass(slots=True)
class Window:
    """The stretch of time that is running. `ends_ms` is 0 until it begins."""

    span_ms: int
    ends_ms: int = 0
    count: int = 0
    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0
    quality: Quality = Quality.GOOD
    reason: Quality = Quality.ABSENT
    """Why there is no value, as far as there is none; ABSENT where nothing was said at all."""

    def begin(self, now_ms: int) -> None:
        """Begin anew with nothing; it ends at the next even time."""
        self.ends_ms = (now_ms // self.span_ms + 1) * self.span_ms
        self.count, self.quality, self.reason = 0, Quality.GOOD, Quality.ABSENT

    def is_over(self, now_ms: int) -> bool:
        """Return whether it has ended, or the clock has left it in the other direction."""
        return self.ends_ms > 0 and not 0 < self.ends_ms - now_ms <= self.span_ms

    def date_ms(self, now_ms: int) -> int:
        """Return the date of its summary: its end, or now where that is no use."""
        return self.ends_ms if 0 <= now_ms - self.ends_ms <= LATE_MS else now_ms

    def add(self, value: Value | None, quality: Quality) -> None:
        """Take what was said. Only numbers and switches can be averaged; the rest is a FAULT."""
        if value is None:
            self.reason = quality
            return
        if not isinstance(value, int | float):
            self.reason = Quality.FAULT
            return
        self.count += 1
        if self.count == 1:
            self.mean, self.low, self.high = value, value, value
        else:
            # Not a sum: the mean of values that are all the same is exactly that value.
            self.mean += (value - self.mean) / self.count
            self.low, self.high = min(self.low, value), max(self.high, value)
        self.quality = max(self.quality, quality)

    def summary(self) -> Summary:
        """Return what it comes to so far."""
        if not self.count:
            return Summary(None, None, None, self.reason)
        return Summary(float(self.mean), self.low, self.high, self.quality)
