"""One sensor's points: the high-water mark, duplicates, and what is kept."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingplus.sandbox.series import DUPLICATE, TOO_LATE, Series


def test_later_points_are_taken_whole() -> None:
    """The usual way: rising, and after the mark."""
    series = Series(100)
    assert series.append([1, 2], [1.5, 2]) == ()
    assert series.append([3], [3]) == ()
    assert (series.total, series.last_ms, series.last_value()) == (3, 3, 3)


def test_a_message_sent_again_is_all_duplicates() -> None:
    """Same times, same values."""
    series = Series(100)
    series.append([1, 2, 3], [1, "a", 3])
    assert [drop.reason for drop in series.append([1, 2, 3], [1, "a", 3])] == [DUPLICATE] * 3


def test_an_older_or_equal_time_is_too_late() -> None:
    """Between stored ones, before them, or again with another value; the rest is taken."""
    series = Series(100)
    series.append([10, 20], [1, 2])
    drops = series.append([15, 20, 30, 30, 25, 30, 40], [1, 9, 3, 3, 5, 4, 6])
    assert [(drop.place, drop.reason) for drop in drops] == [
        (0, TOO_LATE),
        (1, TOO_LATE),
        (3, DUPLICATE),
        (4, TOO_LATE),
        (5, TOO_LATE),
    ]
    assert series.between(0, 100) == (array("q", [10, 20, 30, 40]), [1, 2, 3, 6])


def test_values_that_are_no_numbers_keep_what_was_there() -> None:
    """Texts, objects and numbers too large for a double, after numbers."""
    series = Series(100)
    series.append([1, 2], [1, 2.5])
    series.append([3, 4, 5], ["x", {"lat": 1.0}, 2**60 + 1])
    assert series.page(0, 9)[1] == [1, 2.5, "x", {"lat": 1.0}, 2**60 + 1]


def test_the_oldest_go_and_the_count_stays() -> None:
    """Never more than a quarter over the limit."""
    series = Series(100)
    for time_ms in range(1000):
        series.append([time_ms], [time_ms])
        assert len(series) <= 125
    assert series.total == 1000
    assert series.page(0, 1)[0][0] >= 875


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), max_size=60), st.integers(1, 9))
def test_every_point_is_taken_or_dropped_and_times_rise(
    points: list[tuple[int, int]], step: int
) -> None:
    """Whatever comes, in whatever slices: accounted for, in order, and as one by one."""
    whole, single = Series(1000), Series(1000)
    dropped = 0
    for at in range(0, len(points), step):
        piece = points[at : at + step]
        dropped += len(whole.append([t for t, _ in piece], [v for _, v in piece]))
    for time_ms, value in points:
        single.append([time_ms], [value])
    assert whole.total + dropped == len(points)
    assert list(whole.times_ms) == sorted(set(whole.times_ms))
    assert whole.page(0, 1000) == single.page(0, 1000)
