"""Statistics of values: functions, units of time, zones; against the sandbox."""

from __future__ import annotations

import pytest

from gatewayd.clouds.json_fields import inner
from gatewayd.clouds.thingplus.envelope import Meta
from gatewayd.clouds.thingplus.query import Pairs, StatQuery, SubFunc, TimeUnit
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import ThingPlusError
from gatewayd.clouds.thingplus.rest_gateways import Sensors
from gatewayd.clouds.thingplus.rest_series import Point, Series
from tests.clouds.thingplus.rest.words import Words, refusal_of

GATEWAY = "b827eb000001"
START_MS = 1_790_000_040_000
"""2026-09-21T14:14:00Z."""
START = ("dataStart", "2026-09-21T14:00:00.000Z")
DAY_MS = 86_400_000
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


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (SubFunc.COUNT, 4),
        (SubFunc.MIN, 2),
        (SubFunc.MAX, 9),
        (SubFunc.SUM, 20),
        (SubFunc.AVG, 5),
        (SubFunc.RANGE, 7),
        (SubFunc.DIFF, 3),
        (SubFunc.FIRST, 2),
        (SubFunc.LAST, 5),
    ],
)
async def test_a_statistic_says_one_thing_about_a_day(
    temp: Sensors, function: SubFunc, value: float
) -> None:
    """Every function of the vendor's page; the day is the default unit."""
    query = StatQuery(start_ms=START_MS - DAY_MS, end_ms=START_MS + DAY_MS, sub_func=function)
    found = await temp.series("temp", query)
    (day,) = found.statistics
    assert day.value == value
    assert dict(day.begin) == {"year": 2026, "month": 9, "day": 21}
    assert (found.meta.stat, found.meta.time_unit, found.meta.gmt) == (function, "day", 0)


@pytest.mark.parametrize(
    ("unit", "begin"),
    [
        (TimeUnit.HOUR, {"year": 2026, "month": 9, "day": 21, "hour": 14}),
        (TimeUnit.DAY, {"year": 2026, "month": 9, "day": 21}),
        (TimeUnit.WEEK, {"year": 2026, "week": 39}),
        (TimeUnit.MONTH, {"year": 2026, "month": 9}),
        (TimeUnit.YEAR, {"year": 2026}),
    ],
)
async def test_a_statistic_covers_a_unit_of_time(
    temp: Sensors, unit: TimeUnit, begin: dict[str, int]
) -> None:
    """Every unit of the vendor's page."""
    query = StatQuery(start_ms=START_MS - DAY_MS, sub_func=SubFunc.COUNT, time_unit=unit)
    (found,) = (await temp.series("temp", query)).statistics
    assert (found.value, dict(found.begin)) == (4, begin)


@pytest.mark.parametrize("hours", [2, 3, 4, 6, 8, 12])
async def test_hours_are_drawn_together(temp: Sensors, hours: int) -> None:
    """timeInerval, in the vendor's spelling; 14 o'clock falls in the interval that holds it."""
    query = StatQuery(
        start_ms=START_MS - DAY_MS,
        sub_func=SubFunc.COUNT,
        time_unit=TimeUnit.HOUR,
        time_interval=hours,
    )
    (found,) = (await temp.series("temp", query)).statistics
    assert found.begin["hour"] == 14 // hours * hours


async def test_days_begin_where_the_asker_lives(temp: Sensors) -> None:
    """The zone of dataStart; in Seoul it is the same evening, and 23 o'clock."""
    query = StatQuery(
        start_ms=START_MS - DAY_MS,
        sub_func=SubFunc.COUNT,
        time_unit=TimeUnit.HOUR,
        utc_offset_minutes=540,
    )
    found = await temp.series("temp", query)
    assert found.statistics[0].begin["hour"] == 23
    assert found.meta.gmt == 9


async def test_statistics_without_a_function_are_refused(temp: Sensors) -> None:
    """The sandbox asks for subFunc, of which the vendor's page gives no default."""
    with pytest.raises(ThingPlusError, match="INVALID_INPUT"):
        await temp.series("temp", StatQuery(start_ms=START_MS))


@pytest.mark.parametrize(
    "words",
    [
        [("intervalFunc", "median")],
        [("interval", "2w")],
        [("statFunc[id]", "other"), ("statFunc[subFunc]", "max")],
        [("statFunc[id]", "seriesStat"), ("statFunc[subFunc]", "median")],
        [
            ("statFunc[id]", "seriesStat"),
            ("statFunc[subFunc]", "max"),
            ("statFunc[timeUnit]", "decade"),
        ],
    ],
)
async def test_a_function_that_is_none_is_refused(api: Rest, words: Pairs) -> None:
    """Nor is an interval or a unit of time guessed."""
    assert await refusal_of(api, SERIES, START, *words) == "INVALID_INPUT"


async def test_hours_that_cannot_be_drawn_together_are_single_ones(
    api: Rest, temp: Sensors
) -> None:
    """The vendor's page: any other number is answered by the hour."""
    words = [
        START,
        ("statFunc[id]", "seriesStat"),
        ("statFunc[subFunc]", "count"),
        ("statFunc[timeUnit]", "hour"),
        ("statFunc[timeInerval]", "5"),
    ]
    found = (await api._calls.get(SERIES, Words(words))).record
    assert Series.of(inner(found, "series") or {}, Meta()).statistics[0].begin["hour"] == 14
