"""What is done to a value between the driver and the record; pure.

The order is always the same: lookup or expression, scale, offset, conversion, clamp, range.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from gatewayd.expression import Expression, X, parse_expression
from gatewayd.model import Channel, Measurement, Quality, Value
from gatewayd.tuning import Tuning

Seen = Mapping[str, Measurement]
"""What a device said in one answer, by channel."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done to a channel's values, ready to be done."""

    formula: Expression | None = None
    lookup: tuple[tuple[float, float], ...] | None = None
    scale: float = 1.0
    offset: float = 0.0
    clamp: tuple[float, float] | None = None
    low: float = -math.inf
    high: float = math.inf

    @property
    def needs_others(self) -> bool:
        """Whether the device's other channels are asked for."""
        return self.formula is not None and bool(self.formula.names)

    def apply(self, measured: Measurement, others: Seen) -> tuple[Value | None, Quality]:
        """Return the value to report and its quality."""
        value, quality = measured.value, measured.quality
        if not quality.has_value:
            return None, quality
        if self.formula is not None and value is not None:
            value, quality = _evaluated(self.formula, value, quality, others)
            if not quality.has_value:
                return None, quality
        if isinstance(value, bool) or not isinstance(value, int | float):
            value, checked = checked_value(value)
            return value, max(quality, checked)
        if self.lookup is not None:
            found = interpolated(self.lookup, value, is_clamped=self.clamp is not None)
            if found is None:
                return None, Quality.FAULT
            value = found
        if self.scale != 1.0 or self.offset != 0.0:
            value = value * self.scale + self.offset
        if not math.isfinite(value):
            return None, Quality.FAULT
        if self.clamp is not None:
            value = min(max(value, self.clamp[0]), self.clamp[1])
        return (value, quality) if self.low <= value <= self.high else (None, Quality.FAULT)


NOTHING = Steps()


def steps_of(channel: Channel, tuning: Tuning) -> Steps:
    """Return what is done to the values of a declared channel."""
    lows = [low for low in (channel.minimum, tuning.minimum) if low is not None]
    highs = [high for high in (channel.maximum, tuning.maximum) if high is not None]
    return Steps(
        parse_expression(tuning.expression) if tuning.expression else None,
        tuning.lookup,
        tuning.scale,
        tuning.offset,
        tuning.clamp,
        max(lows, default=-math.inf),
        min(highs, default=math.inf),
    )


def tuned(
    measurement: Measurement, channel: Channel, tuning: Tuning, others: Seen | None = None
) -> tuple[Value | None, Quality]:
    """Return the value to report, shaped and checked for plausibility, and its quality."""
    return steps_of(channel, tuning).apply(measurement, others or {})


def checked_value(value: Value | None) -> tuple[Value | None, Quality]:
    """Return a value, or that it is none: nothing, not a number, without end."""
    if value is None or (value.__class__ is float and not math.isfinite(value)):
        return None, Quality.FAULT
    if isinstance(value, dict) and not all(map(math.isfinite, value.values())):
        return None, Quality.FAULT
    return value, Quality.GOOD


def interpolated(
    points: tuple[tuple[float, float], ...], x: float, *, is_clamped: bool
) -> float | None:
    """Return where straight lines between the points pass, or None outside of them.

    Args:
        points: two or more, the first numbers growing.
        is_clamped: outside, the nearest point's value holds.
    """
    if not points[0][0] <= x <= points[-1][0]:
        if not is_clamped or math.isnan(x):
            return None
        return points[0][1] if x < points[0][0] else points[-1][1]
    right = min(bisect_right(points, x, key=_first), len(points) - 1)
    (x0, y0), (x1, y1) = points[right - 1], points[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def is_growing(points: tuple[tuple[float, float], ...]) -> bool:
    """Return whether there are two points or more, and each first number is above the last."""
    return len(points) > 1 and all(left[0] < right[0] for left, right in pairwise(points))


def _first(point: tuple[float, float]) -> float:
    return point[0]


def _evaluated(
    formula: Expression, value: Value, quality: Quality, others: Seen
) -> tuple[Value | None, Quality]:
    """Return what a formula gives. Without a channel that it needs, that one's reason holds."""
    names = {X: value}
    for name in formula.names:
        other = others.get(name)
        if other is None or other.value is None or not other.quality.has_value:
            reason = Quality.ABSENT if other is None else max(other.quality, Quality.OFF)
            return None, reason
        names[name] = other.value
        quality = max(quality, other.quality)
    result = formula.value(names)
    return (None, Quality.FAULT) if result is None else (result, quality)
