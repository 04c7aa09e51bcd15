"""The subscription as this gateway itself answers it: what changes, to whoever listens.

One JSON text at a time, each of them a chunk: `subscribed`, then an array for what came since the
last look, `{}` after so much silence. Readings are told with their time and whole, several of a
channel too; who reads slowly finds what the board still has of them.

Characteristics: in the board's posts, writes · out JSON texts of about `WRITE_BYTES_MAX` at the
most · buffered `WAITING_MAX` writes a listener · when full the oldest goes · ordered by time
within a text · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import orjson

from gatewayd.board import Board
from gatewayd.clouds.thethingsio.codec import WRITE_BYTES_MAX, Entry, encode_entry, encode_push
from gatewayd.clouds.thethingsio.local_view import View
from gatewayd.clouds.thethingsio.stream import KEEP_ALIVE, SUBSCRIBED

PAUSE_S = 0.25
"""Between two looks at the board: as quick as an eye follows a figure."""

WAITING_MAX = 100
"""Writes and their outcomes that wait for one slow listener."""


@dataclass(eq=False, slots=True)
class _Listener:
    """One open stream."""

    writes: deque[bytes] = field(default_factory=lambda: deque(maxlen=WAITING_MAX))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


class Subscriptions:
    """Everybody who listens to this thing."""

    def __init__(self, view: View, board: Board) -> None:
        self._view = view
        self._board = board
        self._listeners: set[_Listener] = set()

    def tell(self, entries: Sequence[Entry]) -> None:
        """Tell everybody what was written."""
        text = encode_push(entries)
        for listener in self._listeners:
            listener.writes.append(text)
            listener.arrived.set()

    async def listen(self, keep_alive_s: float) -> AsyncGenerator[bytes, None]:
        """Yield what one listener is told, for as long as he listens."""
        now_s = asyncio.get_running_loop().time
        with self._joined() as listener:
            seen = self._view.seen()
            yield SUBSCRIBED
            end_s = now_s() + keep_alive_s
            while True:
                is_silent = await _is_silent(listener, end_s)
                texts = [*listener.writes, *texts_of(self._view.news(seen))]
                listener.writes.clear()
                if is_silent and not texts:
                    texts = [KEEP_ALIVE]
                for text in texts:
                    yield text
                if texts:
                    end_s = now_s() + keep_alive_s
                await asyncio.sleep(PAUSE_S)

    @contextmanager
    def _joined(self) -> Iterator[_Listener]:
        listener = _Listener()
        self._listeners.add(listener)
        try:
            with self._board.watched(listener.arrived.set):
                yield listener
        finally:
            self._listeners.discard(listener)


async def _is_silent(listener: _Listener, end_s: float) -> bool:
    """Return when something may have come, False, or when it is time to say that nothing has."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(end_s):
            await listener.arrived.wait()
    listener.arrived.clear()
    return asyncio.get_running_loop().time() >= end_s


def texts_of(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield entries as arrays of about `WRITE_BYTES_MAX` at the most, in their order."""
    parts: list[bytes] = []
    size = 0
    for entry in entries:
        part = orjson.dumps(encode_entry(entry))
        if parts and size + len(part) > WRITE_BYTES_MAX:
            yield b"[" + b",".join(parts) + b"]"
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    if parts:
        yield b"[" + b",".join(parts) + b"]"
