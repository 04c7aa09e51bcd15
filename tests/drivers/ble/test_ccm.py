"""Encrypted packets: what is opened, and counters that may not go back."""

from __future__ import annotations

import pytest

from drivers.ble._ccm import Counter, Replayed, Unopened, check_key, open_sealed
from gatewayd.errors import Malformed
from gatewayd.fields import Secret

KEY = Secret("404142434445464748494a4b4c4d4e4f")
NONCE = bytes.fromhex("10111213141516")
ASSOCIATED = bytes.fromhex("0001020304050607")
SEALED = bytes.fromhex("7162015b4dac255d")


def test_the_standards_own_example_is_opened() -> None:
    """Source: NIST SP 800-38C, appendix C, example 1."""
    assert open_sealed(KEY, NONCE, SEALED, ASSOCIATED) == bytes.fromhex("20212223")


def test_anything_else_is_not() -> None:
    """A flipped bit, another key, other associated data; too short to hold anything."""
    for key, sealed, associated in (
        (KEY, bytes([SEALED[0] ^ 1]) + SEALED[1:], ASSOCIATED),
        (Secret("00" * 16), SEALED, ASSOCIATED),
        (KEY, SEALED, b""),
    ):
        with pytest.raises(Unopened):
            open_sealed(key, NONCE, sealed, associated)
    with pytest.raises(Malformed):
        open_sealed(KEY, NONCE, SEALED[:4], ASSOCIATED)


@pytest.mark.parametrize(
    ("bits", "counts", "is_accepted"),
    [
        (32, [0], True),
        (32, [5, 5], True),
        (32, [5, 6, 1000], True),
        (32, [5, 4], False),
        (32, [2**32 - 1, 0], True),
        (8, [250, 3], True),
        (8, [3, 250], False),
    ],
)
def test_a_counter_grows(bits: int, counts: list[int], is_accepted: bool) -> None:
    """The same again is a repetition; one of few bits comes round."""
    counter = Counter(bits)
    for count in counts[:-1]:
        counter.accept(count)
    if is_accepted:
        counter.accept(counts[-1])
    else:
        with pytest.raises(Replayed):
            counter.accept(counts[-1])


def test_a_key_is_not_shown_when_it_is_wrong() -> None:
    """Messages end up in logs."""
    with pytest.raises(ValueError, match="32 hex digits") as caught:
        check_key(Secret("hunter2"))
    assert "hunter2" not in str(caught.value)
