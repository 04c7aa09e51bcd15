"""What a bucket keeps, and how times fall into widths."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.sandbox.points import Points, aggregate, floor_ms
from gatewayd.sandbox.errors import ApiError


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@given(st.lists(st.integers(0, 50), max_size=100), st.integers(1, 20))
def test_a_bucket_keeps_the_newest_points(times: list[int], most: int) -> None:
    """One a time, in order, never more than it may."""
    points = Points(most)
    for time_ms in times:
        points.put(time_ms, time_ms)
    kept = points.select(None, None, None, is_ascending=True)
    assert kept == [(each, each) for each in sorted({each for each, _ in kept})]
    assert len(kept) == len(points) <= most
    assert points.last_ms == (max(times) if times else None)


@pytest.mark.parametrize(
    ("width", "begin"),
    [
        ("5m", "2024-05-15T13:35:00"),
        ("6h", "2024-05-15T12:00:00"),
        ("1d", "2024-05-15"),
        ("1w", "2024-05-13"),
        ("1mo", "2024-05-01"),
        ("1y", "2024-01-01"),
    ],
)
def test_a_time_falls_into_a_width(width: str, begin: str) -> None:
    """Days begin at midnight, weeks on Monday."""
    assert floor_ms(ms("2024-05-15T13:37:42"), width, ZoneInfo("UTC")) == ms(begin)


def test_a_day_begins_where_the_clock_is() -> None:
    """Midnight of Madrid in summer is 22:00."""
    found = floor_ms(ms("2024-05-15T13:37:42"), "1d", ZoneInfo("Europe/Madrid"))
    assert found == ms("2024-05-14T22:00:00")


@pytest.mark.parametrize("width", ["", "m", "5", "0m", "-1h", "5x", "5mm", "99999d", "1.5h"])
def test_a_width_that_is_none_is_refused(width: str) -> None:
    """400."""
    with pytest.raises(ApiError):
        floor_ms(0, width, ZoneInfo("UTC"))


def test_only_numbers_are_drawn_together() -> None:
    """Texts and switches have no mean."""
    points: list[tuple[int, object]] = [(0, {"a": 1, "b": "x", "c": True}), (1, {"a": 3}), (2, "y")]
    assert aggregate(points, "1h", "mean", ZoneInfo("UTC")) == [(0, {"a": 2})]
    assert aggregate([(0, 5), (1, 7)], "1h", "sum", ZoneInfo("UTC")) == [(0, 12)]
