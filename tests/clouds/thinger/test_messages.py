"""Classic messages: every recorded frame there and back, and fields that are broken or unknown."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.clouds.thinger.frames import Frame, FrameBuffer
from gatewayd.clouds.thinger.messages import (
    Message,
    Signal,
    decode_message,
    encode_keep_alive,
    encode_message,
)
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.errors import Malformed
from tests.frames.thinger.vectors import Vector, load_vectors, value_of

FRAMES = load_vectors("classic", "device->server", "server->device")
CANONICAL = [vector for vector in FRAMES if vector.is_canonical]


def seen_message(seen: dict[str, Any]) -> Message | None:
    """Return the message that a vector's view means."""
    if seen["frame"] == "KEEP_ALIVE":
        return None
    resource = seen.get("resource")
    return Message(
        Signal[seen["signal"]],
        seen.get("stream_id", 0),
        seen.get("identifier"),
        None if resource is None else tuple(resource),
        value_of(seen["payload"]) if "payload" in seen else UNSET,
    )


def decode(data: bytes) -> Message | None:
    (frame,) = FrameBuffer().feed(data)
    return decode_message(frame)


@pytest.mark.parametrize("vector", FRAMES, ids=str)
def test_every_recorded_frame_is_read(vector: Vector) -> None:
    """Of both directions, unknown fields and all."""
    assert decode(vector.data) == seen_message(vector.seen)


@pytest.mark.parametrize("vector", CANONICAL, ids=str)
def test_every_recorded_frame_is_written(vector: Vector) -> None:
    """To the same bytes."""
    message = seen_message(vector.seen)
    assert (encode_message(message) if message else encode_keep_alive()) == vector.data


def test_fields_may_come_in_any_order() -> None:
    """Writers use one order, readers take all."""
    body = bytes.fromhex("36 28 26 72 07 4a 05") + b"relay" + bytes.fromhex("08 05")
    assert decode_message(Frame(1, body)) == Message(0, 5, None, ("relay",), True)


@pytest.mark.parametrize("field", ["3805", "390102030405060708", "3a020102", "3d01020304"])
def test_an_unknown_field_of_a_plain_wire_is_skipped(field: str) -> None:
    """A newer server may say more than we know."""
    assert decode_message(Frame(1, bytes.fromhex(field + "0805"))) == Message(stream_id=5)


@pytest.mark.parametrize(
    "body",
    [
        "3e28",  # An unknown PSON field has no length.
        "3b",  # An unknown wire.
        "390102",  # Eight bytes announced, two there.
        "3a0501",
        "0a0101",  # A stream id on the wrong wire.
        "08808004",  # 65536.
        "1e0802",  # An identifier that is a number.
        "2628",  # A path that is a boolean.
        "36",
        "08",
        "80",
    ],
)
def test_a_broken_field_is_malformed(body: str) -> None:
    """Nothing of such a message is believed."""
    with pytest.raises(Malformed):
        decode_message(Frame(1, bytes.fromhex(body)))


@pytest.mark.parametrize("frame", [Frame(0, b""), Frame(3, b""), Frame(2, b"\x00")])
def test_another_frame_is_malformed(frame: Frame) -> None:
    """There are two types, and a keep-alive is empty."""
    with pytest.raises(Malformed):
        decode_message(frame)


def test_an_empty_message_is_a_message() -> None:
    """It says nothing, which is for the reader of its meaning to refuse."""
    assert decode_message(Frame(1, b"")) == Message()
