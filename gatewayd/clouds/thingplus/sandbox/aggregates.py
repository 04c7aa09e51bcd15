"""Points drawn together: by intervals, and as statistics by calendar units. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import groupby
from typing import TypeVar

from gatewayd.clouds.thingplus.sandbox.queries import SeriesQuery, StatQuery
from gatewayd.clouds.thingplus.sandbox.series import Series, whole
from gatewayd.model import Value
from gatewayd.sandbox.bodies import Document

Numbers = Sequence[float]

FUNCTIONS: dict[str, Callable[[Numbers], float]] = {
    "count": len,
    "min": min,
    "max": max,
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "average": lambda values: sum(values) / len(values),
    "range": lambda values: max(values) - min(values),
    "diff": lambda values: values[-1] - values[0],
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}

Key = TypeVar("Key")
Btime = tuple[tuple[str, int], ...]


def read_series(series: Series, query: SeriesQuery, now_ms: int) -> tuple[list[object], Document]:
    """Return `data` and `_meta` of a stretch of points.

    Values stand before times, the reverse of MQTT. The range that is told is widened to whole
    intervals.
    """
    end_ms = now_ms + 1 if query.end_ms is None else query.end_ms
    if query.stat is not None:
        return _statistics(series, query, query.stat, end_ms)
    if query.interval_ms == 0:
        times_ms, values = series.between(query.start_ms, end_ms)
        data = _pairs(times_ms[: query.count], values[: query.count])
        meta = {"count": len(data) // 2, "dataStart": query.start_ms, "dataEnd": end_ms}
        return data, meta | {"interval": "0"}
    step_ms, zone_ms = query.interval_ms, query.offset_min * 60_000
    start_ms = (query.start_ms + zone_ms) // step_ms * step_ms - zone_ms
    groups = _grouped(series, start_ms, end_ms, lambda t: (t + zone_ms) // step_ms)
    function = FUNCTIONS[query.function]
    data = []
    for bucket, numbers in groups:
        data += [whole(function(numbers)), bucket * step_ms - zone_ms]
    meta = {"count": len(data) // 2, "dataStart": start_ms, "dataEnd": end_ms}
    return data, meta | {"interval": query.interval, "stat": query.function}


def _statistics(
    series: Series, query: SeriesQuery, stat: StatQuery, end_ms: int
) -> tuple[list[object], Document]:
    zone = timezone(timedelta(minutes=query.offset_min))
    data: list[object] = []
    for btime, numbers in _grouped(series, query.start_ms, end_ms, lambda t: _btime(t, zone, stat)):
        entry: Document = {name: whole(FUNCTIONS[name](numbers)) for name in stat.functions}
        data.append(entry | {"btime": dict(btime)})
    meta: Document = {
        "gmt": query.offset_min / 60 if query.offset_min % 60 else query.offset_min // 60,
        "timeUnit": stat.unit,
        "stats": list(stat.functions),
        "count": len(data),
        "dataStart": query.start_ms,
        "dataEnd": end_ms,
    }
    return data, meta


def _btime(time_ms: int, zone: timezone, stat: StatQuery) -> Btime:
    """Return which calendar unit an instant falls in; weeks and their year as ISO 8601."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).astimezone(zone)
    if stat.unit == "week":
        year, week, _ = local.isocalendar()
        return ("year", year), ("week", week)
    parts = (("year", local.year), ("month", local.month), ("day", local.day))
    if stat.unit == "hour":
        return (*parts, ("hour", local.hour // stat.hours * stat.hours))
    return parts[: ("year", "month", "day").index(stat.unit) + 1]


def _grouped(
    series: Series, start_ms: int, end_ms: int, key: Callable[[int], Key]
) -> Iterator[tuple[Key, list[float]]]:
    """Yield the numbers of each group in order of time; values that are none are left out."""
    times_ms, values = series.between(start_ms, end_ms)
    numbers = [
        (time_ms, value)
        for time_ms, value in zip(times_ms, values, strict=True)
        if isinstance(value, int | float)
    ]
    for name, members in groupby(numbers, key=lambda point: key(point[0])):
        yield name, [value for _, value in members]


def _pairs(times_ms: Sequence[int], values: Sequence[Value]) -> list[object]:
    data: list[object] = [None] * (2 * len(times_ms))
    data[::2], data[1::2] = values, times_ms
    return data
