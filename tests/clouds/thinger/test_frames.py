"""Frames cut from a stream: in any pieces, in any company, and never larger than allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.frames import BODY_BYTES_MAX, Frame, FrameBuffer, encode_frame
from gatewayd.errors import Malformed
from tests.frames.thinger.vectors import Vector, load_vectors

CLASSIC = load_vectors("classic", "device->server", "server->device")
FRAMES = [*CLASSIC, *load_vectors("iotmp", "device->server", "server->device")]


def frames(*pieces: bytes) -> list[Frame]:
    buffer = FrameBuffer()
    return [frame for piece in pieces for frame in buffer.feed(piece)]


@pytest.mark.parametrize("vector", FRAMES, ids=str)
def test_a_frame_split_anywhere_is_one_frame(vector: Vector) -> None:
    """Where TCP cuts is nobody's business; before the last byte there is no frame."""
    whole = frames(vector.data)
    assert len(whole) == 1
    assert encode_frame(*whole[0]) == vector.data
    for at in range(len(vector.data)):
        assert frames(vector.data[:at]) == []
        assert frames(vector.data[:at], vector.data[at:]) == whole


def test_all_frames_in_one_piece_come_apart_again() -> None:
    """One segment may hold many frames."""
    together = b"".join(vector.data for vector in FRAMES)
    assert b"".join(encode_frame(*frame) for frame in frames(together)) == together


@given(st.binary(max_size=300), st.integers(1, 7))
def test_any_bytes_give_frames_or_malformed(data: bytes, step: int) -> None:
    """Nonsense is nothing but Malformed, and the same in any pieces."""
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    try:
        whole = frames(data)
    except Malformed:
        with pytest.raises(Malformed):
            frames(*pieces)
    else:
        assert frames(*pieces) == whole


@pytest.mark.parametrize("header", ["01ffffffff0f", "01818040", "10", "ffffffffff"])
def test_a_header_that_cannot_be_is_refused_at_once(header: str) -> None:
    """An oversized length is not waited for: its bytes would be our memory."""
    with pytest.raises(Malformed):
        frames(bytes.fromhex(header))


def test_the_frames_before_nonsense_are_not_lost() -> None:
    """What came whole is handed over before the stream is given up."""
    buffer, seen = FrameBuffer(), []
    with pytest.raises(Malformed):
        for frame in buffer.feed(b"\x02\x00\x7f\x00"):
            seen.append(frame)
    assert seen == [Frame(2, b"")]


def test_the_largest_frame_passes_and_a_larger_one_is_not_written() -> None:
    """Both ends hold to the same limit."""
    body = bytes(BODY_BYTES_MAX)
    assert frames(encode_frame(1, body)) == [Frame(1, body)]
    with pytest.raises(ValueError, match="at most"):
        encode_frame(1, body + b"\x00")
