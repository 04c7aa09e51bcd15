"""PSON, the values of Thinger.io's classic protocol: JSON's kinds, bytes, and "unset"; pure.

One value is a varint tag `type << 3 | wire` and its data; floats are little-endian IEEE 754. The
vendor's encoder shortens a double to a float when that changes it by less than 1e-5, and so loses
small numbers; ours does it only when nothing is lost. Both are legal.

Source: Thinger.io Arduino-Library 2.40.0, `pson.h`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias

from gatewayd.clouds.thinger.varint import VALUE_BYTES_MAX, encode_varint, read_varint
from gatewayd.errors import Malformed

DEPTH_MAX = 32
"""Containers inside each other. Nobody describes a boiler deeper than that."""


class Unset(Enum):
    """The value of a variable that nobody assigned: no value at all, unlike null."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET

Pson: TypeAlias = (
    "bool | int | float | str | bytes | Unset | Sequence[Pson] | Mapping[str, Pson] | None"
)
"""What a value can be. Decoders make `list` and `dict` of the containers."""

_FLOAT32, _FLOAT64 = struct.Struct("<f"), struct.Struct("<d")
_CONSTANTS: dict[int, Pson] = {
    0x00: None,
    0x28: True,
    0x30: False,
    0x38: 0,
    0x40: 1,
    0x50: "",
    0x60: b"",
    0x78: UNSET,
}
_STRING, _BYTES, _OBJECT, _ARRAY = 0x4A, 0x5A, 0x6A, 0x72


def encode_pson(value: Pson) -> bytes:
    """Return the bytes of a value.

    Raises:
        ValueError: an integer outside −2^63 … 2^64−1, or more than `DEPTH_MAX` containers deep.
    """
    return _encode(value, DEPTH_MAX)


def _encode(value: Pson, depth: int) -> bytes:
    match value:
        case None:
            return b"\x00"
        case Unset():
            return b"\x78"
        case bool():
            return b"\x28" if value else b"\x30"
        case int():
            return _encode_integer(value)
        case float():
            return _encode_float(value)
        case str():
            text = value.encode(errors="replace")
            return _sized(_STRING, text) if text else b"\x50"
        case bytes():
            return _sized(_BYTES, value) if value else b"\x60"
    if depth == 0:
        raise ValueError(f"more than {DEPTH_MAX} containers inside each other")
    if isinstance(value, Mapping):
        parts = [_key(key) + _encode(item, depth - 1) for key, item in value.items()]
        return _sized(_OBJECT, b"".join(parts))
    return _sized(_ARRAY, b"".join(_encode(item, depth - 1) for item in value))


def _sized(tag: int, data: bytes) -> bytes:
    return bytes((tag,)) + encode_varint(len(data)) + data


def _key(key: str) -> bytes:
    data = key.encode(errors="replace")
    return encode_varint(len(data)) + data


def _encode_integer(value: int) -> bytes:
    if value in (0, 1):
        return b"\x40" if value else b"\x38"
    if value > 0:
        return b"\x08" + encode_varint(value)
    if value < -(1 << 63):
        raise ValueError(f"{value} does not fit into 64 bits")
    return b"\x10" + encode_varint(-value)


def _encode_float(value: float) -> bytes:
    number = shrink_float(value)
    if isinstance(number, int):
        return _encode_integer(number)
    if is_single(number):
        return b"\x1d" + _FLOAT32.pack(number)
    return b"\x21" + _FLOAT64.pack(number)


def shrink_float(value: float) -> float | int:
    """Return a whole number of less than 64 bits as an integer, as both protocols want it."""
    return int(value) if abs(value) < 2.0**63 and value.is_integer() else value


def is_single(value: float) -> bool:
    """Return whether 32 bits hold this float without loss."""
    if math.isnan(value):
        return True
    try:
        return _FLOAT32.unpack(_FLOAT32.pack(value)) == (value,)
    except OverflowError:
        return False


def decode_pson(data: bytes) -> Pson:
    """Return the one value that these bytes are.

    Raises:
        Malformed: they are none, or something follows it.
    """
    value, end = read_pson(data, 0)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes after a value")
    return value


def read_pson(data: bytes, at: int, depth: int = DEPTH_MAX) -> tuple[Pson, int]:
    """Return the value that begins at `at`, and where it ends.

    Raises:
        Malformed: cut short, too deep, a wire that does not fit the type, or text not in UTF-8.
    """
    tag, at = read_varint(data, at)
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    match tag:
        case 0x08:
            return read_varint(data, at, VALUE_BYTES_MAX)
        case 0x10:
            magnitude, at = read_varint(data, at, VALUE_BYTES_MAX)
            return -magnitude, at
        case 0x1D:
            return _read_float(_FLOAT32, data, at)
        case 0x21:
            return _read_float(_FLOAT64, data, at)
        case 0x4A | 0x5A | 0x6A | 0x72:
            begin, end = read_span(data, at)
            if tag == _BYTES:
                return data[begin:end], end
            if tag == _STRING:
                return read_text(data, begin, end), end
            if depth == 0:
                raise Malformed(f"more than {DEPTH_MAX} containers inside each other")
            content = data[begin:end]
            read = _read_object if tag == _OBJECT else _read_array
            return read(content, depth - 1), end
    raise Malformed(f"a value of tag {tag}")


def _read_float(form: struct.Struct, data: bytes, at: int) -> tuple[float, int]:
    end = at + form.size
    if end > len(data):
        raise Malformed("a float is cut short")
    (value,) = form.unpack_from(data, at)
    return float(value), end


def read_span(data: bytes, at: int) -> tuple[int, int]:
    """Return where the bytes begin and end whose varint length stands at `at`."""
    size, begin = read_varint(data, at)
    if begin + size > len(data):
        raise Malformed(f"{size} bytes announced, {len(data) - begin} there")
    return begin, begin + size


def read_text(data: bytes, begin: int, end: int) -> str:
    """Return a piece of the data as text; raises Malformed if it is none."""
    try:
        return data[begin:end].decode()
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None


def _read_object(content: bytes, depth: int) -> dict[str, Pson]:
    members: dict[str, Pson] = {}
    at = 0
    while at < len(content):
        begin, end = read_span(content, at)
        members[read_text(content, begin, end)], at = read_pson(content, end, depth)
    return members


def _read_array(content: bytes, depth: int) -> list[Pson]:
    items: list[Pson] = []
    at = 0
    while at < len(content):
        item, at = read_pson(content, at, depth)
        items.append(item)
    return items
