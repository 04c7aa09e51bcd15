"""A slab as bytes: what was written comes back, and what was not is told from it."""

from __future__ import annotations

import pytest

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId, Quality, Reading
from gatewayd.outbox.slab import SLAB_ROWS_MAX, Slab, make_slab, parse_numbers, parse_slab, resealed

A, B = ChannelId("a/b"), ChannelId("c/d")


@pytest.fixture
def slab() -> Slab:
    readings = [
        Reading(A, 1000, 1.5),
        Reading(B, 1001, "text"),
        Reading(A, 1002, None, Quality.FAULT),
    ]
    return make_slab(7, readings, {A: 0, B: 1})


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_slab_comes_back_as_it_was(slab: Slab, is_packed: bool) -> None:
    """Deflated on the card, plain in memory."""
    last, first, base_ms, boot, offset_ms = 9, 7, 1000, None, 0
    body = slab.body(is_packed=is_packed)
    assert parse_slab((last, first, base_ms, boot, offset_ms), body) == slab


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("channels", [1, 7, 40_000])
def test_the_first_column_can_be_read_alone(channels: int, is_packed: bool) -> None:
    """Also where it is longer than what is unpacked at a time."""
    readings = [Reading(A, number, "]" * (number % 3)) for number in range(SLAB_ROWS_MAX)]
    slab = make_slab(1, readings, {A: 0})
    slab.numbers = [number * 19 % channels for number in range(SLAB_ROWS_MAX)]
    body = slab.body(is_packed=is_packed)
    assert parse_numbers((SLAB_ROWS_MAX, 1, 0, None, 0), body) == slab.numbers
    assert parse_numbers((SLAB_ROWS_MAX, 1, 0, None, 0), body[5:]) == slab.numbers
    with pytest.raises(OutboxError):
        parse_numbers((SLAB_ROWS_MAX + 1, 1, 0, None, 0), body[5:])


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[]", b"[7]", b"[[1", b"x\x9c", b"[1]]", "text", None]
)
def test_what_is_no_slab_has_no_first_column(body: object) -> None:
    """It is an error by name."""
    with pytest.raises(OutboxError):
        parse_numbers((9, 7, 0, None, 0), body)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_bit_that_turned_anywhere_is_seen(slab: Slab, is_packed: bool) -> None:
    """In the body, in its checksum and in its first byte; nothing of it is delivered."""
    body = slab.body(is_packed=is_packed)
    for bit in range(8 * len(body)):
        damaged = bytearray(body)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(OutboxError):
            parse_slab((9, 7, 1000, None, 0), bytes(damaged))
        with pytest.raises(OutboxError):
            parse_numbers((9, 7, 1000, None, 0), bytes(damaged))


@pytest.mark.parametrize(
    "head",
    [
        (10, 7, 1000, None, 0),
        (9, 6, 1000, None, 0),
        (10, 8, 1000, None, 0),
        (9, 7, 1001, None, 0),
        (9, 7, 1000, "boot", 0),
        (9, 7, 1000, None, 1),
    ],
)
def test_numbers_and_times_beside_the_body_are_under_its_checksum(
    slab: Slab, head: tuple[int, int, int, str | None, int]
) -> None:
    """Else a turned bit there would date a thousand readings wrong."""
    with pytest.raises(OutboxError):
        parse_slab(head, slab.body(is_packed=True))


def test_a_slab_that_is_dated_anew_is_sealed_anew(slab: Slab) -> None:
    """The body stays, the checksum goes with the new time."""
    head = (9, 7, 5000, None, 0)
    found = parse_slab(head, resealed(head, slab.body(is_packed=True)))
    assert found.base_ms == 5000
    assert found.values == slab.values
