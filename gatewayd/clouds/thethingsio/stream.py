"""The subscription of thethings.iO: JSON texts one after the other, and what each means; pure.

Strategy: the vendor sends one JSON text a chunk and its own client relies on that; proxies cut
and join chunks as they like. So chunk borders mean nothing here: brackets are counted, and a text
is complete when its last one closes, wherever that is.

Source: thethings.iO API reference, thing subscribe; App Development guide, "Subscribe".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatewayd.clouds.thethingsio.answers import Refused, find_refused
from gatewayd.clouds.thethingsio.codec import Entry, decode_push, parse_json
from gatewayd.errors import Malformed

TEXT_BYTES_MAX = 1024 * 1024
"""One text. A write of 1000 values is some 100 kB; what is longer is no sane write."""

SUBSCRIBED = b'{"status":"success","message":"subscribed"}'
KEEP_ALIVE = b"{}"
"""Without a newline: the vendor's own client compares these two bytes."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')


class Texts:
    """Cuts a stream of bytes into JSON arrays and objects.

    Characteristics: in chunks of any size · out complete texts, in order · buffered at most
    `size_max` bytes of one text · when full `Malformed`.
    """

    def __init__(self, size_max: int = TEXT_BYTES_MAX) -> None:
        self._size_max = size_max
        self._held = bytearray()
        self._seen = 0
        self._depth = 0
        self._is_quoted = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the texts that are complete with this chunk.

        Raises:
            Malformed: something else than an array or object begins, or one grows too long.
                Where the next text begins is unknown then.
        """
        self._held += chunk
        texts = []
        while (end := self._find_end()) is not None:
            texts.append(bytes(self._held[:end]))
            del self._held[:end]
            self._seen = 0
        if len(self._held) > self._size_max:
            raise Malformed(f"a text of more than {self._size_max} bytes")
        return texts

    def _find_end(self) -> int | None:
        """Return where the text that is held ends, or None as long as it does not."""
        if not self._depth and not self._begin():
            return None
        while self._seen < len(self._held):
            match = (_INSIDE if self._is_quoted else _OUTSIDE).search(self._held, self._seen)
            if match is None:
                self._seen = len(self._held)
                break
            self._seen, mark = match.end(), match[0]
            if mark == b'"':
                self._is_quoted = not self._is_quoted
            elif mark == b"\\":
                self._seen += 1  # Whatever is escaped ends nothing, even if it comes later.
            elif mark in b"[{":
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    return self._seen
        return None

    def _begin(self) -> bool:
        """Skip the space between texts; return whether another one has begun."""
        space = _SPACE.match(self._held)
        if space:
            del self._held[: space.end()]
        if not self._held:
            return False
        if self._held[0] not in b"[{":
            raise Malformed(f"neither array nor object: {bytes(self._held[:40])!r}")
        self._seen = self._depth = 1
        return True


class Subscribed:
    """The subscription stands."""


class KeepAlive:
    """Nothing happened."""


@dataclass(frozen=True, slots=True)
class Written:
    """Somebody has written to the thing; it may have been ourselves."""

    entries: list[Entry]


Event = Subscribed | KeepAlive | Written | Refused


def decode_event(text: bytes) -> Event:
    """Return what one text of a subscription means; of the first, only `status` is looked at.

    Raises:
        Malformed: not JSON, or none of the four.
    """
    content = parse_json(text)
    if content == {}:
        return KeepAlive()
    if isinstance(content, dict) and "status" in content:
        return find_refused(content) or Subscribed()
    return Written(decode_push(content))
