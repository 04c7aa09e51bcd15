"""Server-sent events: lines into the data of whole events; pure.

Source: WHATWG HTML, Server-sent events.
"""

from __future__ import annotations

from collections.abc import Iterator

from gatewayd.errors import Malformed

EVENT_BYTES_MAX = 64 * 1024
"""Of one event. Statistics have a hundred."""


class EventBuffer:
    """Cuts a stream of bytes into events, wherever the network has cut it.

    Characteristics: in bytes · out texts · buffered one unfinished event of `EVENT_BYTES_MAX`.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of the events that these bytes complete; comments and names are dropped.

        Raises:
            Malformed: an event without end.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > EVENT_BYTES_MAX:
            raise Malformed(f"an event of more than {EVENT_BYTES_MAX} bytes")
        for line in lines:
            text = line.removesuffix(b"\r")
            if text:
                self._take(text)
            elif self._data:
                data, self._data, self._size = b"\n".join(self._data), [], 0
                yield data

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        self._data.append(value.removeprefix(b" "))
        self._size += len(value)
        if self._size > EVENT_BYTES_MAX:
            raise Malformed(f"an event of more than {EVENT_BYTES_MAX} bytes")
