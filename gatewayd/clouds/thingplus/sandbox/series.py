"""The points of one sensor as the cloud keeps them: times that only rise, and their values."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, MutableSequence, Sequence
from itertools import islice
from operator import lt
from typing import NamedTuple

from gatewayd.model import Value

DUPLICATE = "duplicate"
"""A point that is stored already, with the same value: a message sent again."""

TOO_LATE = "not after the last"
"""A point that is not newer than the newest one. The vendor's cloud ignores it silently."""

EXACT_MAX = 2**53
"""Whole numbers up to here fit a double exactly."""


class Drop(NamedTuple):
    """A point that was not taken, by its place in the message, and why."""

    place: int
    reason: str


class Series:
    """One sensor's points, oldest first.

    Numbers are kept as doubles, 16 bytes a point; the first value that is none turns the whole
    series into a list. Equal times are dropped too, which makes a repeated message harmless.

    Characteristics: in: points · out: slices · buffered: `points_max` to a quarter more · when
    full: the oldest go · ordered by time · not thread-safe · not durable.
    """

    def __init__(self, points_max: int) -> None:
        self.times_ms = array("q")
        self.values: MutableSequence[float] | list[Value] = array("d")
        self.last_ms = -1
        """The high-water mark: only later points are taken."""
        self.total = 0
        """Points ever taken."""
        self._points_max = points_max

    def __len__(self) -> int:
        return len(self.times_ms)

    def append(self, times_ms: Sequence[int], values: Sequence[Value]) -> Sequence[Drop]:
        """Take the points that are newer than all before; return those that are not."""
        if not times_ms:
            return ()
        drops: Sequence[Drop] = ()
        if times_ms[0] <= self.last_ms or not _is_rising(times_ms):
            times_ms, values, drops = self._sift(times_ms, values)
        if times_ms:
            self.times_ms.extend(times_ms)
            self._extend_values(values)
            self.last_ms = times_ms[-1]
            self.total += len(times_ms)
            if len(self.times_ms) > self._points_max * 5 // 4:
                del self.times_ms[: -self._points_max]
                del self.values[: -self._points_max]
        return drops

    def between(self, start_ms: int, end_ms: int) -> tuple[Sequence[int], Sequence[Value]]:
        """Return times and values from `start_ms` to before `end_ms`."""
        low, high = bisect_left(self.times_ms, start_ms), bisect_left(self.times_ms, end_ms)
        return self.times_ms[low:high], [whole(value) for value in self.values[low:high]]

    def page(self, offset: int, limit: int) -> tuple[Sequence[int], Sequence[Value]]:
        """Return times and values by place, from the oldest that is kept."""
        end = offset + limit
        return self.times_ms[offset:end], [whole(value) for value in self.values[offset:end]]

    def last_value(self) -> Value | None:
        """Return the newest value, or None if there never was one."""
        return whole(self.values[-1]) if self.values else None

    def _sift(
        self, times_ms: Sequence[int], values: Sequence[Value]
    ) -> tuple[list[int], list[Value], list[Drop]]:
        last_ms, drops = self.last_ms, []
        kept_ms: list[int] = []
        kept: list[Value] = []
        for index, (time_ms, value) in enumerate(zip(times_ms, values, strict=True)):
            if time_ms > last_ms:
                last_ms = time_ms
                kept_ms.append(time_ms)
                kept.append(value)
            elif self._holds(time_ms, value) or _holds(kept_ms, kept, time_ms, value):
                drops.append(Drop(index, DUPLICATE))
            else:
                drops.append(Drop(index, TOO_LATE))
        return kept_ms, kept, drops

    def _holds(self, time_ms: int, value: Value) -> bool:
        return _holds(self.times_ms, self.values, time_ms, value)

    def _extend_values(self, values: Sequence[Value]) -> None:
        if isinstance(self.values, array):
            numbers = _doubles(values)
            if numbers is not None:
                self.values.extend(numbers)
                return
            self.values = [whole(value) for value in self.values]
        self.values.extend(values)  # type: ignore[arg-type]  # A list of any value by now.


def whole(value: Value) -> Value:
    """Return a double without fraction as the whole number that was sent."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_MAX:
        return int(value)
    return value


def _doubles(values: Sequence[Value]) -> array[float] | None:
    """Return the values as doubles if none of them loses anything by it."""
    if not set(map(type, values)) <= {int, float}:
        return None
    numbers: Iterable[float] = values  # type: ignore[assignment]  # Proved by the line above.
    if max(numbers) > EXACT_MAX or min(numbers) < -EXACT_MAX:
        return None
    return array("d", numbers)


def _is_rising(times_ms: Sequence[int]) -> bool:
    return all(map(lt, times_ms, islice(times_ms, 1, None)))


def _holds(times_ms: Sequence[int], values: Sequence[Value], time_ms: int, value: Value) -> bool:
    at = bisect_left(times_ms, time_ms)
    return at < len(times_ms) and times_ms[at] == time_ms and values[at] == value
