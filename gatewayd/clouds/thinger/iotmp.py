"""Messages of IOTMP, Thinger.io's newer protocol: the fields of a frame's body; pure.

Field tags are `field << 3 | wire`: wire 0 is a varint, used for every whole number that is not
negative; wire 2 is one value in the newer encoding. Wire 1 was classic PSON, sent by the clients
of 2022 to 2025 and refused by those of 2026, and here.

Source: Thinger.io IOTMP-Linux 42e5ff6, `iotmp/core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gatewayd.clouds.thinger.events import ID_MAX
from gatewayd.clouds.thinger.frames import Frame, encode_frame
from gatewayd.clouds.thinger.iotmp_pson import encode_value, read_value
from gatewayd.clouds.thinger.pson import UNSET, Pson, shrink_float
from gatewayd.clouds.thinger.varint import VALUE_BYTES_MAX, encode_varint, read_varint
from gatewayd.errors import Malformed


class Type(IntEnum):
    """Frame types of IOTMP."""

    OK = 1
    ERROR = 2
    CONNECT = 3
    DISCONNECT = 4
    KEEP_ALIVE = 5
    RUN = 6
    DESCRIBE = 7
    START_STREAM = 8
    STOP_STREAM = 9
    STREAM_DATA = 10


_STREAM_ID, _PARAMETERS, _PAYLOAD, _RESOURCE = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A resource is a text with `/`, or the number of an operation."""

    type: Type
    stream_id: int = 0
    parameters: Pson = UNSET
    payload: Pson = UNSET
    resource: Pson = UNSET


def encode_message(message: Message) -> bytes:
    """Return a whole frame; raises ValueError for values that have no bytes."""
    fields: dict[int, Pson] = {
        _STREAM_ID: message.stream_id or UNSET,
        _PARAMETERS: message.parameters,
        _PAYLOAD: message.payload,
        _RESOURCE: message.resource,
    }
    parts = [_field(number, value) for number, value in fields.items() if value is not UNSET]
    return encode_frame(message.type, b"".join(parts))


def _field(number: int, value: Pson) -> bytes:
    whole = shrink_float(value) if isinstance(value, float) else value
    if isinstance(whole, int) and not isinstance(whole, bool) and whole >= 0:
        return encode_varint(number << 3) + encode_varint(whole)
    return encode_varint(number << 3 | 2) + encode_value(value)


def decode_message(frame: Frame) -> Message:
    """Return the message in a frame.

    Raises:
        Malformed: an unknown type, or fields that cannot be read.
    """
    try:
        type = Type(frame.type)
    except ValueError:
        raise Malformed(f"a frame of type {frame.type}") from None
    fields: dict[int, Pson] = {}
    body, at = frame.body, 0
    while at < len(body):
        tag, at = read_varint(body, at)
        match tag & 7:
            case 0:
                fields[tag >> 3], at = read_varint(body, at, VALUE_BYTES_MAX)
            case 2:
                fields[tag >> 3], at = read_value(body, at)
            case wire:
                raise Malformed(f"field {tag >> 3} on wire {wire}")
    stream_id = fields.get(_STREAM_ID, 0)
    if not isinstance(stream_id, int) or not 0 <= stream_id <= ID_MAX:
        raise Malformed("a stream id that is none")
    return Message(
        type,
        stream_id,
        fields.get(_PARAMETERS, UNSET),
        fields.get(_PAYLOAD, UNSET),
        fields.get(_RESOURCE, UNSET),
    )
