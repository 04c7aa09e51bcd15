"""IOTMP messages: every recorded frame read, our own come back, broken ones refused."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.clouds.thinger.frames import Frame, FrameBuffer
from gatewayd.clouds.thinger.iotmp import Message, Type, decode_message, encode_message
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.errors import Malformed
from tests.frames.thinger.vectors import Vector, load_vectors, value_of

FRAMES = load_vectors("iotmp", "device->server", "server->device")


def seen_message(seen: dict[str, Any]) -> Message:
    """Return the message that a vector's view means."""
    fields = {name: value_of(seen[name]) if name in seen else UNSET for name in FIELDS}
    return Message(Type[seen["frame"]], seen.get("stream_id", 0), **fields)


FIELDS = ("parameters", "payload", "resource")


def decode(data: bytes) -> Message:
    (frame,) = FrameBuffer().feed(data)
    return decode_message(frame)


@pytest.mark.parametrize("vector", FRAMES, ids=str)
def test_every_recorded_frame_is_read_and_comes_back(vector: Vector) -> None:
    """Of both directions; the order of fields is free, so values are compared."""
    message = seen_message(vector.seen)
    assert decode(vector.data) == message
    again = encode_message(message)
    assert decode(again) == message
    assert len(again) == len(vector.data)


def test_a_negative_whole_payload_keeps_its_value() -> None:
    """The vendor's Linux client writes −7 as 0; ours wraps it."""
    message = Message(Type.STREAM_DATA, 5, payload=-7)
    assert decode(encode_message(message)) == message


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0, b""),
        Frame(11, b""),
        Frame(1, bytes.fromhex("1928")),  # Wire 1: the values of 2022.
        Frame(1, bytes.fromhex("0a8161")),  # A stream id that is a text.
        Frame(1, bytes.fromhex("08808004")),
        Frame(1, bytes.fromhex("1a")),
        Frame(1, bytes.fromhex("18")),
    ],
)
def test_a_broken_message_is_malformed(frame: Frame) -> None:
    """Unknown types, other wires, ids that are none, fields cut short."""
    with pytest.raises(Malformed):
        decode_message(frame)
