"""Frames of both Thinger.io protocols: `varint type | varint length | body`; pure.

There is no magic number and no checksum: whoever loses the place in the stream is lost. So a
length that cannot be is `Malformed` as soon as it is read, before anything waits for its bytes.

Source: Thinger.io Arduino-Library 2.40.0, `thinger.h`; IOTMP-Linux, `iotmp/core`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gatewayd.clouds.thinger.varint import Incomplete, encode_varint, read_varint
from gatewayd.errors import Malformed

BODY_BYTES_MAX = 1024 * 1024
"""The vendor names no limit. A listing of a thousand resources has about 30 kB."""

TYPE_MAX = 15
"""The newer protocol has ten types, the older two; a larger one is another protocol."""


class Frame(NamedTuple):
    """One frame: its type (the protocol says what it means) and its body."""

    type: int
    body: bytes


def encode_frame(type: int, body: bytes = b"") -> bytes:
    """Return one frame; raises ValueError for a body that no peer has to take."""
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"a frame of {len(body)} bytes, at most {BODY_BYTES_MAX} are allowed")
    return encode_varint(type) + encode_varint(len(body)) + body


class FrameBuffer:
    """Cuts a stream of bytes into frames, in whatever pieces it comes.

    Characteristics: in bytes · out frames · buffered at most one unfinished frame of
    `BODY_BYTES_MAX` · ordered.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that these bytes complete; exhaust it before the next call.

        Raises:
            Malformed: a header that cannot be. The stream is of no use afterwards.
        """
        self._rest += data
        at = 0
        try:
            while at < len(self._rest):
                frame, at = self._next(at)
                yield frame
        except Incomplete:
            pass
        finally:
            del self._rest[:at]

    def _next(self, at: int) -> tuple[Frame, int]:
        header = bytes(self._rest[at : at + 10])
        type, end = read_varint(header, 0)
        if type > TYPE_MAX:
            raise Malformed(f"a frame of type {type}")
        size, end = read_varint(header, end)
        if size > BODY_BYTES_MAX:
            raise Malformed(f"a frame of {size} bytes, at most {BODY_BYTES_MAX} expected")
        begin = at + end
        if len(self._rest) < begin + size:
            raise Incomplete("a frame is cut short")
        return Frame(type, bytes(self._rest[begin : begin + size])), begin + size
