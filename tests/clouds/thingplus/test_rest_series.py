"""Values, statistics and statuses out of the vendor's examples."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.envelope import Meta
from gatewayd.clouds.thingplus.rest_series import Point, Series, Statistic, Status
from gatewayd.errors import Malformed


def test_the_latest_value_is_in_the_series_object() -> None:
    """Values are texts, times are texts."""
    series = Series.of({"type": "series", "time": "1490931631622", "value": "26.5"}, Meta())
    assert series.latest == Point(1_490_931_631_622, "26.5")
    assert series.points == ()


def test_raw_data_have_the_value_first() -> None:
    """The reverse of MQTT; an interval without values is left out."""
    series = Series.of({"data": ["1.5", "1000", None, "2000", {"lat": 1}, 3000]}, Meta())
    assert series.points == (Point(1000, "1.5"), Point(3000, {"lat": 1}))


def test_statistics_name_their_function_and_their_unit() -> None:
    """The vendor's example of an answer."""
    data = [{"count": 12035, "btime": {"year": 2015, "month": 8, "day": 11}}]
    series = Series.of({"data": data}, Meta(stat="count"))
    assert series.statistics == (Statistic(12035.0, {"year": 2015, "month": 8, "day": 11}),)
    assert series.points == ()


def test_meta_may_stand_inside_or_outside() -> None:
    """An embedded series has its own."""
    assert Series.of({"_meta": {"interval": "1m"}}, Meta()).meta.interval == "1m"
    assert Series.of({}, Meta(interval="1h")).meta.interval == "1h"


@pytest.mark.parametrize(
    "data",
    [["1"], ["1", "soon"], [[1], 5], [{"count": "x", "btime": {}}]],
)
def test_values_without_times_are_malformed(data: list[object]) -> None:
    """Half a pair, a time that is none, a value that is none."""
    with pytest.raises(Malformed):
        Series.of({"data": data}, Meta())


@pytest.mark.parametrize(
    ("value", "sent"),
    [(36.5, "36.5"), (7, "7"), (True, "true"), (1e21, "1e+21"), ("on", "on"), ({"a": 1}, {"a": 1})],
)
def test_values_are_sent_as_text_or_objects(value: float | str, sent: object) -> None:
    """v2 refuses numbers."""
    assert Point(5, value).body() == {"value": sent, "time": 5}


def test_a_status_has_its_times() -> None:
    """The vendor's example of a status."""
    record = {"value": "on", "time": "5", "expireAt": "95", "vtime": "3", "id": "status.gateway.1"}
    assert Status.of(record) == Status("status.gateway.1", "on", 5, 95, 3)


def test_a_status_may_hold_for_ever() -> None:
    """-1 is no time."""
    assert Status.of({"value": "off", "expireAt": "-1"}).expires_ms is None
