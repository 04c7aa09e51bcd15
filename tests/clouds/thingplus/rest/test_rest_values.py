"""Values: stored, read raw and drawn together; against the sandbox."""

from __future__ import annotations

import pytest

from gatewayd.clouds.json_fields import inner
from gatewayd.clouds.thingplus.envelope import Meta
from gatewayd.clouds.thingplus.query import (
    POINTS_MAX,
    Embed,
    IntervalFunc,
    Pairs,
    Query,
    SeriesQuery,
    StatQuery,
    SubFunc,
)
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import Denied, NotFound, ThingPlusError
from gatewayd.clouds.thingplus.rest_gateways import Sensors
from gatewayd.clouds.thingplus.rest_series import Point, Series
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from tests.clouds.thingplus.rest.words import Words, refusal_of

GATEWAY = "b827eb000001"
START_MS = 1_790_000_040_000
"""2026-09-21T14:14:00Z."""
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
VALUES = (2.0, 4.0, 9.0, 5.0)


SERIES = f"/gateways/{GATEWAY}/sensors/temp/series"


@pytest.fixture
async def temp(api: Rest) -> Sensors:
    """A sensor with four values, 30 s apart."""
    sensors = api.gateways.sensors(GATEWAY)
    await sensors.put_series(
        "temp", [Point(START_MS + 30_000 * place, value) for place, value in enumerate(VALUES)]
    )
    return sensors


def numbers(points: tuple[Point, ...]) -> list[tuple[int, float]]:
    return [(point.time_ms - START_MS, float(str(point.value))) for point in points]


async def test_the_latest_value_is_read(temp: Sensors) -> None:
    """Without a range the sensor's last value; before the first there is none."""
    latest = await temp.latest("temp")
    assert latest is not None
    assert (latest.time_ms, float(str(latest.value))) == (START_MS + 90_000, 5.0)
    assert await temp.latest("text") is None


async def test_raw_values_are_read(temp: Sensors) -> None:
    """interval 0; the start is included, the end is not."""
    query = SeriesQuery(start_ms=START_MS, end_ms=START_MS + 90_000, interval="0")
    found = await temp.series("temp", query)
    assert numbers(found.points) == [(0, 2.0), (30_000, 4.0), (60_000, 9.0)]
    assert found.meta.count == 3
    assert found.meta.data_start_ms == START_MS
    assert found.meta.interval == "0"


async def test_raw_values_are_counted(temp: Sensors) -> None:
    """count cuts raw values, and nothing else."""
    query = SeriesQuery(start_ms=START_MS, interval="0", count=2)
    assert len((await temp.series("temp", query)).points) == 2
    query = SeriesQuery(start_ms=START_MS, end_ms=START_MS + HOUR_MS, interval="1m", count=1)
    assert len((await temp.series("temp", query)).points) == 2


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (None, [3.0, 7.0]),
        (IntervalFunc.AVERAGE, [3.0, 7.0]),
        (IntervalFunc.SUM, [6.0, 14.0]),
        (IntervalFunc.COUNT, [2.0, 2.0]),
    ],
)
async def test_values_are_drawn_together(
    temp: Sensors, function: IntervalFunc | None, values: list[float]
) -> None:
    """By a function over each interval; the average if none is named."""
    query = SeriesQuery(
        start_ms=START_MS, end_ms=START_MS + HOUR_MS, interval="1m", interval_func=function
    )
    found = await temp.series("temp", query)
    assert [value for _, value in numbers(found.points)] == values
    assert (found.meta.interval, found.meta.stat) == ("1m", function or "average")


@pytest.mark.parametrize(
    ("interval", "count"), [(None, 2), ("3m", 2), ("15m", 2), ("1h", 1), ("6h", 1), ("1d", 1)]
)
async def test_an_interval_is_minutes_hours_or_days(
    temp: Sensors, interval: str | None, count: int
) -> None:
    """A minute if none is named."""
    query = SeriesQuery(start_ms=START_MS, end_ms=START_MS + HOUR_MS, interval=interval)
    assert len((await temp.series("temp", query)).points) == count


START = ("dataStart", "2026-09-21T14:00:00.000Z")


@pytest.mark.parametrize(
    "words",
    [
        [("dataEnd", "2026-09-21T14:00:00.000Z")],
        [("interval", "1m")],
        [("statFunc[id]", "seriesStat"), ("statFunc[subFunc]", "max")],
        [("dataStart", "yesterday")],
        [START, ("dataEnd", "yesterday")],
    ],
)
async def test_a_series_without_a_start_is_refused(api: Rest, words: Pairs) -> None:
    """dataStart is required, and both ends must be times."""
    assert await refusal_of(api, SERIES, *words) == "INVALID_INPUT"


async def test_offsets_without_a_colon_are_taken(api: Rest, temp: Sensors) -> None:
    """±hh:mm or ±hhmm; the client writes the first."""
    for start in ("2026-09-21T23:14:00.000+0900", "2026-09-21T23:14:00.000+09:00"):
        words = [("dataStart", start), ("interval", "0")]
        found = (await api._calls.get(SERIES, Words(words))).record
        assert len(Series.of(inner(found, "series") or {}, Meta()).points) == len(VALUES)


async def test_a_series_is_embedded_in_its_sensor(temp: Sensors) -> None:
    """With its own range."""
    series = SeriesQuery(start_ms=START_MS, end_ms=START_MS + 60_000, interval="0")
    found = await temp.get("temp", Query(embed=(Embed("series", series),)))
    assert found.series is not None
    assert len(found.series.points) == 2


async def test_a_series_is_embedded_in_all_sensors_of_all_gateways(
    api: Rest, temp: Sensors
) -> None:
    """An embed inside an embed; statistics too."""
    stat = Embed("series", StatQuery(start_ms=START_MS - DAY_MS, sub_func=SubFunc.MAX))
    query = Query(embed=(Embed("sensors", Query(embed=(stat,))),))
    gateways = [each async for each in api.gateways.all(query)]
    (found,) = [each for each in gateways[0].sensors if each.id == "temp"]
    assert found.series is not None
    assert found.series.statistics[0].value == 9


async def test_a_range_of_raw_values_is_read_whole(api: Rest, sandbox: Sandbox) -> None:
    """More values than one answer holds come in several, none twice, none left out."""
    sensors = api.gateways.sensors(GATEWAY)
    count = POINTS_MAX + 2_000
    for first in range(0, count, 5_000):
        points = [
            Point(START_MS + place, float(place))
            for place in range(first, min(first + 5_000, count))
        ]
        await sensors.put_series("temp", points)
    before = sandbox.journal.counts["rest_requests"]
    found = [each async for each in sensors.raw_points("temp", START_MS, START_MS + count)]
    assert [each.time_ms - START_MS for each in found] == list(range(count))
    assert sandbox.journal.counts["rest_requests"] - before == 3


async def test_an_empty_range_has_no_values(temp: Sensors) -> None:
    """Neither before the first value nor in a stretch without length."""
    assert [each async for each in temp.raw_points("temp", 0, START_MS)] == []
    assert [each async for each in temp.raw_points("temp", START_MS, START_MS)] == []


async def test_texts_and_objects_are_values_too(api: Rest) -> None:
    """As they are."""
    sensors = api.gateways.sensors(GATEWAY)
    await sensors.put_series("text", [Point(START_MS, "open"), Point(START_MS + 1, {"lat": 37.1})])
    found = [each async for each in sensors.raw_points("text", START_MS, START_MS + 2)]
    assert [each.value for each in found] == ["open", {"lat": 37.1}]


async def test_a_value_of_the_past_is_refused(temp: Sensors) -> None:
    """400 INVALID_INPUT: values come in the order of time."""
    with pytest.raises(ThingPlusError) as caught:
        await temp.put_series("temp", [Point(START_MS, 1.0)])
    assert (caught.value.status, caught.value.code) == (400, "INVALID_INPUT")


async def test_a_missing_sensor_has_no_values(api: Rest, ann: Rest) -> None:
    """404 for reading and writing; 403 for others."""
    sensors = api.gateways.sensors(GATEWAY)
    with pytest.raises(NotFound):
        await sensors.latest("none")
    with pytest.raises(NotFound):
        await sensors.put_series("none", [Point(START_MS, 1.0)])
    with pytest.raises(Denied):
        await ann.gateways.sensors(GATEWAY).latest("temp")


async def test_values_of_many_sensors_are_stored_at_once(api: Rest) -> None:
    """loadSeries."""
    await api.control.load_series(
        {"temp": [Point(START_MS, 1.5)], "text": [Point(START_MS, "open")]}
    )
    sensors = api.gateways.sensors(GATEWAY)
    assert await sensors.latest("temp") == Point(START_MS, "1.5")
    assert await sensors.latest("text") == Point(START_MS, "open")


async def test_values_of_a_missing_sensor_are_not_stored(api: Rest) -> None:
    """404 NOT_FOUND."""
    with pytest.raises(NotFound):
        await api.control.load_series({"none": [Point(START_MS, 1.5)]})
