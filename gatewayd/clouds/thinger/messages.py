"""Messages of Thinger.io's classic protocol: the fields of a frame's body; pure.

Each field is a varint tag `field << 3 | wire`. Writers use the order STREAM_ID, SIGNAL,
IDENTIFIER, RESOURCE, PAYLOAD; readers take any. Wire 6 means one PSON value, which has no outer
length, so an unknown field of that wire cannot be skipped.

Source: Thinger.io Arduino-Library 2.40.0, `thinger_message.hpp`, `thinger_decoder.hpp`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from gatewayd.clouds.thinger.events import ID_MAX
from gatewayd.clouds.thinger.frames import Frame, encode_frame
from gatewayd.clouds.thinger.pson import UNSET, Pson, encode_pson, read_pson, read_span
from gatewayd.clouds.thinger.varint import VALUE_BYTES_MAX, encode_varint, read_varint
from gatewayd.errors import Malformed


class Type(IntEnum):
    """Frame types of the classic protocol."""

    MESSAGE = 1
    KEEP_ALIVE = 2


class Signal(IntEnum):
    """What a message is about."""

    NONE = 0
    """The server runs a resource; never on the wire."""
    REQUEST_OK = 1
    REQUEST_ERROR = 2
    START_STREAM = 3
    STOP_STREAM = 4
    AUTH = 5
    STREAM_EVENT = 6
    STREAM_SAMPLE = 7
    CALL_ENDPOINT = 8
    CALL_DEVICE = 9
    BUCKET_DATA = 10
    GET_PROPERTY = 11
    SET_PROPERTY = 12


_KNOWN_FIELDS = frozenset({1, 2, 3, 4, 6})
_SKIPPED_BYTES = {1: 8, 5: 4}

Resource: TypeAlias = tuple[Pson, ...]
"""A path as it was on the wire; its elements should be texts."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `signal` is a number, because a peer may use one that is not in `Signal`."""

    signal: int = Signal.NONE
    stream_id: int = 0
    identifier: str | None = None
    resource: Resource | None = None
    payload: Pson = UNSET


def encode_message(message: Message) -> bytes:
    """Return a whole frame; raises ValueError for values that have no bytes."""
    parts: list[bytes] = []
    if message.stream_id:
        parts += b"\x08", encode_varint(message.stream_id)
    if message.signal:
        parts += b"\x10", encode_varint(message.signal)
    if message.identifier is not None:
        parts += b"\x1e", encode_pson(message.identifier)
    if message.resource is not None:
        parts += b"\x26", encode_pson(message.resource)
    if message.payload is not UNSET:
        parts += b"\x36", encode_pson(message.payload)
    return encode_frame(Type.MESSAGE, b"".join(parts))


def encode_keep_alive() -> bytes:
    """Return the keep-alive frame, the same both ways."""
    return encode_frame(Type.KEEP_ALIVE)


def decode_message(frame: Frame) -> Message | None:
    """Return the message in a frame, None for a keep-alive.

    Raises:
        Malformed: another type of frame, or fields that cannot be read.
    """
    if frame.type == Type.KEEP_ALIVE:
        if frame.body:
            raise Malformed("a keep-alive with a body")
        return None
    if frame.type != Type.MESSAGE:
        raise Malformed(f"a frame of type {frame.type}")
    return _decode_body(frame.body)


def _decode_body(body: bytes) -> Message:
    signal, stream_id, at = 0, 0, 0
    identifier: str | None = None
    resource: Resource | None = None
    payload: Pson = UNSET
    while at < len(body):
        tag, at = read_varint(body, at)
        match tag:
            case 0x08:
                stream_id, at = read_varint(body, at)
                if stream_id > ID_MAX:
                    raise Malformed(f"stream id {stream_id}")
            case 0x10:
                signal, at = read_varint(body, at)
            case 0x1E:
                value, at = read_pson(body, at)
                if not isinstance(value, str):
                    raise Malformed("an identifier that is no text")
                identifier = value
            case 0x26:
                value, at = read_pson(body, at)
                if not isinstance(value, list):
                    raise Malformed("a resource that is no array")
                resource = tuple(value)
            case 0x36:
                payload, at = read_pson(body, at)
            case _:
                at = _skip(body, tag, at)
    return Message(signal, stream_id, identifier, resource, payload)


def _skip(body: bytes, tag: int, at: int) -> int:
    """Return where the unknown field ends that begins at `at`."""
    field, wire = tag >> 3, tag & 7
    if field in _KNOWN_FIELDS:
        raise Malformed(f"field {field} on wire {wire}")
    if wire == 0:
        return read_varint(body, at, VALUE_BYTES_MAX)[1]
    if wire == 2:
        return read_span(body, at)[1]
    end = at + _SKIPPED_BYTES.get(wire, len(body))
    if wire not in _SKIPPED_BYTES or end > len(body):
        raise Malformed(f"unknown field {field} on wire {wire}")
    return end
