"""Values and states as the Thing+ REST API holds them: points, statistics, statuses.

Times are UTC milliseconds. Raw data arrive flat with the value first, `[value, time, …]`, the
reverse of MQTT.

Source: Thing+ REST API "Getting Started", Series and Statistics; REST v1 guide; v2 description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import orjson

from gatewayd.clouds.json_fields import Json, inner, objects, text, whole
from gatewayd.clouds.thingplus.envelope import Meta
from gatewayd.errors import Malformed

PointValue = float | str | Mapping[str, object]
"""A stored value: texts and objects in raw series, numbers in drawn-together ones."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the cloud holds of one gateway's or sensor's state.

    Attributes:
        value: `on`, `off` or `err`, perhaps with a code behind a colon.
        expires_ms: when it ceases to be believed, or None for never.
        changed_ms: since when it has this value.
    """

    id: str
    value: str
    time_ms: int | None
    expires_ms: int | None
    changed_ms: int | None

    @classmethod
    def of(cls, record: Json) -> Self:
        expires_ms = whole(record, "expireAt")
        return cls(
            id=text(record, "id"),
            value=text(record, "value"),
            time_ms=whole(record, "time"),
            expires_ms=None if expires_ms == -1 else expires_ms,
            changed_ms=whole(record, "vtime"),
        )


@dataclass(frozen=True, slots=True)
class Point:
    """One stored value."""

    time_ms: int
    value: PointValue

    def body(self) -> dict[str, object]:
        """Return it as `PUT …/series` takes it: numbers as text."""
        value = self.value
        as_sent = value if isinstance(value, str | Mapping) else orjson.dumps(value).decode()
        return {"value": as_sent, "time": self.time_ms}


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic over one unit of time.

    `begin` names the unit as the cloud does, in its own zone: `{"year": 2015, "month": 8, …}`.
    """

    value: float
    begin: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Series:
    """What the cloud holds of one sensor's values: the latest, and a stretch if asked for."""

    latest: Point | None
    points: tuple[Point, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    meta: Meta = field(default_factory=Meta)

    @classmethod
    def of(cls, record: Json, meta: Meta) -> Self:
        """Return the series in its object; `meta` is the answer's, the object may have its own.

        Raises:
            Malformed: the data are neither values with their times nor statistics.
        """
        own = inner(record, "_meta")
        time_ms, value = whole(record, "time"), record.get("value")
        is_known = time_ms is not None and isinstance(value, float | int | str | Mapping)
        data = record.get("data")
        rows = data if isinstance(data, list) else []
        is_statistic = any(isinstance(row, Mapping) and "btime" in row for row in rows)
        return cls(
            latest=_point(value, time_ms) if is_known else None,
            points=() if is_statistic else _points(rows),
            statistics=tuple(map(_statistic, objects(record, "data"))) if is_statistic else (),
            meta=Meta.of(own) if own else meta,
        )


def _points(flat: list[object]) -> tuple[Point, ...]:
    if len(flat) % 2:
        raise Malformed("Thing+ sends a value without its time")
    # An interval in which nothing was measured is there with null for its value.
    return tuple(
        _point(value, time)
        for value, time in zip(flat[::2], flat[1::2], strict=True)
        if value is not None
    )


def _point(value: object, time: object) -> Point:
    time_ms = whole({"time": time}, "time")
    if time_ms is None or not isinstance(value, float | int | str | Mapping):
        raise Malformed("Thing+ sends a value without its time")
    return Point(time_ms, value)


def _statistic(record: Json) -> Statistic:
    """Return `{"count": 12035, "btime": {…}}` as one: the name of the function is the key."""
    begin = inner(record, "btime") or {}
    named = [value for key, value in record.items() if key != "btime"]
    value = named[0] if named else None
    if not isinstance(value, float | int):
        try:
            value = float(value) if isinstance(value, str) else 0.0
        except ValueError as error:
            raise Malformed("Thing+ sends a statistic that is no number") from error
    whole_numbers = {key: number for key in begin if (number := whole(begin, key)) is not None}
    return Statistic(float(value), whole_numbers)
