"""Thinger.io's numbers: the documented bytes, round trips, and what is too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.varint import VALUE_BYTES_MAX, Incomplete, encode_varint, read_varint
from gatewayd.errors import Malformed

# Source: Thinger.io Arduino-Library 2.40.0, pson.h.
KNOWN = {
    0: "00",
    127: "7f",
    128: "8001",
    300: "ac02",
    16384: "808001",
    2**64 - 1: "ffffffffffffffffff01",
}


@pytest.mark.parametrize("number", KNOWN)
def test_a_number_has_the_vendors_bytes(number: int) -> None:
    """Seven bits a byte, the lowest first."""
    assert encode_varint(number).hex() == KNOWN[number]
    data = bytes.fromhex(KNOWN[number])
    assert read_varint(data, 0, VALUE_BYTES_MAX) == (number, len(data))


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_a_number_comes_back_and_what_follows_stays(number: int, rest: bytes) -> None:
    """The end is where the number ends, whatever comes after it."""
    data = encode_varint(number)
    assert read_varint(data + rest, 0, VALUE_BYTES_MAX) == (number, len(data))


def test_padding_is_read() -> None:
    """`8000` is a zero that somebody wrote long."""
    assert read_varint(b"\x80\x00", 0) == (0, 2)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff"])
def test_a_number_cut_short_may_still_come(data: bytes) -> None:
    """On a stream the rest may follow, which is another thing than nonsense."""
    with pytest.raises(Incomplete):
        read_varint(data, 0)


@pytest.mark.parametrize("data", [b"\x80" * 10 + b"\x01", b"\xff" * 9 + b"\x02"])
def test_a_number_too_large_is_malformed(data: bytes) -> None:
    """No more than ten bytes and 64 bits."""
    with pytest.raises(Malformed) as caught:
        read_varint(data, 0, VALUE_BYTES_MAX)
    assert not isinstance(caught.value, Incomplete)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_number_without_bytes_is_refused(number: int) -> None:
    """There is no sign and no 65th bit."""
    with pytest.raises(ValueError, match="64 bits"):
        encode_varint(number)
