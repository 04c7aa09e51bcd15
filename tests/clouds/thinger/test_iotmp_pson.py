"""IOTMP's values: the vendor's bytes, round trips, and bytes that are no value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.iotmp_pson import decode_value, encode_value
from gatewayd.clouds.thinger.pson import DEPTH_MAX, UNSET, Pson
from gatewayd.errors import Malformed
from tests.frames.thinger.vectors import Vector, load_vectors, value_of

WRITTEN = load_vectors("iotmp", "value")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.integers(-(2**64) + 1, 2**64 - 1) | st.floats(allow_nan=False)
VALUES: st.SearchStrategy[Pson] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("vector", WRITTEN, ids=str)
def test_the_vendors_values_are_read_and_written(vector: Vector) -> None:
    """Every value that the vendor's encoder wrote, there and back."""
    assert decode_value(vector.data) == value_of(vector.seen)
    assert encode_value(value_of(vector.seen)) == vector.data


@given(VALUES)
def test_any_value_comes_back(value: Pson) -> None:
    """Nothing is lost on the way."""
    assert decode_value(encode_value(value)) == value


@given(VALUES, st.integers(0, 400))
def test_a_value_cut_short_is_never_another_value(value: Pson, length: int) -> None:
    """A truncated value is refused, not guessed."""
    data = encode_value(value)
    if length < len(data):
        with pytest.raises(Malformed):
            decode_value(data[:length])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    """Whatever comes, nothing else is raised."""
    try:
        decode_value(data)
    except Malformed:
        return


@pytest.mark.parametrize(
    "data",
    [
        "",
        "42",
        "63",
        "7f03",
        "400000",
        "ffffffffffffffffffffff01",
        "dfffffffffffffffffff01",
        "c10101",
    ],
)
def test_bytes_that_are_nearly_a_value_are_malformed(data: str) -> None:
    """Unknown floats and constants, counts without content, a key that is a number."""
    with pytest.raises(Malformed):
        decode_value(bytes.fromhex(data))


def test_depth_is_bounded_both_ways() -> None:
    """The deepest legal value passes; one deeper is refused before the stack is."""
    deepest = b"\xe1" * (DEPTH_MAX - 1) + b"\xe0"
    assert encode_value(decode_value(deepest)) == deepest
    with pytest.raises(Malformed, match="inside each other"):
        decode_value(b"\xe1" * 5000 + b"\xe0")
    with pytest.raises(ValueError, match="inside each other"):
        encode_value([decode_value(deepest)])


def test_unset_is_null() -> None:
    """The newer protocol has no word for it."""
    assert decode_value(encode_value({"a": UNSET})) == {"a": None}
