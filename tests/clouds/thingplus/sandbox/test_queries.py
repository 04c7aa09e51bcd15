"""The query dialect, read: against what the client renders, and against any text at all."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingplus.query import Embed, Query, SeriesQuery, StatQuery, SubFunc, TimeUnit
from gatewayd.clouds.thingplus.sandbox.queries import (
    collection_query,
    parse_query,
    parse_time,
    series_query,
)
from gatewayd.sandbox.errors import ApiError

TEXTS = st.text(max_size=30)
NAMES = st.one_of(TEXTS, st.sampled_from(["count", "filter[a]", "a[b][c]", "fields[]", "embed"]))


def test_names_in_brackets_become_a_tree() -> None:
    """Repeated names become lists, `[]` too."""
    pairs = [("a[b][c]", "1"), ("a[b][d]", "2"), ("f", "x"), ("f", "y"), ("g[]", "z")]
    assert parse_query(pairs) == {
        "a": {"b": {"c": "1", "d": "2"}},
        "f": ["x", "y"],
        "g": "z",
    }


@pytest.mark.parametrize("name", ["", "[a]", "a[b", "a]b[", "a[b][c][d][e][f]"])
def test_a_broken_name_is_invalid(name: str) -> None:
    """400 INVALID_INPUT."""
    with pytest.raises(ApiError, match="query name"):
        parse_query([(name, "1")])


def test_a_name_is_not_both_value_and_tree() -> None:
    """In either order."""
    for pairs in ([("a", "1"), ("a[b]", "2")], [("a[b]", "2"), ("a", "1")]):
        with pytest.raises(ApiError):
            parse_query(pairs)


def test_too_many_pairs_are_invalid() -> None:
    """A thousand is enough for everybody."""
    with pytest.raises(ApiError):
        parse_query([("a", "1")] * 1001)


@given(st.lists(st.tuples(NAMES, TEXTS), max_size=10))
def test_any_query_is_understood_or_invalid(pairs: list[tuple[str, str]]) -> None:
    """Never anything but ApiError."""
    with contextlib.suppress(ApiError):
        tree = parse_query(pairs)
        collection_query(tree)
        series_query(tree)


def test_what_the_client_renders_is_read_back() -> None:
    """The collection's every parameter."""
    query = Query(
        count=2,
        page=1,
        order_by="id",
        fields=("ctime", "virtual"),
        filter={"virtual": ("y",), "id": ("n1", "n2")},
        embed=(Embed("sensors", Query(embed=(Embed("series", SeriesQuery(start_ms=1000)),))),),
        start_ms=1_439_341_148_315,
    )
    found = collection_query(parse_query(query.pairs()))
    assert (found.count, found.page, found.order_by, found.is_paged) == (2, 1, "id", True)
    assert found.filters == {"virtual": ("y",), "id": ("n1", "n2")}
    assert (found.fields, found.embed) == (("ctime", "virtual"), ("sensors",))
    assert found.start_ms == 1_439_341_148_315
    inner = collection_query(found.nested["sensors"])
    series = series_query(inner.nested["series"])
    assert series is not None
    assert series.start_ms == 1000


def test_a_count_above_the_limit_is_taken_for_the_limit() -> None:
    """4000 records, 10080 points."""
    assert collection_query({"count": "9999"}).count == 4000
    series = series_query({"dataStart": "2015-01-01T00:00:00Z", "count": "99999"})
    assert series is not None
    assert series.count == 10_080


@pytest.mark.parametrize(
    "query", [{"count": "0"}, {"count": "-1"}, {"page": "x"}, {"orderDir": "up"}, {"filter": "x"}]
)
def test_a_parameter_without_sense_is_invalid(query: dict[str, str]) -> None:
    """400 INVALID_INPUT."""
    with pytest.raises(ApiError) as caught:
        collection_query(dict(query))
    assert caught.value.code == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("text", "offset_min"),
    [
        ("2015-08-12T01:19:08.315Z", 0),
        ("2015-08-12T10:19:08.315+09:00", 540),
        ("2015-08-12T10:19:08.315+0900", 540),
        ("2015-08-12T10:19:08.315 09:00", 540),
        ("2015-08-11T17:19:08.315-0800", -480),
        ("2015-08-12T01:19:08.315", 0),
    ],
)
def test_one_instant_in_many_zones(text: str, offset_min: int) -> None:
    """Offsets with and without colon; a `+` that became a space."""
    assert parse_time(text) == (1_439_342_348_315, offset_min)


def test_statistics_are_read_in_both_spellings() -> None:
    """`timeInerval` is the vendor's; an interval that it does not know counts as one hour."""
    query = StatQuery(start_ms=0, sub_func=SubFunc.AVG, time_unit=TimeUnit.HOUR, time_interval=6)
    found = series_query(parse_query(query.pairs()))
    assert found is not None
    assert found.stat is not None
    assert (found.stat.functions, found.stat.unit, found.stat.hours) == (("avg",), "hour", 6)
    for value, hours in (("12", 12), ("5", 1)):
        more = {"id": "seriesStat", "subFunc": "min", "timeUnit": "hour", "timeInterval": value}
        again = series_query({"dataStart": "2015-01-01T00:00:00Z", "statFunc": dict(more)})
        assert again is not None
        assert again.stat is not None
        assert again.stat.hours == hours
