"""The query dialect, held against every example and every row of the vendor's page."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from gatewayd.clouds.thingplus.query import (
    COUNT_MAX,
    POINTS_MAX,
    Embed,
    IntervalFunc,
    OrderDir,
    Query,
    Renderable,
    SeriesQuery,
    StatQuery,
    SubFunc,
    TimeUnit,
    iso_time,
    render,
)

START_MS = 1_439_342_040_000
START = "2015-08-12T01:14:00.000Z"
END_MS = START_MS + 3_600_000
END = "2015-08-12T02:14:00.000Z"


def shown(query: Renderable) -> str:
    """Return a query as the vendor's page writes it: decoded, in its order."""
    return "&".join(f"{name}={value}" for name, value in parse_qsl(render(query)[1:]))


def test_a_collection_is_paged_sorted_and_filtered() -> None:
    """The vendor's own example of a general query comes out name by name."""
    query = Query(
        count=2,
        page=1,
        order_by="id",
        order_dir=OrderDir.DESC,
        fields=("ctime", "virtual"),
        filter={"virtual": ("y",)},
    )
    assert shown(query) == (
        "count=2&page=1&orderBy=id&orderDir=desc&fields=ctime&fields=virtual&filter[virtual]=y"
    )


def test_filters_are_and_across_keys_and_or_within_one() -> None:
    """Different keys stand side by side; one key with several values is repeated."""
    query = Query(filter={"owner": ("sungil",), "id": ("node1", "node2")})
    assert shown(query) == "filter[owner]=sungil&filter[id]=node1&filter[id]=node2"


def test_a_stretch_of_records_has_a_start_and_an_end() -> None:
    """Milliseconds become ISO times in UTC."""
    assert shown(Query(start_ms=START_MS, end_ms=END_MS)) == f"start={START}&end={END}"


def test_names_and_values_are_url_encoded() -> None:
    """Brackets, spaces and ampersands do not break the address."""
    assert render(Query(filter={"name": ("a&b c",)})) == "?filter%5Bname%5D=a%26b%20c"


def test_no_query_is_no_question_mark() -> None:
    """An empty query leaves the address as it is."""
    assert render(Query()) == render(None) == ""


def test_a_series_has_its_interval_and_function() -> None:
    """The vendor's own example of a series query."""
    query = SeriesQuery(
        start_ms=START_MS, end_ms=END_MS, interval="3m", interval_func=IntervalFunc.SUM
    )
    assert shown(query) == f"dataStart={START}&dataEnd={END}&interval=3m&intervalFunc=sum"


def test_raw_values_are_counted() -> None:
    """Interval 0 is raw data, and count belongs to it."""
    query = SeriesQuery(start_ms=START_MS, interval="0", count=POINTS_MAX)
    assert shown(query) == f"dataStart={START}&count=10080&interval=0"


def test_a_series_can_be_embedded_in_its_sensor() -> None:
    """The vendor's example with one embed."""
    embed = Embed("series", SeriesQuery(start_ms=START_MS, end_ms=END_MS, interval="3m"))
    assert shown(Query(embed=(embed,))) == (
        f"embed=series&series[dataStart]={START}&series[dataEnd]={END}&series[interval]=3m"
    )


def test_a_series_can_be_embedded_in_the_sensors_of_a_gateway() -> None:
    """The vendor's example with an embed inside an embed."""
    series = Embed("series", SeriesQuery(start_ms=START_MS, end_ms=END_MS))
    query = Query(embed=(Embed("sensors", Query(embed=(series,))),))
    assert shown(query) == (
        "embed=sensors&sensors[embed]=series"
        f"&sensors[series][dataStart]={START}&sensors[series][dataEnd]={END}"
    )


def test_several_resources_are_embedded_side_by_side() -> None:
    """Embed may be repeated."""
    query = Query(embed=(Embed("sensors"), Embed("devices"), Embed("status")))
    assert shown(query) == "embed=sensors&embed=devices&embed=status"


def test_statistics_have_a_function_a_unit_and_an_interval() -> None:
    """Sub parameters nest below statFunc; the interval keeps the vendor's spelling."""
    query = StatQuery(
        start_ms=START_MS,
        end_ms=END_MS,
        sub_func=SubFunc.MAX,
        time_unit=TimeUnit.HOUR,
        time_interval=6,
    )
    assert shown(query) == (
        f"dataStart={START}&dataEnd={END}&statFunc[id]=seriesStat&statFunc[subFunc]=max"
        "&statFunc[timeUnit]=hour&statFunc[timeInerval]=6"
    )


def test_statistics_nest_as_series_do() -> None:
    """Inside an embed the brackets follow the path."""
    query = Query(embed=(Embed("series", StatQuery(start_ms=START_MS, sub_func=SubFunc.AVG)),))
    assert shown(query) == (
        f"embed=series&series[dataStart]={START}"
        "&series[statFunc][id]=seriesStat&series[statFunc][subFunc]=avg"
    )


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0, "2015-08-25T06:00:00.000Z"),
        (540, "2015-08-25T15:00:00.000+09:00"),
        (-480, "2015-08-24T22:00:00.000-08:00"),
    ],
)
def test_an_instant_can_be_written_in_any_zone(minutes: int, text: str) -> None:
    """The vendor's examples of offsets."""
    assert iso_time(1_440_482_400_000, minutes) == text


def test_the_milliseconds_of_an_instant_are_kept() -> None:
    """The vendor's example with a fraction."""
    assert iso_time(1_439_342_348_315) == "2015-08-12T01:19:08.315Z"


@pytest.mark.parametrize("count", [0, -1, COUNT_MAX + 1])
def test_a_count_beyond_the_page_is_refused(count: int) -> None:
    """What the cloud would cut silently is said here."""
    with pytest.raises(ValueError, match="within 1 and 4000"):
        Query(count=count)


def test_more_raw_points_than_an_answer_holds_are_refused() -> None:
    """10080 is the most."""
    with pytest.raises(ValueError, match="within 1 and 10080"):
        SeriesQuery(start_ms=START_MS, count=POINTS_MAX + 1)


@pytest.mark.parametrize("interval", ["", "m", "0m", "1.5h", "2w", "-1m", "1 h"])
def test_an_interval_that_the_cloud_does_not_know_is_refused(interval: str) -> None:
    """Minutes, hours and days, or 0 for raw."""
    with pytest.raises(ValueError, match="interval"):
        SeriesQuery(start_ms=START_MS, interval=interval)


@pytest.mark.parametrize(("unit", "hours"), [(TimeUnit.HOUR, 5), (TimeUnit.DAY, 2), (None, 2)])
def test_an_interval_of_statistics_is_for_hours_only(unit: TimeUnit | None, hours: int) -> None:
    """The cloud would answer something else than what was asked for."""
    with pytest.raises(ValueError, match="hours together"):
        StatQuery(start_ms=START_MS, time_unit=unit, time_interval=hours)


def test_a_zone_beyond_the_earth_is_refused() -> None:
    """No place is 15 hours from UTC."""
    with pytest.raises(ValueError, match="900 minutes"):
        iso_time(START_MS, 900)
