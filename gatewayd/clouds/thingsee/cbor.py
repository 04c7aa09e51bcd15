"""Thingsee messages as Wirepas carries them: CBOR maps with whole numbers for names; pure.

Strategy: a small reader of RFC 8949 with limits on everything, then two tables. The tables give
each name its number and the power of ten by which the wire's value is larger than the real one.
A sensor sends only id, event and data; its gateway adds time and names. Names without a public
number travel as text.

Payloads on endpoints 21/21 may be deflated; there is no mark, so inflating is tried first.

Source: Haltian developer site, CBOR to JSON conversion.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import cast

from gatewayd.clouds.thingsee.cbor_names import DECIMALS, HEADER, NAMES, NUMBERS
from gatewayd.clouds.thingsee.codec import Json, Message, bytes_of, of_json, to_json
from gatewayd.errors import Malformed

PAYLOAD_BYTES_MAX = 64 * 1024
"""Inflated. A Wirepas packet has 102 bytes; gateways join a few dozen of them."""

DEPTH_MAX = 8
ITEMS_MAX = 4096
_BREAK = object()


def decode_cbor(payload: bytes) -> list[Message]:
    """Return the messages of a payload: an array of maps, or one map.

    Raises:
        Malformed: no CBOR, no messages, or something follows.
    """
    plain = _maybe_inflate(payload)
    reader = _Reader(plain)
    content = reader.item()
    if reader.at != len(plain):
        raise Malformed(f"{len(plain) - reader.at} bytes follow the messages")
    records = content if isinstance(content, list) else [content]
    return [_message(record) for record in records]


def encode_cbor(messages: Iterable[Message]) -> bytes:
    """Return messages as a sensor sends them: an array without end mark in front."""
    return b"\x9f" + b"".join(encode_cbor_single(message) for message in messages) + b"\xff"


def encode_cbor_single(message: Message) -> bytes:
    """Return one message as a bare map, the form of a command."""
    pairs = [
        (_encode_item(NUMBERS.get(name, name)), _encode_item(_to_wire(name, value)))
        for name, value in to_json(message).items()
    ]
    return _head(5, len(pairs)) + b"".join(key + value for key, value in pairs)


def _message(record: object) -> Message:
    if not isinstance(record, dict):
        raise Malformed("a message is not a map")
    return of_json({_name_of(key): _from_wire(key, value) for key, value in record.items()})


def _name_of(key: object) -> str:
    if isinstance(key, str):
        return key
    name = NAMES.get(cast(int, key))
    # What has no public name keeps its number: it is somebody's field all the same.
    return name if name is not None else f"#{key}"


def _from_wire(key: object, value: Json) -> Json:
    decimals = DECIMALS.get(_name_of(key), 0)
    if not decimals or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value / 10.0**decimals, decimals + 3)


def _to_wire(name: str, value: Json) -> Json:
    if name in HEADER or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    scaled = round(value * 10.0 ** DECIMALS.get(name, 0), 6)
    return int(scaled) if scaled.is_integer() else scaled


def _maybe_inflate(payload: bytes) -> bytes:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise Malformed(f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX} expected")
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(payload, PAYLOAD_BYTES_MAX + 1)
    except zlib.error:
        return payload
    if len(plain) > PAYLOAD_BYTES_MAX:
        raise Malformed(f"inflates to more than {PAYLOAD_BYTES_MAX} bytes")
    return plain if unpacker.eof and not unpacker.unused_data else payload


class _Reader:
    """One pass over the bytes; `at` is the offset of the next."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._items = 0
        self.at = 0

    def item(self, depth: int = 0) -> Json:
        """Return the next item; raises Malformed."""
        found = self._item_or_break(depth)
        if found is _BREAK:
            raise Malformed("an end where an item should be")
        return cast(Json, found)

    def _item_or_break(self, depth: int) -> object:
        self._items += 1
        if depth > DEPTH_MAX or self._items > ITEMS_MAX:
            raise Malformed("nested too deep or too many items")
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        if first == 0xFF:
            return _BREAK
        if major == 7:
            return self._simple(low)
        length = self._length(low)
        match major:
            case 0:
                return self._number(length)
            case 1:
                return -1 - self._number(length)
            case 2 | 3:
                return self._string(major, length)
            case 4:
                return self._list(length, depth)
            case 5:
                return self._map(length, depth)
        return self.item(depth + 1)  # A tag; what it says about the item is of no use here.

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self.at:
            raise Malformed("cut short")
        self.at += count
        return self._data[self.at - count : self.at]

    def _length(self, low: int) -> int | None:
        """Return the argument of an item's head, or None for one of open length."""
        if low < 24:
            return low
        if low < 28:
            return int.from_bytes(self._take(1 << (low - 24)), "big")
        if low == 31:
            return None
        raise Malformed(f"a head with the reserved length {low}")

    def _number(self, length: int | None) -> int:
        if length is None:
            raise Malformed("a number without end")
        return length

    def _string(self, major: int, length: int | None) -> Json:
        if length is not None:
            return _text_of(self._take(length)) if major == 3 else _buffer(self._take(length))
        parts = b""
        while (first := self._take(1)[0]) != 0xFF:
            size = self._length(first & 31)
            if first >> 5 != major or size is None:
                raise Malformed("a string made of something else")
            parts += self._take(size)
        return _text_of(parts) if major == 3 else _buffer(parts)

    def _list(self, length: int | None, depth: int) -> Json:
        found: list[Json] = []
        while length is None or len(found) < length:
            item = self._item_or_break(depth + 1)
            if item is _BREAK:
                if length is not None:
                    raise Malformed("a list that ends too early")
                break
            found.append(cast(Json, item))
        return found

    def _map(self, length: int | None, depth: int) -> Json:
        found: dict[int | str, Json] = {}
        count = 0
        while length is None or count < length:
            key = self._item_or_break(depth + 1)
            if key is _BREAK and length is None:
                break
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise Malformed("a key that is neither a number nor a text")
            found[key] = self.item(depth + 1)
            count += 1
        return cast(Json, found)

    def _simple(self, low: int) -> Json:
        match low:
            case 20 | 21:
                return low == 21
            case 22 | 23:
                return None
            case 25 | 26 | 27:
                size, form = {25: (2, ">e"), 26: (4, ">f"), 27: (8, ">d")}[low]
                number: float = struct.unpack(form, self._take(size))[0]
                if not math.isfinite(number):
                    raise Malformed("a number that is not finite")
                return number
        raise Malformed(f"simple value {low}")


def _text_of(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("a text that is not UTF-8") from None


def _buffer(raw: bytes) -> Json:
    return {"type": "Buffer", "data": list(raw)}


def _encode_item(value: Json) -> bytes:
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode(errors="replace")
        return _head(3, len(raw)) + raw
    if isinstance(value, Sequence):
        return _head(4, len(value)) + b"".join(map(_encode_item, value))
    if value.get("type") == "Buffer":
        raw = bytes_of(value)
        return _head(2, len(raw)) + raw
    pairs = (_encode_item(key) + _encode_item(item) for key, item in value.items())
    return _head(5, len(value)) + b"".join(pairs)


def _head(major: int, argument: int) -> bytes:
    first = major << 5
    if argument < 24:
        return bytes((first | argument,))
    for low, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes((first | low,)) + argument.to_bytes(size, "big")
    raise Malformed(f"{argument} does not fit into 64 bits")
