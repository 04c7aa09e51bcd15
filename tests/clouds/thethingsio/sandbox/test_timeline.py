"""One resource's values by time."""

from __future__ import annotations

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.sandbox.timeline import Timeline


def values(
    line: Timeline, limit: int = 10, start: int | None = None, end: int | None = None
) -> list[object]:
    return [row.value for row in line.read(limit, start, end)]


def test_the_newest_come_first_whatever_the_order_they_came_in() -> None:
    """Equal times keep the order of arrival, the later one being newer."""
    line = Timeline(10)
    for value, time_ms in (("b", 2), ("d", 3), ("a", 1), ("c", 2)):
        line.add(Entry("k", value, time_ms))
    assert values(line) == ["d", "c", "b", "a"]
    assert values(line, limit=2) == ["d", "c"]


def test_the_start_is_included_and_the_end_is_not() -> None:
    """An empty stretch is empty."""
    line = Timeline(10)
    for time_ms in range(5):
        line.add(Entry("k", time_ms, time_ms))
    assert values(line, start=1, end=3) == [2, 1]
    assert values(line, start=3, end=1) == []
    assert values(line, start=9) == []


def test_the_oldest_go_when_it_is_full() -> None:
    """The total does not forget them."""
    line = Timeline(3)
    for time_ms in range(5):
        line.add(Entry("k", time_ms, time_ms))
        assert len(line) == min(time_ms + 1, 3)
    assert (values(line), line.total, len(line)) == ([4, 3, 2], 5, 3)


def test_a_double_is_counted() -> None:
    """The same value at the same time; another value is none."""
    line = Timeline(10)
    for value in (1, 1, 2):
        line.add(Entry("k", value, 7))
    assert line.duplicates == 1
