"""The query dialect of the REST API, read: nested names in brackets, repeated names as lists.

Pure. Source: Thing+ REST API "Getting Started", chapter Query String.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gatewayd.clouds.thingplus.query import COUNT_MAX, HOUR_INTERVALS, POINTS_MAX
from gatewayd.sandbox.errors import invalid

Tree = dict[str, "str | list[str] | Tree"]
"""A parsed query: text, texts of a repeated name, or the names within brackets."""

PAIRS_MAX = 1000
DEPTH_MAX = 5
"""`sensors[series][statFunc][id]` is four deep; nothing that is documented goes further."""

DIRECTIONS = ("asc", "desc")
INTERVAL_FUNCS = ("average", "sum", "count")
SUB_FUNCS = ("count", "min", "max", "sum", "avg", "range", "diff", "first", "last")
TIME_UNITS = ("hour", "day", "week", "month", "year")
DEFAULT_INTERVAL = "1m"

_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_TIME = re.compile(r"(.+?)([+-]\d\d:?\d\d|Z)?")
_PAGING = {"count", "page", "maxId", "sinceId"}


@dataclass(frozen=True, slots=True)
class StatQuery:
    """Statistics: which functions, over which unit, drawn together by how many hours."""

    functions: tuple[str, ...]
    unit: str
    hours: int


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """A stretch of one sensor's points.

    `interval_ms` 0 = raw; `offset_min` is the zone that `dataStart` was written in, which is
    where days begin; `end_ms` None = up to now.
    """

    start_ms: int
    end_ms: int | None
    count: int
    interval: str
    interval_ms: int
    function: str
    offset_min: int
    stat: StatQuery | None


@dataclass(frozen=True, slots=True)
class CollectionQuery:
    """Which records, which of their fields, and what is expanded in them.

    `nested` holds the sub-queries of the embedded resources, by name.
    """

    count: int = COUNT_MAX
    page: int = 0
    order_by: str | None = None
    is_descending: bool = False
    fields: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    embed: tuple[str, ...] = ()
    start_ms: int | None = None
    end_ms: int | None = None
    is_paged: bool = False
    nested: Mapping[str, Tree] = field(default_factory=dict)


def parse_query(pairs: Iterable[tuple[str, str]]) -> Tree:
    """Return the tree of a query string's decoded pairs.

    Raises:
        ApiError: too many or too deep, a broken name, or a name both text and tree.
    """
    tree: Tree = {}
    for number, (name, value) in enumerate(pairs):
        match = _NAME.fullmatch(name)
        if match is None or number >= PAIRS_MAX:
            raise invalid(f"query name {name[:80]!r}")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if path[-1] == "":
            path.pop()  # `fields[]=a` is a list, as repeating the name is.
        if len(path) > DEPTH_MAX:
            raise invalid(f"query name {name[:80]!r} is nested too deep")
        _put(tree, path, value)
    return tree


def _put(tree: Tree, path: list[str], value: str) -> None:
    *way, last = path
    for step in way:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            raise invalid(f"query name {step} has a value and members")
        tree = below
    old = tree.get(last)
    if isinstance(old, dict):
        raise invalid(f"query name {last} has a value and members")
    if old is None:
        tree[last] = value
    elif isinstance(old, list):
        old.append(value)
    else:
        tree[last] = [old, value]


def collection_query(tree: Tree) -> CollectionQuery:
    """Return what a collection is asked for; a count above the limit is taken for the limit.

    Raises:
        ApiError: 400 INVALID_INPUT, a parameter that makes no sense.
    """
    filters = tree.get("filter", {})
    if not isinstance(filters, dict):
        raise invalid("filter needs a name in brackets")
    return CollectionQuery(
        count=min(_number(tree, "count", COUNT_MAX, least=1), COUNT_MAX),
        page=_number(tree, "page", 0),
        order_by=_maybe_text(tree, "orderBy"),
        is_descending=_word(tree, "orderDir", DIRECTIONS, "asc") == "desc",
        fields=_texts(tree, "fields"),
        filters={name: _texts(filters, name) for name in filters},
        embed=tuple(word for text in _texts(tree, "embed") for word in text.split(",")),
        start_ms=_maybe_time(tree, "start"),
        end_ms=_maybe_time(tree, "end"),
        is_paged=not _PAGING.isdisjoint(tree),
        nested={name: below for name, below in tree.items() if isinstance(below, dict)},
    )


def series_query(tree: Tree) -> SeriesQuery | None:
    """Return which points are asked for, or None where no range is given: the last one.

    Raises:
        ApiError: 400 INVALID_INPUT.
    """
    start = _maybe_text(tree, "dataStart")
    if start is None:
        if {"dataEnd", "interval", "intervalFunc", "statFunc"} & tree.keys():
            raise invalid("dataStart is required")
        return None
    start_ms, offset_min = parse_time(start)
    interval = _maybe_text(tree, "interval") or DEFAULT_INTERVAL
    return SeriesQuery(
        start_ms=start_ms,
        end_ms=_maybe_time(tree, "dataEnd"),
        count=min(_number(tree, "count", POINTS_MAX, least=1), POINTS_MAX),
        interval=interval,
        interval_ms=_interval_ms(interval),
        function=_word(tree, "intervalFunc", INTERVAL_FUNCS, "average"),
        offset_min=offset_min,
        stat=_stat_query(tree),
    )


def parse_time(text: str) -> tuple[int, int]:
    """Return UTC milliseconds and the offset in minutes of an ISO 8601 instant.

    A `+` that was not encoded arrives as a space and is taken for what was meant. Without a zone
    it is UTC.

    Raises:
        ApiError: 400 INVALID_INPUT.
    """
    match = _TIME.fullmatch(re.sub(r" (?=\d\d:?\d\d$)", "+", text))
    try:
        if match is None:
            raise ValueError
        moment = datetime.fromisoformat(f"{match[1]}{match[2] or 'Z'}")
    except ValueError:
        raise invalid(f"{text[:40]!r} is no ISO 8601 time") from None
    offset = moment.utcoffset() or timedelta()
    return round(moment.timestamp() * 1000), int(offset.total_seconds() // 60)


def _stat_query(tree: Tree) -> StatQuery | None:
    below = tree.get("statFunc")
    if below is None:
        return None
    if not isinstance(below, dict) or below.get("id") != "seriesStat":
        raise invalid("statFunc[id] must be seriesStat")
    functions = _texts(below, "subFunc")
    if not functions or any(function not in SUB_FUNCS for function in functions):
        raise invalid(f"statFunc[subFunc] is one of {', '.join(SUB_FUNCS)}")
    unit = _word(below, "timeUnit", TIME_UNITS, "day")
    # Written so by the vendor; the right spelling is taken too.
    hours = _maybe_text(below, "timeInerval") or _maybe_text(below, "timeInterval") or "1"
    is_known = unit == "hour" and hours.isdecimal() and int(hours) in HOUR_INTERVALS
    return StatQuery(functions, unit, int(hours) if is_known else 1)


def _interval_ms(text: str) -> int:
    if text == "0":
        return 0
    match = re.fullmatch(r"([1-9]\d{0,4})([mhd])", text)
    if match is None:
        raise invalid(f"interval {text[:20]!r}")
    return int(match[1]) * _UNIT_MS[match[2]]


def _texts(tree: Tree, name: str) -> tuple[str, ...]:
    found = tree.get(name, [])
    if isinstance(found, dict):
        raise invalid(f"{name} has no members")
    return (found,) if isinstance(found, str) else tuple(found)


def _maybe_text(tree: Tree, name: str) -> str | None:
    """Return one text; of a repeated name, the last."""
    found = _texts(tree, name)
    return found[-1] if found else None


def _maybe_time(tree: Tree, name: str) -> int | None:
    text = _maybe_text(tree, name)
    return None if text is None else parse_time(text)[0]


def _word(tree: Tree, name: str, words: tuple[str, ...], default: str) -> str:
    text = _maybe_text(tree, name) or default
    if text not in words:
        raise invalid(f"{name} is one of {', '.join(words)}")
    return text


def _number(tree: Tree, name: str, default: int, least: int = 0) -> int:
    text = _maybe_text(tree, name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise invalid(f"{name} is a whole number from {least}")
    return int(text)
