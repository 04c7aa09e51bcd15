"""Counters that only grow, made into totals that survive what the counter does not; pure.

Strategy: a total is the device's own number, scaled, and a base that holds what the device has
forgotten. As long as the device forgets nothing, the base is nothing and the total is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeGuard

from gatewayd.model import Value

WRAP_SHARE = 0.25
"""A counter that falls has wrapped if that means a growth of at most this share of its range;
else it has begun again. Larger believes in a growth that nobody missed; smaller takes a counter
that is seldom asked for one that was reset."""

JITTER_SHARE = 0.001
"""A fall by less than this share is the meter's own rounding: nothing begins again that near."""


@dataclass(frozen=True, slots=True)
class Count:
    """Where a counter stands: `total = base + raw * scale`.

    Attributes:
        raw: what the device said last.
        base: what it does not know any more, or never knew, in the total's unit.
        start: the total that the owner gave when this count began.
        is_sure: false where an earlier total was lost.
    """

    raw: float
    base: float = 0.0
    scale: float = 1.0
    start: float | None = None
    is_sure: bool = True

    @property
    def total(self) -> float:
        """What is published."""
        return self.base + self.raw * self.scale if self.base else self.raw * self.scale


def begun(raw: float, scale: float, start: float | None, *, is_sure: bool = True) -> Count:
    """Return a new count: from the owner's start, or else from what the device itself says."""
    base = 0.0 if start is None else start - raw * scale
    return Count(raw, base, scale, start, is_sure)


def resumed(kept: Count, scale: float, start: float | None) -> Count | None:
    """Return a kept count as it goes on, or None where the owner has set another start since.

    A new scale holds for what is counted from now on.
    """
    if start is not None and start != kept.start:
        return None
    base = kept.base if scale == kept.scale else kept.total - kept.raw * scale
    return replace(kept, base=base, scale=scale)


def counted(count: Count, raw: float, wraps_at: float | None) -> Count:
    """Return the count after the device said another number.

    A number below the last one has wrapped, or the device has begun again at nothing.
    """
    if raw >= count.raw:
        return replace(count, raw=raw)
    fall = count.raw - raw
    if wraps_at is not None and count.raw <= wraps_at and wraps_at - fall <= wraps_at * WRAP_SHARE:
        return replace(count, raw=raw, base=count.base + wraps_at * count.scale)
    if fall <= count.raw * JITTER_SHARE:
        return count
    return replace(count, raw=raw, base=count.base + count.raw * count.scale)


def is_number(raw: Value | None) -> TypeGuard[float]:
    """Return whether a counter can say that: a number that is not below nothing."""
    return (
        isinstance(raw, int | float)
        and not isinstance(raw, bool)
        and math.isfinite(raw)
        and raw >= 0
    )


def is_within(number: float, low: float | None, high: float | None) -> bool:
    """Return whether a number lies between its limits, as far as there are any."""
    return (low is None or number >= low) and (high is None or number <= high)
