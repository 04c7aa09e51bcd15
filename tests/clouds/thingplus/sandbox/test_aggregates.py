"""Points drawn together."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.sandbox.aggregates import read_series
from gatewayd.clouds.thingplus.sandbox.queries import SeriesQuery, series_query
from gatewayd.clouds.thingplus.sandbox.series import Series

MINUTE = 60_000
START = 1_439_341_200_000
"""2015-08-12T01:00:00Z."""


@pytest.fixture
def series() -> Series:
    series = Series(1000)
    series.append([START + n * 30_000 for n in range(10)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 11])
    return series


def query(**more: str) -> SeriesQuery:
    found = series_query({"dataStart": "2015-08-12T01:00:00Z", **more})
    assert found is not None
    return found


def test_the_default_is_the_average_of_a_minute(series: Series) -> None:
    """Value first, then the beginning of the minute."""
    data, meta = read_series(series, query(), START + 5 * MINUTE)
    assert data[:4] == [1.5, START, 3.5, START + MINUTE]
    assert (meta["interval"], meta["stat"], meta["count"]) == ("1m", "average", 5)


@pytest.mark.parametrize(("name", "value"), [("sum", 56), ("count", 10), ("average", 5.6)])
def test_an_hour_is_one_point(series: Series, name: str, value: float) -> None:
    """All three functions."""
    data, _ = read_series(series, query(interval="1h", intervalFunc=name), START + 9 * MINUTE)
    assert data == [value, START]


def test_raw_points_are_counted_off(series: Series) -> None:
    """`count` limits raw points and nothing else; the end is excluded."""
    data, meta = read_series(series, query(interval="0", count="2"), START + MINUTE)
    assert data == [1, START, 2, START + 30_000]
    assert meta["count"] == 2
    ended = query(interval="0", dataEnd="2015-08-12T01:00:30Z")
    assert read_series(series, ended, START + MINUTE)[0] == [1, START]


def test_the_range_is_widened_to_whole_intervals(series: Series) -> None:
    """`dataStart` of the answer may differ from the one asked for."""
    late = series_query({"dataStart": "2015-08-12T01:01:30Z", "interval": "2m"})
    assert late is not None
    data, meta = read_series(series, late, START + 9 * MINUTE)
    assert meta["dataStart"] == START
    assert data[:2] == [2.5, START]


def test_days_begin_where_the_asker_is() -> None:
    """Midnight of +09:00 parts two points that share a day of UTC."""
    series = Series(100)
    series.append([START - 11 * 3_600_000, START], [1, 2])  # 23:00 and 10:00 in Seoul
    local = series_query({"dataStart": "2015-08-11T00:00:00+09:00", "interval": "1d"})
    assert local is not None
    data, _ = read_series(series, local, START + 1)
    assert data[::2] == [1, 2]
    assert data[1] == START - 34 * 3_600_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 10),
        ("min", 1),
        ("max", 11),
        ("sum", 56),
        ("avg", 5.6),
        ("range", 10),
        ("diff", 10),
        ("first", 1),
        ("last", 11),
    ],
)
def test_every_statistic(series: Series, name: str, value: float) -> None:
    """Of one day."""
    stat = {"id": "seriesStat", "subFunc": name}
    found = series_query({"dataStart": "2015-08-12T00:00:00Z", "statFunc": dict(stat)})
    assert found is not None
    data, meta = read_series(series, found, START + 9 * MINUTE)
    assert data == [{name: value, "btime": {"year": 2015, "month": 8, "day": 12}}]
    assert (meta["timeUnit"], meta["count"]) == ("day", 1)


@pytest.mark.parametrize(
    ("unit", "btime"),
    [
        ("hour", {"year": 2015, "month": 8, "day": 12, "hour": 1}),
        ("week", {"year": 2015, "week": 33}),
        ("month", {"year": 2015, "month": 8}),
        ("year", {"year": 2015}),
    ],
)
def test_every_unit(series: Series, unit: str, btime: dict[str, int]) -> None:
    """With the parts of the calendar that it has."""
    stat = {"id": "seriesStat", "subFunc": "count", "timeUnit": unit}
    found = series_query({"dataStart": "2015-08-12T00:00:00Z", "statFunc": dict(stat)})
    assert found is not None
    assert read_series(series, found, START + 9 * MINUTE)[0] == [{"count": 10, "btime": btime}]


def test_texts_are_no_numbers() -> None:
    """They are left out of what is drawn together, and shown raw."""
    series = Series(100)
    series.append([START, START + 1], ["open", 4])
    assert read_series(series, query(), START + 2)[0] == [4, START]
    assert read_series(series, query(interval="0"), START + 2)[0] == ["open", START, 4, START + 1]
