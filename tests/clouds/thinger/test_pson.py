"""Classic PSON: the vendor's bytes, round trips, and bytes that are no value."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.pson import DEPTH_MAX, UNSET, Pson, decode_pson, encode_pson
from gatewayd.errors import Malformed
from tests.frames.thinger.vectors import Vector, load_vectors, value_of

WRITTEN = load_vectors("classic", "value")
INTEGERS = st.integers(-(2**63), 2**64 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PLAIN = st.none() | st.booleans() | INTEGERS | st.floats() | TEXTS | st.binary(max_size=40)
VALUES: st.SearchStrategy[Pson] = st.recursive(
    PLAIN | st.just(UNSET),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def alike(left: Pson, right: Pson) -> bool:
    """Return whether two values are the same, with NaN equal to itself and 2.0 to 2."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(map(alike, left.values(), right.values()))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


@pytest.mark.parametrize("vector", WRITTEN, ids=str)
def test_the_vendors_values_are_read(vector: Vector) -> None:
    """Every value that the vendor's encoder wrote means what it says it means."""
    assert alike(decode_pson(vector.data), value_of(vector.seen))


@pytest.mark.parametrize("vector", [v for v in WRITTEN if v.is_canonical], ids=str)
def test_our_values_have_the_vendors_bytes(vector: Vector) -> None:
    """Where nothing is lost, our encoder writes what the vendor's does."""
    assert encode_pson(value_of(vector.seen)) == vector.data


@pytest.mark.parametrize("vector", load_vectors("classic", "value-decode-only"), ids=str)
def test_forms_that_nobody_writes_are_read(vector: Vector) -> None:
    """Padded numbers, long zeros, empty texts with a length."""
    assert alike(decode_pson(vector.data), value_of(vector.seen))


@pytest.mark.parametrize("vector", load_vectors("classic", "value-invalid"), ids=str)
def test_no_value_is_malformed(vector: Vector) -> None:
    """What the vendor's decoder rejects, ours does."""
    with pytest.raises(Malformed):
        decode_pson(vector.data)


@pytest.mark.parametrize(
    "data", ["4a02fffe", "6a0401ff4a00", "48", "", "4040", "80", "18", "720148", "7a00"]
)
def test_bytes_that_are_nearly_a_value_are_malformed(data: str) -> None:
    """No UTF-8, a wire that does not fit, nothing, or too much."""
    with pytest.raises(Malformed):
        decode_pson(bytes.fromhex(data))


@given(VALUES)
def test_any_value_comes_back(value: Pson) -> None:
    """Nothing is lost on the way, not even the last bit of a double."""
    assert alike(decode_pson(encode_pson(value)), value)


@given(VALUES, st.integers(0, 400))
def test_a_value_cut_short_is_never_another_value(value: Pson, length: int) -> None:
    """A truncated value is refused, not guessed."""
    data = encode_pson(value)
    if length < len(data):
        with pytest.raises(Malformed):
            decode_pson(data[:length])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    """Whatever comes, nothing else is raised."""
    try:
        decode_pson(data)
    except Malformed:
        return


def nest(depth: int) -> Pson:
    value: Pson = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_bounded_both_ways() -> None:
    """The deepest legal value passes; one deeper is refused before the stack is."""
    assert decode_pson(encode_pson(nest(DEPTH_MAX))) == nest(DEPTH_MAX)
    with pytest.raises(ValueError, match="inside each other"):
        encode_pson(nest(DEPTH_MAX + 1))
    data = b""
    for _ in range(5000):
        size = len(data)
        data = b"\x72" + bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14)) + data
    with pytest.raises(Malformed, match="inside each other"):
        decode_pson(data)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_an_integer_of_more_than_64_bits_is_refused(number: int) -> None:
    """Rather than cut."""
    with pytest.raises(ValueError, match="64 bits"):
        encode_pson(number)


def test_tiny_numbers_do_not_collapse() -> None:
    """The vendor's encoder makes 0.0 of 5e-324; ours does not."""
    assert decode_pson(encode_pson(5e-324)) == 5e-324
    assert decode_pson(encode_pson(math.pi)) == math.pi


def test_half_characters_are_replaced() -> None:
    """A lone surrogate has no UTF-8; the value goes out all the same."""
    assert decode_pson(encode_pson("a\ud800b")) == "a?b"
