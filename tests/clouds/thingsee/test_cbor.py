"""Thingsee's CBOR: the vendor's examples there and back, and nonsense that stays harmless."""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.clouds.thingsee.cbor import decode_cbor, encode_cbor, encode_cbor_single
from gatewayd.clouds.thingsee.cbor_names import DECIMALS, NAMES, NUMBERS
from gatewayd.clouds.thingsee.codec import Json, Message, to_json
from gatewayd.errors import Malformed
from tests.clouds.thingsee.frames import frames, mutated

FRAMES = frames("cbor")["frames"]
WIRE = [bytes.fromhex(frame["hex"]) for frame in FRAMES]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["form"])
def test_the_vendors_examples_there_and_back(frame: dict[str, Any]) -> None:
    """The same messages, the same bytes."""
    raw = bytes.fromhex(frame["hex"])
    messages = decode_cbor(raw)
    assert [to_json(message) for message in messages] == frame["messages"]
    is_array = frame["form"] == "array"
    assert (encode_cbor(messages) if is_array else encode_cbor_single(messages[0])) == raw


def test_a_deflated_payload_is_inflated() -> None:
    """There is no mark; trying tells."""
    assert decode_cbor(zlib.compress(WIRE[0])) == decode_cbor(WIRE[0])


def test_powers_of_ten() -> None:
    """Tenths of degrees, thousandths of pascals, millionths of volts; back as they were."""
    fields: dict[str, Json] = {
        "temp": -12.5,
        "airp": 97017.737,
        "voltage": 3.000001,
        "moveCount": 7,
        "up": "yes",
    }
    weather = Message(id=12100, event=10, fields=fields)
    raw = encode_cbor_single(weather)
    assert b"\x18\x1e\x38\x7c" in raw  # Field 30 is -125.
    assert decode_cbor(raw) == [weather]


def test_a_field_without_public_number_keeps_it() -> None:
    """It is somebody's field all the same."""
    assert decode_cbor(bytes.fromhex("a301193390020a1909c407"))[0].fields == {"#2500": 7}


def test_every_kind_of_item() -> None:
    """Texts, bytes, lists, maps, floats, truth, nothing, open lengths and tags."""
    raw = bytes.fromhex(
        "a9 01 1905dc 02 0a"
        "1874 f5 1875 f6 1876 f93e00 1877 83 01 20 c1 02 1878 bf 61 61 f4 ff"
        "1879 5f 41 01 42 02 03 ff 187a 7f 61 61 61 62 ff"
    )
    assert decode_cbor(raw)[0].fields == {
        "#116": True,
        "#117": None,
        "#118": 1.5,
        "#119": [1, -1, 2],
        "#120": {"a": False},
        "#121": {"type": "Buffer", "data": [1, 2, 3]},
        "#122": "ab",
    }


@pytest.mark.parametrize(
    ("hex_", "why"),
    [
        ("", "cut short"),
        ("9fa3", "cut short"),
        ("07", "not a map"),
        ("a201193390020a07", "bytes follow"),
        ("ff", "an end where"),
        ("a1ff01", "a key"),
        ("a1f501", "a key"),
        ("9c", "reserved length"),
        ("1f", "without end"),
        ("f97e00", "not finite"),
        ("f8ff", "simple value"),
        ("7f4161ff", "made of something else"),
        ("62c328", "not UTF-8"),
        ("82 01 ff", "too early"),
        ("81" * 20, "nested too deep"),
        ("9f" + "01" * 5000 + "ff", "too many items"),
        ("5bffffffffffffffff", "cut short"),
    ],
)
def test_what_is_no_cbor_is_malformed(hex_: str, why: str) -> None:
    """With a sentence that says what is wrong."""
    with pytest.raises(Malformed, match=why):
        decode_cbor(bytes.fromhex(hex_))


def test_a_payload_that_inflates_without_end_is_malformed() -> None:
    """A kilobyte of zip may not become a megabyte."""
    with pytest.raises(Malformed, match="inflates to more"):
        decode_cbor(zlib.compress(bytes(1_000_000)))


def test_numbers_and_names_are_one_to_one() -> None:
    """Every number has one name, and every power belongs to a name."""
    assert len(NAMES) == len(NUMBERS)
    assert DECIMALS.keys() <= NUMBERS.keys()


def survives(frame: bytes) -> None:
    with contextlib.suppress(Malformed):
        for message in decode_cbor(frame):
            to_json(message)


@settings(max_examples=300)
@given(st.sampled_from(WIRE), st.data())
def test_mutated_cbor_is_read_or_malformed(frame: bytes, data: st.DataObject) -> None:
    """Nothing but Malformed comes out of broken bytes."""
    survives(mutated(data, frame))


@pytest.mark.slow
@settings(max_examples=100_000, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(WIRE), st.data())
def test_a_hundred_thousand_mutated_frames(frame: bytes, data: st.DataObject) -> None:
    """The same, for a night."""
    survives(mutated(data, frame))
