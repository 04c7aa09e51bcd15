"""The values of Thinger.io's newer protocol, IOTMP: one byte `type << 5 | n`; pure.

n = 31 means that a varint with the real n follows. The first IOTMP clients (2022 to 2025) sent
classic PSON here; those of 2026 do not understand it any more, and neither does this.

Source: Thinger.io IOTMP-Linux 42e5ff6, `iotmp/core`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from gatewayd.clouds.thinger.pson import (
    DEPTH_MAX,
    Pson,
    Unset,
    is_single,
    read_text,
    shrink_float,
)
from gatewayd.clouds.thinger.varint import VALUE_BYTES_MAX, encode_varint, read_varint
from gatewayd.errors import Malformed

_POSITIVE, _NEGATIVE, _FLOAT, _CONSTANT, _STRING, _BYTES, _MAP, _ARRAY = range(8)
_LONG = 31
_FLOATS = (struct.Struct("<f"), struct.Struct("<d"))
_CONSTANTS: tuple[Pson, ...] = (False, True, None)


def encode_value(value: Pson) -> bytes:
    """Return the bytes of a value; "unset" becomes null, which is all that there is for it.

    Raises:
        ValueError: an integer outside −2^64+1 … 2^64−1, or more than `DEPTH_MAX` containers deep.
    """
    return _encode(value, DEPTH_MAX)


def _encode(value: Pson, depth: int) -> bytes:
    match value:
        case None | Unset():
            return _head(_CONSTANT, 2)
        case bool():
            return _head(_CONSTANT, int(value))
        case int():
            return _head(_NEGATIVE, -value) if value < 0 else _head(_POSITIVE, value)
        case float():
            number = shrink_float(value)
            if isinstance(number, int):
                return _encode(number, depth)
            size = 0 if is_single(number) else 1
            return _head(_FLOAT, size) + _FLOATS[size].pack(number)
        case str():
            text = value.encode(errors="replace")
            return _head(_STRING, len(text)) + text
        case bytes():
            return _head(_BYTES, len(value)) + value
    if depth == 0:
        raise ValueError(f"more than {DEPTH_MAX} containers inside each other")
    if isinstance(value, Mapping):
        pairs = (_encode(key, 1) + _encode(item, depth - 1) for key, item in value.items())
        return _head(_MAP, len(value)) + b"".join(pairs)
    items = b"".join(_encode(item, depth - 1) for item in value)
    return _head(_ARRAY, len(value)) + items


def _head(kind: int, count: int) -> bytes:
    if count < _LONG:
        return bytes((kind << 5 | count,))
    return bytes((kind << 5 | _LONG,)) + encode_varint(count)


def decode_value(data: bytes) -> Pson:
    """Return the one value that these bytes are.

    Raises:
        Malformed: they are none, or something follows it.
    """
    value, end = read_value(data, 0)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes after a value")
    return value


def read_value(data: bytes, at: int, depth: int = DEPTH_MAX) -> tuple[Pson, int]:
    """Return the value that begins at `at`, and where it ends.

    Raises:
        Malformed: cut short, too deep, an unknown kind, or text that is not UTF-8.
    """
    if at >= len(data):
        raise Malformed("a value is missing")
    kind, count, at = data[at] >> 5, data[at] & 31, at + 1
    if count == _LONG:
        count, at = read_varint(data, at, VALUE_BYTES_MAX)
    if kind == _POSITIVE:
        return count, at
    if kind == _NEGATIVE:
        return -count, at
    if kind == _FLOAT:
        return _read_float(data, at, count)
    if kind == _CONSTANT:
        if count >= len(_CONSTANTS):
            raise Malformed(f"constant {count}")
        return _CONSTANTS[count], at
    # Whatever is counted has at least a byte each, so a count cannot make us allocate.
    if count > len(data) - at:
        raise Malformed(f"{count} announced, {len(data) - at} bytes there")
    if kind == _STRING:
        return read_text(data, at, at + count), at + count
    if kind == _BYTES:
        return data[at : at + count], at + count
    if depth == 0:
        raise Malformed(f"more than {DEPTH_MAX} containers inside each other")
    if kind == _MAP:
        return _read_map(data, at, count, depth - 1)
    return _read_array(data, at, count, depth - 1)


def _read_float(data: bytes, at: int, size: int) -> tuple[float, int]:
    if size >= len(_FLOATS) or at + _FLOATS[size].size > len(data):
        raise Malformed("a float of unknown size or cut short")
    (value,) = _FLOATS[size].unpack_from(data, at)
    return float(value), at + _FLOATS[size].size


def _read_map(data: bytes, at: int, count: int, depth: int) -> tuple[Pson, int]:
    members: dict[str, Pson] = {}
    for _ in range(count):
        key, at = read_value(data, at, 0)
        if not isinstance(key, str):
            raise Malformed("a key that is no text")
        members[key], at = read_value(data, at, depth)
    return members, at


def _read_array(data: bytes, at: int, count: int, depth: int) -> tuple[Pson, int]:
    items: list[Pson] = []
    for _ in range(count):
        item, at = read_value(data, at, depth)
        items.append(item)
    return items, at
