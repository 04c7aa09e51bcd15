"""The messages of thethings.iO: written, pushed, read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thethingsio.codec import (
    KEY_LENGTH_MAX,
    WRITE_VALUES_MAX,
    Entry,
    Geo,
    decode_geo,
    decode_point,
    decode_push,
    decode_rows,
    decode_time,
    decode_write,
    encode_point,
    encode_push,
    encode_time,
    encode_write,
    is_key,
    parse_json,
)
from gatewayd.errors import Malformed

PLACE = Geo(41.4121132, 2.2199454)


def test_a_write_is_what_the_reference_shows() -> None:
    """Values with key, value, and what else was said; the position's second name is `long`."""
    entries = [Entry("temperature", 21.4), Entry("pos", 1, 1_795_161_600_000, PLACE)]
    assert json.loads(encode_write(entries)) == {
        "values": [
            {"key": "temperature", "value": 21.4},
            {
                "key": "pos",
                "value": 1,
                "datetime": "2026-11-20T08:00:00.000Z",
                "geo": {"lat": 41.4121132, "long": 2.2199454},
            },
        ]
    }


def test_a_push_is_the_bare_array() -> None:
    """`[{"key":"LED","value":"ON"}]`, byte for byte."""
    assert encode_push([Entry("LED", "ON")]) == b'[{"key":"LED","value":"ON"}]'


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True),
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just([1, {}]),
        st.none() | st.integers(0, 253_402_300_799_999),
        st.none() | st.builds(Geo, st.floats(-90, 90), st.floats(-180, 180)),
    ),
    min_size=1,
    max_size=5,
)


@given(ENTRIES)
def test_what_is_written_is_read(entries: list[Entry]) -> None:
    """In all three forms: the write, the push, the rows."""
    assert decode_write(encode_write(entries)) == entries
    assert decode_push(parse_json(encode_push(entries))) == entries
    assert decode_push(parse_json(encode_write(entries))) == entries
    assert decode_rows(encode_push(entries)) == entries


@pytest.mark.parametrize(
    "text",
    [
        "20170116102510",
        "20170116T102510",
        "2017-01-16T10:25:10",
        "2017-01-16T10:25:10Z",
        "2017-01-16T10:25:10.000Z",
        "20170116T102510.00Z",
        "2017-01-16 10:25:10+00:00",
    ],
)
def test_a_time_has_many_forms(text: str) -> None:
    """All of them are in the documents or in the vendor's clients; all are UTC."""
    assert decode_time(text) == 1_484_562_310_000


def test_milliseconds_are_kept() -> None:
    """Also when a fraction has other than three digits."""
    assert encode_time(1_484_562_310_644) == "2017-01-16T10:25:10.644Z"
    assert decode_time("2017-01-16T10:25:10.6Z") == 1_484_562_310_600
    assert decode_time("2017-01-16T10:25:10.644999Z") == 1_484_562_310_644


@pytest.mark.parametrize(
    "text", ["", "yesterday", "20171332102510", "2017-01-16", "1" * 90, "２" * 14]
)
def test_what_is_no_time_is_malformed(text: str) -> None:
    """No month 13, no guessing."""
    with pytest.raises(Malformed, match="time"):
        decode_time(text)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b'{"values":[]}',
        b'{"temp":21}',
        b'{"values":[{"temp":21}]}',
        b'{"values":[{"key":"a b","value":1}]}',
        b'{"values":[{"key":"a"}]}',
        b'{"values":[{"key":"a","value":1,"datetime":"soon"}]}',
        b'{"values":[{"key":"a","value":1,"datetime":5}]}',
        b'{"values":[{"key":"a","value":1,"geo":[1,2]}]}',
        b'{"values":[{"key":"a","value":NaN}]}',
        b'{"values":[' + b",".join([b'{"key":"a","value":1}'] * (WRITE_VALUES_MAX + 1)) + b"]}",
    ],
)
def test_the_cloud_takes_a_write_whole_or_not(payload: bytes) -> None:
    """One entry that breaks the rules spoils it."""
    with pytest.raises(Malformed):
        decode_write(payload)


@pytest.mark.parametrize(
    ("item", "entry"),
    [
        ({"key": "a", "value": 1, "datetime": "soon"}, Entry("a", 1)),
        ({"key": "a", "value": 1, "geo": "here"}, Entry("a", 1)),
        ({"key": "a", "value": None, "units": "V"}, Entry("a", None)),
    ],
)
def test_a_client_takes_what_it_understands(item: dict[str, Any], entry: Entry) -> None:
    """A time that cannot be read is a time that was not said; the value stands."""
    assert decode_push([item, {"key": 5, "value": 1}, {"key": "b"}, None]) == [entry]


@pytest.mark.parametrize("content", [None, 5, "x", {}, {"values": 3}])
def test_what_holds_no_values_is_malformed(content: object) -> None:
    """Neither an array nor an object with one."""
    with pytest.raises(Malformed):
        decode_push(content)


@pytest.mark.parametrize(
    "entry",
    [
        Entry("$geo", {"type": "Point", "coordinates": [2.2199454, 41.4121132]}),
        Entry("$geo", [2.2199454, 41.4121132]),
        Entry("$geo", None, None, PLACE),
    ],
)
def test_a_position_has_three_forms(entry: Entry) -> None:
    """Longitude comes first in two of them."""
    assert encode_point(decode_point(entry)) == {
        "type": "Point",
        "coordinates": [2.2199454, 41.4121132],
    }


@pytest.mark.parametrize(
    "value", [None, "here", [1], [1, 91], [181, 1], [True, 1], {"type": "Line"}]
)
def test_what_is_no_position_is_malformed(value: object) -> None:
    """Latitude and longitude changed over are noticed where that can be."""
    with pytest.raises(Malformed):
        decode_point(Entry("$geo", value))


def test_numbers_of_a_position_may_be_texts() -> None:
    """As the vendor's own Python client sends them."""
    assert decode_geo({"lat": "41.4121132", "long": "2.2199454"}) == PLACE


@pytest.mark.parametrize(
    ("key", "is_legal"),
    [
        ("a.b-c_D9", True),
        ("$settings.name", True),
        ("", False),
        ("$", False),
        ("a/b", False),
        ("ä", False),
        ("a\n", False),
        ("x" * KEY_LENGTH_MAX, True),
        ("x" * (KEY_LENGTH_MAX + 1), False),
    ],
)
def test_resources_have_plain_names(key: str, *, is_legal: bool) -> None:
    """Letters, digits, dot, hyphen, underscore; a dollar for the magic ones."""
    assert is_key(key) is is_legal
