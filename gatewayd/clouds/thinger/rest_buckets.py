"""Buckets: made, written, and read back in pages.

Source: Thinger.io API description 2025; Thinger.io documentation, Buckets; n8n-nodes-thinger
(query parameters).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gatewayd.clouds.json_fields import Json, whole
from gatewayd.clouds.thinger.rest_calls import Calls, as_object, as_objects
from gatewayd.clouds.thinger.rest_types import Bucket, NewBucket
from gatewayd.errors import Malformed

ITEMS_MAX = 1000
"""Points of one answer; as many back means that there may be more."""

PAGES_MAX = 1000
"""A million points; a cloud that pages on for ever is stopped here."""

TIME = "ts"


class Point(NamedTuple):
    """One point: when, and what. An object where the bucket has several members."""

    time_ms: int
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketQuery:
    """Which points; None = the cloud's own default, the newest few.

    Attributes:
        start_ms, end_ms: both included.
        width: of aggregation: `5m`, `1h`, `1d`, `1w`, `1mo`, `1y`; with `aggregate`.
        aggregate: mean, median, mode, count, spread, stddev, max, min, sum.
        transform: abs, derivative, cumulative_sum, …
        tags: by name, the values wanted.
    """

    items: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    is_ascending: bool | None = None
    width: str | None = None
    aggregate: str | None = None
    transform: str | None = None
    time_zone: str | None = None
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def pairs(self) -> dict[str, object]:
        """Return the query's parameters."""
        sort = None if self.is_ascending is None else "asc" if self.is_ascending else "desc"
        return {
            "items": self.items,
            "min_ts": self.start_ms,
            "max_ts": self.end_ms,
            "sort": sort,
            "agg": self.width,
            "agg_type": self.aggregate,
            "transform": self.transform,
            "tz": self.time_zone,
            **{f"tag_{name}": list(values) for name, values in self.tags.items()},
        }


class Buckets:
    """`/v1/users/{user}/buckets`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self) -> tuple[Bucket, ...]:
        """Return the account's buckets."""
        found = await self._calls.get(self._calls.path("v1", "buckets"))
        return tuple(map(Bucket.of, as_objects(found)))

    async def get(self, id: str) -> Bucket:
        """Return one bucket. Raises NotFound."""
        return Bucket.of({"bucket": id, **as_object(await self._calls.get(self._path(id)))})

    async def add(self, new: NewBucket) -> None:
        """Make a bucket. Raises Invalid: fields, id, or a taken one."""
        await self._calls.post(self._calls.path("v1", "buckets"), new.body())

    async def change(self, id: str, changes: Mapping[str, object]) -> None:
        """Change some fields of a bucket; the others stay."""
        await self._calls.put(self._path(id), changes)

    async def delete(self, id: str) -> None:
        """Delete a bucket with all that is in it."""
        await self._calls.delete(self._path(id))

    async def write(self, id: str, value: object, time_ms: int | None = None) -> None:
        """Add one point; of an object, `time_ms` says when. A point of the same time goes.

        Raises:
            NotFound: there is no such bucket. Invalid: it is disabled, or the time is odd.
            ValueError: a scalar has no place for a time.
        """
        if time_ms is not None:
            if not isinstance(value, Mapping):
                raise ValueError("only an object can have a time")
            value = {**value, TIME: time_ms}
        await self._calls.post(self._path(id, "data"), value)

    async def read(
        self, id: str, query: BucketQuery | None = None, version: str = "v1"
    ) -> tuple[Point, ...]:
        """Return one answer's points, `ITEMS_MAX` at the most. Raises NotFound."""
        asked = query or BucketQuery()
        path = self._calls.path(version, "buckets", id, "data")
        found = as_objects(await self._calls.get(path, asked.pairs()))
        return tuple(_point(each, asked.aggregate or "val") for each in found)

    async def points(self, id: str, start_ms: int, end_ms: int) -> AsyncIterator[Point]:
        """Yield every point of a stretch, both ends included, oldest first."""
        for _ in range(PAGES_MAX):
            query = BucketQuery(
                items=ITEMS_MAX, start_ms=start_ms, end_ms=end_ms, is_ascending=True
            )
            page = await self.read(id, query)
            for point in page:
                yield point
            if len(page) < ITEMS_MAX:
                return
            # A time has one point at the most, so the next page begins after the last one.
            start_ms = page[-1].time_ms + 1

    def _path(self, *names: str) -> str:
        return self._calls.path("v1", "buckets", *names)


def _point(record: Json, member: str) -> Point:
    """Return a point of either version: v1 has the value in a member, v2 beside the time."""
    time_ms = whole(record, TIME)
    if time_ms is None:
        raise Malformed("a point without a time")
    if member in record:
        return Point(time_ms, record[member])
    rest = {name: value for name, value in record.items() if name != TIME}
    return Point(time_ms, rest["value"] if list(rest) == ["value"] else rest)
