"""Unsigned LEB128, the number of both Thinger.io protocols: seven bits a byte, lowest first; pure.

There is no zigzag. Padded forms (`8000` = 0) are legal to read and never written.

Source: Thinger.io Arduino-Library 2.40.0, `pson.h`.
"""

from __future__ import annotations

from gatewayd.errors import Malformed

HEADER_BYTES_MAX = 5
"""Frame headers, tags and lengths: the vendor keeps them in 32 bits."""

VALUE_BYTES_MAX = 10
"""Values: 64 bits."""


class Incomplete(Malformed):
    """The bytes end inside; more may follow on a stream, nothing can in a finished frame."""


def encode_varint(value: int) -> bytes:
    """Return a number from 0 to 2^64−1 in as few bytes as there can be."""
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value} does not fit into 64 bits")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int, bytes_max: int = HEADER_BYTES_MAX) -> tuple[int, int]:
    """Return the number that begins at `at`, and where it ends.

    Raises:
        Incomplete: the data end before it does.
        Malformed: longer than `bytes_max`, or more than 64 bits.
    """
    value = 0
    for index in range(bytes_max):
        if at + index >= len(data):
            raise Incomplete("a number is cut short")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value >= 1 << 64:
                raise Malformed("a number of more than 64 bits")
            return value, at + index + 1
    raise Malformed(f"a number of more than {bytes_max} bytes")
