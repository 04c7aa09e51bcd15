"""The query dialect of the Thing+ REST API: which records, which fields, which stretch of time.

A query renders to pairs in the notation of node-querystring, nested names in brackets:

    Query(count=2, filter={"virtual": ("y",)})     count=2&filter[virtual]=y
    Query(embed=(Embed("sensors", Query(embed=(Embed("series", SeriesQuery(start_ms=…)),))),))
                                    embed=sensors&sensors[embed]=series&sensors[series][dataStart]=…

Source: Thing+ REST API "Getting Started", chapter Query String.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote, urlencode

COUNT_MAX = 4000
"""Records that one answer holds at the most."""

POINTS_MAX = 10_080
"""Raw points that one answer holds at the most: a week of minutes."""

HOUR_INTERVALS = (2, 3, 4, 6, 8, 12)
"""The intervals of hourly statistics; the cloud takes any other number for 1."""

OFFSET_MINUTES_MAX = 14 * 60
"""No time zone is further from UTC."""

Pairs = list[tuple[str, str]]
Path = tuple[str, ...]


class Renderable(Protocol):
    """Whatever can stand in a query string, at the top or inside an embed."""

    def pairs(self, path: Path = ()) -> Pairs:
        """Return names and values, not yet encoded; `path` leads to where this query nests."""
        ...


class OrderDir(StrEnum):
    """Which way a collection is sorted."""

    ASC = "asc"
    DESC = "desc"


class IntervalFunc(StrEnum):
    """What becomes of the points of one interval."""

    AVERAGE = "average"
    SUM = "sum"
    COUNT = "count"


class SubFunc(StrEnum):
    """What a statistic says about the points of one unit of time."""

    COUNT = "count"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    AVG = "avg"
    RANGE = "range"
    DIFF = "diff"
    FIRST = "first"
    LAST = "last"


class TimeUnit(StrEnum):
    """One unit of time of a statistic."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Embed:
    """A resource to be expanded inside the answer: sensors, devices, status or series."""

    resource: str
    query: Renderable | None = None

    def pairs(self, path: Path = ()) -> Pairs:
        inner = self.query.pairs((*path, self.resource)) if self.query else []
        return [(_name(path, "embed"), self.resource), *inner]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records of a collection.

    Attributes:
        filter: all keys must match; within a key one of the values must.
        start_ms, end_ms: UTC milliseconds, start included, end excluded.
        utc_offset_minutes: the zone that times are written in; the instant is the same.
    """

    count: int | None = None
    page: int | None = None
    order_by: str | None = None
    order_dir: OrderDir | None = None
    fields: tuple[str, ...] = ()
    filter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    embed: tuple[Embed, ...] = ()
    start_ms: int | None = None
    end_ms: int | None = None
    utc_offset_minutes: int = 0

    def __post_init__(self) -> None:
        _check_within("count", self.count, COUNT_MAX)

    def pairs(self, path: Path = ()) -> Pairs:
        zone = self.utc_offset_minutes
        found = [
            *_given(path, "count", self.count),
            *_given(path, "page", self.page),
            *_given(path, "orderBy", self.order_by),
            *_given(path, "orderDir", self.order_dir),
            *((_name(path, "fields"), each) for each in self.fields),
        ]
        for key, values in self.filter.items():
            found += [(_name((*path, "filter"), key), value) for value in values]
        for embed in self.embed:
            found += embed.pairs(path)
        return found + _span(path, ("start", "end"), (self.start_ms, self.end_ms), zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """Which stretch of a sensor's values, raw or drawn together.

    Attributes:
        interval: `0` = raw values, otherwise minutes, hours or days: `1m`, `15m`, `6h`, `1d`.
            None leaves it to the cloud, which takes `1m`.
        count: for raw values only; the cloud ignores it otherwise.
    """

    start_ms: int
    end_ms: int | None = None
    count: int | None = None
    interval: str | None = None
    interval_func: IntervalFunc | None = None
    utc_offset_minutes: int = 0

    def __post_init__(self) -> None:
        _check_within("count", self.count, POINTS_MAX)
        if self.interval is not None and not is_interval(self.interval):
            raise ValueError(
                f'interval {self.interval!r} is neither "0" nor like "15m", "6h", "1d"'
            )

    def pairs(self, path: Path = ()) -> Pairs:
        times = self.start_ms, self.end_ms
        return [
            *_span(path, ("dataStart", "dataEnd"), times, self.utc_offset_minutes),
            *_given(path, "count", self.count),
            *_given(path, "interval", self.interval),
            *_given(path, "intervalFunc", self.interval_func),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatQuery:
    """Which statistics of a sensor's values.

    Attributes:
        time_interval: hours drawn together, one of `HOUR_INTERVALS`, with the unit hour only.
        utc_offset_minutes: also where the cloud's days and months begin.
    """

    start_ms: int
    end_ms: int | None = None
    sub_func: SubFunc | None = None
    time_unit: TimeUnit | None = None
    time_interval: int | None = None
    utc_offset_minutes: int = 0

    def __post_init__(self) -> None:
        if self.time_interval is None:
            return
        if self.time_interval not in HOUR_INTERVALS or self.time_unit is not TimeUnit.HOUR:
            raise ValueError(f"statistics draw {HOUR_INTERVALS} hours together, and nothing else")

    def pairs(self, path: Path = ()) -> Pairs:
        times, stat = (self.start_ms, self.end_ms), (*path, "statFunc")
        return [
            *_span(path, ("dataStart", "dataEnd"), times, self.utc_offset_minutes),
            (_name(stat, "id"), "seriesStat"),
            *_given(stat, "subFunc", self.sub_func),
            *_given(stat, "timeUnit", self.time_unit),
            # The vendor's own spelling; the correct one is not among its names.
            *_given(stat, "timeInerval", self.time_interval),
        ]


def render(query: Renderable | None) -> str:
    """Return the URL-encoded query with its question mark, or nothing."""
    pairs = query.pairs() if query else []
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


def is_interval(text: str) -> bool:
    """Return whether the cloud knows this as an interval of series."""
    return text == "0" or (text[:-1].isdecimal() and text[-1:] in tuple("mhd") and text[0] != "0")


def iso_time(time_ms: int, utc_offset_minutes: int = 0) -> str:
    """Return an instant as the cloud writes it: `2015-08-12T01:19:08.315Z`, `…+09:00`."""
    if abs(utc_offset_minutes) > OFFSET_MINUTES_MAX:
        raise ValueError(f"no time zone is {utc_offset_minutes} minutes from UTC")
    zone = timezone(timedelta(minutes=utc_offset_minutes))
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    text = instant.astimezone(zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _name(path: Path, name: str) -> str:
    """Return `filter[owner]` for the path ("filter",) and the name "owner"."""
    first, *rest = (*path, name)
    return first + "".join(f"[{each}]" for each in rest)


def _given(path: Path, name: str, value: int | str | None) -> Pairs:
    return [] if value is None else [(_name(path, name), str(value))]


def _span(path: Path, names: Path, times: tuple[int | None, int | None], zone: int) -> Pairs:
    named = zip(names, times, strict=True)
    return [(_name(path, name), iso_time(ms, zone)) for name, ms in named if ms is not None]


def _check_within(name: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise ValueError(f"{name} {value} is not within 1 and {most}")
