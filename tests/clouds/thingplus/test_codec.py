"""Thing+ bytes: the protocol's own examples, round trips, and nonsense that stays harmless."""

from __future__ import annotations

import contextlib
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingplus.codec import (
    Form,
    Points,
    StatusItem,
    decode_status,
    decode_values,
    encode_status,
    encode_topic,
    encode_values,
    expires_ms,
    maybe_gunzip,
    maybe_gzip,
    parse_topic,
)
from gatewayd.errors import Malformed

GATEWAY = "b827eb000001"
TEMP = f"{GATEWAY}-0-temp"
IDS = st.from_regex(r"[A-Za-z0-9._~-]{1,20}", fullmatch=True)
TIMES = st.integers(0, 253_402_300_799_999)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
PLACES = st.fixed_dictionaries({"lat": st.floats(-90, 90), "lng": st.floats(-180, 180)})
VALUES = NUMBERS | st.text(st.characters(exclude_categories=["Cs"])) | PLACES

# Source: Thing+ gateway MQTT protocol 0.9.5 and embedded guide 2.2, examples.
STATUS = f"on,90,{TEMP},on,90".encode()
PLAIN = b"1461561631000,26.5,1461561632000,27.5"
MULTI = b'{"b827eb000001-0-temp":[1461561631000,26.5],"b827eb000001-0-di":[1461561631500,1]}'


@pytest.mark.parametrize("form", list(Form))
def test_every_topic_is_read_as_it_was_written(form: Form) -> None:
    """A topic carries gateway, form and sensor there and back."""
    sensor = TEMP if "*" in form.value else ""
    topic = encode_topic(GATEWAY, form, sensor)
    assert parse_topic(topic) == (GATEWAY, form, sensor)


def test_topics_look_like_the_documents() -> None:
    """No leading slash; the base topic itself carries the values of several sensors."""
    assert encode_topic(GATEWAY, Form.VALUES) == "v/a/g/b827eb000001"
    assert encode_topic(GATEWAY, Form.SENSOR_STATUS, "t") == "v/a/g/b827eb000001/s/t/status"


@pytest.mark.parametrize("topic", ["", "/v/a/g/x", "v/a/g/", "v/a/g/x/what", "v/a/g/x/s/", "a/b"])
def test_a_foreign_topic_is_malformed(topic: str) -> None:
    """What is none of Thing+'s topics is said to be so."""
    with pytest.raises(Malformed):
        parse_topic(topic)


def test_the_documented_status_is_read_and_written() -> None:
    """Word and seconds of the gateway, then id, word and seconds of each sensor."""
    items = [StatusItem("", "on", 90), StatusItem(TEMP, "on", 90)]
    assert decode_status(STATUS) == items
    assert encode_status(items) == STATUS


def test_a_status_may_have_spaces_and_an_error_text() -> None:
    """Published examples have spaces after commas, and `err:` with a code."""
    assert decode_status(b"on, 90, t, err:E12, -1") == [
        StatusItem("", "on", 90),
        StatusItem("t", "err", -1, "E12"),
    ]


def test_both_dialects_of_duration_end_at_an_instant() -> None:
    """Seconds count from receipt; what old devices send is the instant itself."""
    assert expires_ms(90, 1_000_000) == 1_090_000
    assert expires_ms(1_461_561_721_000, 5) == 1_461_561_721_000
    assert expires_ms(-1, 5) is None


@pytest.mark.parametrize(
    "payload",
    [b"", b"on", b"on,x", b"on,-2", b"maybe,90", b"on,90,t,on", b"off:E1,90", b"on,90,a b,on,90",
     b"on,1_0", b"on," + b"9" * 5000, b"\xff,90"],
)  # fmt: skip
def test_a_broken_status_is_malformed(payload: bytes) -> None:
    """Every way to break the message is named."""
    with pytest.raises(Malformed):
        decode_status(payload)


@given(st.lists(st.tuples(IDS, st.sampled_from(["on", "off", "err"]), st.integers(-1, 10**9))))
def test_statuses_survive_the_way(sensors: list[tuple[str, str, int]]) -> None:
    """What is encoded is decoded."""
    items = [StatusItem("", "on", 90), *(StatusItem(*sensor) for sensor in sensors)]
    assert decode_status(encode_status(items)) == items


@pytest.mark.parametrize("payload", [PLAIN, b"[" + PLAIN + b"]"])
def test_one_sensors_values_come_plain_or_as_a_list(payload: bytes) -> None:
    """Both forms of the sensor topic mean the same."""
    times = [1461561631000, 1461561632000]
    assert decode_values(payload, TEMP) == {TEMP: Points(times, [26.5, 27.5])}


def test_bare_words_are_texts() -> None:
    """An old client sends `on` without quotes."""
    assert decode_values(b"1,on,2,off", "s") == {"s": Points([1, 2], ["on", "off"])}


def test_several_sensors_come_in_one_object() -> None:
    """Each sensor's flat list is split into times and values."""
    assert decode_values(MULTI) == {
        TEMP: Points([1461561631000], [26.5]),
        f"{GATEWAY}-0-di": Points([1461561631500], [1]),
    }


def test_booleans_arrive_as_numbers_and_places_as_objects() -> None:
    """Thing+ knows no booleans."""
    decoded = decode_values(b'{"a":[1,true],"b":[1,{"lat":37.11,"lng":117.22}]}')
    assert decoded == {"a": Points([1], [1]), "b": Points([1], [{"lat": 37.11, "lng": 117.22}])}


@pytest.mark.parametrize(
    "payload",
    [b"", b"[1", b"[]", b'"x"', b'{"a":5}', b'{"a":[1]}', b'{"a":["1",2]}', b'{"a":[1,null]}',
     b'{"a":[1,[2]]}', b'{"a":[1,NaN]}', b'{"a":[-1,2]}', b'{"a":[1.5,2]}', b'{"a":[1e99,2]}',
     b'{"a":[true,2]}', b'{"a":[1,{"b":{}}]}', b"[" * 100_000, b'{"a":[253402300800000,1]}'],
)  # fmt: skip
def test_broken_values_are_malformed(payload: bytes) -> None:
    """Every way to break the message is named, and none is a traceback."""
    with pytest.raises(Malformed):
        decode_values(payload)


@given(st.dictionaries(IDS, st.lists(st.tuples(TIMES, VALUES), min_size=1), max_size=5))
def test_values_survive_the_way(series: dict[str, list[tuple[int, Any]]]) -> None:
    """What is encoded is decoded, compressed or not."""
    flat = {name: [x for point in points for x in point] for name, points in series.items()}
    decoded = decode_values(maybe_gzip(encode_values(flat), 10))
    assert {name: list(zip(*points, strict=True)) for name, points in decoded.items()} == series


@given(st.sampled_from([STATUS, PLAIN, MULTI, gzip.compress(MULTI)]), st.data())
def test_mutated_messages_are_read_or_malformed(frame: bytes, data: st.DataObject) -> None:
    """A flipped, lost or doubled byte never raises anything but Malformed."""
    place = data.draw(st.integers(0, len(frame) - 1))
    middle = data.draw(st.binary(max_size=3))
    mutated = frame[:place] + middle + frame[place + data.draw(st.integers(0, 3)) :]
    for decode in (decode_status, decode_values, lambda payload: decode_values(payload, "s")):
        with contextlib.suppress(Malformed):
            decode(mutated)


def test_only_long_messages_are_compressed() -> None:
    """The threshold is the last size that stays as it is; 0 switches compression off."""
    assert maybe_gzip(bytes(100), 100) == bytes(100)
    assert maybe_gzip(bytes(101), 100).startswith(b"\x1f\x8b")
    assert maybe_gzip(bytes(101), 0) == bytes(101)


def test_compression_is_gzip_without_a_date() -> None:
    """Any gzip reader takes it, and the same message gives the same bytes."""
    packed = maybe_gzip(MULTI, 1)
    assert gzip.decompress(packed) == MULTI
    assert packed[4:8] == bytes(4)
    assert json.loads(maybe_gunzip(packed)) == json.loads(MULTI)


@pytest.mark.parametrize(
    "payload",
    [
        gzip.compress(bytes(5_000_000), mtime=0),
        gzip.compress(b"x" * 100, mtime=0)[:-1],
        gzip.compress(b"x" * 100, mtime=0) + b"y",
        b"\x1f\x8b",
        b"\x1f\x8bnonsense",
        bytes(5_000_000),
    ],
)
def test_bombs_and_damage_are_malformed(payload: bytes) -> None:
    """A message never grows beyond its limit in memory."""
    with pytest.raises(Malformed):
        maybe_gunzip(payload)
