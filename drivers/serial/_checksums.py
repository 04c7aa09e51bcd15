"""The checksums that printing devices put at the end of a line."""

from __future__ import annotations

from typing import Literal

from gatewayd.errors import Malformed

Checksum = Literal["none", "nmea-xor", "sum8"]


def strip_checksum(text: str, kind: Checksum, encoding: str) -> str:
    """Return the text that the checksum covers.

    Raises:
        Malformed: it is wrong, or there is none.
    """
    if kind == "none":
        return text
    if kind == "nmea-xor":
        body, star, check = text.lstrip("$").rpartition("*")
        total = 0
        for byte in body.encode(encoding):
            total ^= byte
        is_right = bool(star)
    else:
        body, check = text[:-2], text[-2:]
        total = sum(body.encode(encoding)) & 0xFF
        is_right = len(text) > 2
    if not is_right or check.upper() != f"{total:02X}":
        raise Malformed(f"a line with a wrong checksum: {text[:40]!r}")
    return body
