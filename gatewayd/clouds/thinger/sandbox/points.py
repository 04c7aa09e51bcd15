"""The points of one bucket, and what a query gets of them. Pure.

Source: Thinger.io documentation, Buckets; n8n-nodes-thinger and node-red-contrib-thinger (query
parameters). Range ends are included, a point of the same time goes; both are our reading.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gatewayd.sandbox.errors import invalid

AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "sum": sum,
    "count": len,
}
"""The vendor has more (median, mode, spread, stddev)."""

Stamped = tuple[int, object]
"""A time in milliseconds and what was then."""


class Points:
    """What is in one bucket, by time.

    Characteristics: one point a time, the last one stays · when full: the oldest go, counted in
    `forgotten` · not durable.
    """

    def __init__(self, points_max: int) -> None:
        self._points_max = points_max
        self._times: list[int] = []
        self._values: dict[int, object] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._times)

    def put(self, time_ms: int, value: object) -> bool:
        """Add a point; return whether its time is new."""
        is_new = time_ms not in self._values
        self._values[time_ms] = value
        if is_new:
            insort(self._times, time_ms)
        if len(self._times) > self._points_max:
            del self._values[self._times.pop(0)]
            self.forgotten += 1
        return is_new

    def select(
        self, start_ms: int | None, end_ms: int | None, items: int | None, *, is_ascending: bool
    ) -> list[Stamped]:
        """Return the first `items` points of a stretch, both ends included; None = all."""
        begin = 0 if start_ms is None else bisect_left(self._times, start_ms)
        end = len(self._times) if end_ms is None else bisect_right(self._times, end_ms)
        times = self._times[begin:end]
        chosen = times if is_ascending else times[::-1]
        return [(time_ms, self._values[time_ms]) for time_ms in chosen[:items]]

    @property
    def last_ms(self) -> int | None:
        """When the newest point is of."""
        return self._times[-1] if self._times else None


def aggregate(points: Sequence[Stamped], width: str, kind: str, zone: ZoneInfo) -> list[Stamped]:
    """Return one point a width: the aggregate of its numbers, member by member.

    Raises:
        ApiError: 400, an aggregate or a width that is not known.
    """
    function = AGGREGATES.get(kind)
    if function is None:
        raise invalid(f"agg_type is {', '.join(AGGREGATES)}")
    floor_ms(0, width, zone)  # Also of an empty bucket nonsense is refused.
    groups: dict[int, list[object]] = {}
    for time_ms, value in points:
        groups.setdefault(floor_ms(time_ms, width, zone), []).append(value)
    return [(time_ms, _together(values, function)) for time_ms, values in groups.items()]


def _together(values: Sequence[object], function: Callable[[Sequence[float]], float]) -> object:
    members: dict[str, list[float]] = {}
    scalars: list[float] = []
    for value in values:
        for name, each in value.items() if isinstance(value, dict) else (("", value),):
            if isinstance(each, int | float) and not isinstance(each, bool):
                (members.setdefault(name, []) if isinstance(value, dict) else scalars).append(each)
    if scalars:
        return function(scalars)
    return {name: function(numbers) for name, numbers in members.items()}


def floor_ms(time_ms: int, width: str, zone: ZoneInfo) -> int:
    """Return when the width begins that a time is in: 5m, 1h, 1d, 1w, 1mo, 1y.

    Raises:
        ApiError: 400, no such width.
    """
    count = width.rstrip("mohdwy")
    unit = width[len(count) :]
    if not count.isdecimal() or not 0 < int(count[:4]) <= 1000 or len(count) > 4:
        raise invalid(f"agg {width[:20]!r} is no width")
    at, number = datetime.fromtimestamp(time_ms / 1000, zone), int(count)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "m" | "h":
            step = timedelta(minutes=number) if unit == "m" else timedelta(hours=number)
            found = midnight + (at - midnight) // step * step
        case "d":
            found = midnight - timedelta(days=midnight.toordinal() % number)
        case "w":
            weeks = (midnight.toordinal() - 1) // 7
            found = midnight - timedelta(days=midnight.weekday() + 7 * (weeks % number))
        case "mo":
            months = at.year * 12 + at.month - 1
            months -= months % number
            found = midnight.replace(year=months // 12, month=months % 12 + 1, day=1)
        case "y":
            found = midnight.replace(year=at.year - at.year % number, month=1, day=1)
        case _:
            raise invalid(f"agg {width[:20]!r} is no width")
    return round(found.timestamp() * 1000)
