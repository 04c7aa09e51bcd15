"""Smart Message Language: frames, the values inside them, a list of readings; pure.

Source: BSI TR-03109-1, annex IV; SML specification 1.04 (BDEW/FNN), 6.2 (encoding), 8.1 (transport
protocol version 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from drivers.serial._checksums import crc16_x25
from drivers.serial._frames import Format
from gatewayd.errors import Malformed

ESCAPE = b"\x1b" * 4
START = ESCAPE + b"\x01" * 4
SIZE_MAX = 8192
"""Bytes of a frame; meters of houses send 200 to 800."""

DEPTH_MAX = 8
"""Lists within lists; a list of readings has five."""

POWER_MAX = 18
"""A meter's value is a whole number of at most 64 bits."""

GET_LIST_RESPONSE = 0x0701
UNITS = {
    8: "deg",
    9: "Cel",
    13: "m3",
    27: "W",
    28: "VA",
    29: "var",
    30: "Wh",
    31: "VAh",
    32: "varh",
    33: "A",
    35: "V",
    44: "Hz",
}
"""Source: DLMS UA Blue Book, units."""

Tree: TypeAlias = "bytes | int | bool | list[Tree] | None"


class Value(NamedTuple):
    """One reading of the meter, in its own unit (empty where it says none)."""

    medium: str
    code: str
    value: float | bytes
    unit: str


class Message(NamedTuple):
    """One list of readings; the server is the meter's own number, 10 bytes mostly."""

    server: bytes
    values: tuple[Value, ...]


def size(data: bytes) -> int | None:
    """Return the size of the frame, up to and with its checksum.

    Raises:
        Malformed: another frame begins before this one's end.
    """
    at = len(START)
    while (at := data.find(ESCAPE, at)) >= 0:
        tail = data[at + 4 : at + 8]
        if len(tail) < 4:
            return None
        if tail == START[4:]:
            raise Malformed("a frame without end")
        if tail[0] == 0x1A:
            return at + 8
        at += 8 if tail == ESCAPE else 1  # Doubled by the sender, or one that begins later.
    return None


def check(frame: bytes) -> None:
    """Raise Malformed where the CRC-16 (X.25, low byte first) of all before it is another one."""
    if crc16_x25(frame[:-2]) != int.from_bytes(frame[-2:], "little") or frame[-3] > 3:
        raise Malformed("an SML frame with a wrong checksum")


FORMAT = Format(START, size, check, SIZE_MAX)


def messages(frame: bytes) -> Iterator[Message]:
    """Yield the lists of readings in a whole frame.

    Raises:
        Malformed: the checksum is right, and the contents are no SML.
    """
    data = frame[len(START) : len(frame) - 8 - frame[-3]].replace(ESCAPE * 2, ESCAPE)
    at = 0
    while at < len(data):
        tree, at = parse(data, at)
        # Transaction, group, abort, body, checksum, end.
        if not isinstance(tree, list) or len(tree) != 6:
            raise Malformed("an SML message of another form")
        body = tree[3]
        if isinstance(body, list) and len(body) == 2 and body[0] == GET_LIST_RESPONSE:
            yield _message(body[1])


def parse(data: bytes, at: int, depth: int = 0) -> tuple[Tree, int]:
    """Return the value that begins at `at`, and where the next one does.

    The first byte has the type in bits 4 to 6 and the length in its lower half; bit 7 says that
    another byte with four more bits of the length follows. A list's length counts its elements,
    any other's all its bytes, these first ones too.

    Raises:
        Malformed: it ends too early, or is of no known type.
    """
    if depth > DEPTH_MAX:
        raise Malformed("lists too deep")
    start, kind, length = at, 0, 0
    while True:
        if at >= len(data) or length > SIZE_MAX:
            raise Malformed("an SML value that breaks off")
        byte = data[at]
        kind = kind or byte >> 4 & 7
        length = length << 4 | byte & 0x0F
        at += 1
        if not byte & 0x80:
            break
    if kind == 7:
        found: list[Tree] = []
        for _ in range(length):
            element, at = parse(data, at, depth + 1)
            found.append(element)
        return found, at
    end = max(start + length, at)  # A lone 0 is the end of a message.
    raw = data[at:end]
    if end > len(data):
        raise Malformed("an SML value that breaks off")
    return _plain(kind, raw), end


def _plain(kind: int, raw: bytes) -> Tree:
    match kind:
        case 0:
            return raw or None
        case 4:
            return any(raw)
        case 5 | 6 if 1 <= len(raw) <= 8:
            return int.from_bytes(raw, "big", signed=kind == 5)
    raise Malformed(f"an SML value of type {kind} in {len(raw)} bytes")


def _message(body: Tree) -> Message:
    # Client, server, list name, time, values, signature, gateway time.
    if not isinstance(body, list) or len(body) != 7 or not isinstance(body[4], list):
        raise Malformed("an SML list of another form")
    server = body[1] if isinstance(body[1], bytes) else b""
    return Message(server, tuple(_values(body[4])))


def _values(entries: list[Tree]) -> Iterator[Value]:
    for entry in entries:
        # Name, status, time, unit, power of ten, value, signature.
        if not isinstance(entry, list) or len(entry) != 7:
            raise Malformed("an SML reading of another form")
        name, _, _, unit, scaler, value, _ = entry
        if not isinstance(name, bytes) or len(name) != 6 or name[5] != 255:
            continue
        medium, code = f"{name[0]}-{name[1]}", ".".join(map(str, name[2:5]))
        symbol = UNITS.get(unit, "") if isinstance(unit, int) else ""
        if isinstance(value, bytes):
            yield Value(medium, code, value, symbol)
        elif isinstance(value, int) and not isinstance(value, bool):
            power = _power(scaler)
            yield Value(medium, code, float(f"{value}e{power}") if power else value, symbol)


def _power(scaler: Tree) -> int:
    """Return the power of ten of a value; it may be left out, and a wrong one spoils the value."""
    if scaler == b"":
        return 0
    if not isinstance(scaler, int) or isinstance(scaler, bool) or abs(scaler) > POWER_MAX:
        raise Malformed("an SML power of ten of another form")
    return scaler
