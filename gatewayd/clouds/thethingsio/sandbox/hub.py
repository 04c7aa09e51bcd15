"""The streams that stay open: who listens to what, and what goes wrong with them.

One JSON text a chunk, nothing between them, `{}` after `keepAlive` without news (API reference,
thing subscribe; App Development guide, "Subscribe to resource values").
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.clouds.thethingsio.stream import KEEP_ALIVE, SUBSCRIBED

STREAMS_MAX = 256
WAITING_MAX = 10_000
"""Texts that wait for one slow listener; more, and it is cut."""

SPLIT_BYTES = 3


@dataclass(frozen=True, slots=True)
class Written:
    """Somebody wrote to a thing."""

    thing: Thing
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Stored:
    """Somebody stored or changed an object; `shelf` is its collection."""

    shelf: tuple[str, ...]
    document: Mapping[str, Any]


News = Written | Stored
Render = Callable[[News], bytes | None]
"""What a listener gets to see of some news, or None."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscription asks for; `token` is that of the thing it is about, if it is."""

    render: Render
    keep_alive_s: float
    token: str = ""


@dataclass(slots=True)
class StreamFaults:
    """What goes wrong with every stream until it is set back.

    Attributes:
        is_stalled: nothing is sent at all, the connection stays.
        no_keep_alive: news come, keep-alives do not.
        split: every text goes in chunks of three bytes.
        merge: a text waits for the next one and shares its chunk.
    """

    is_stalled: bool = False
    no_keep_alive: bool = False
    split: bool = False
    merge: bool = False


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream. `end` is empty while it lives, then `cut` or `close`."""

    wish: Wish
    texts: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX + 1))
    end: str = ""

    def finish(self, how: str) -> None:
        """End the stream: `close` with a proper end, `cut` without."""
        self.end = self.end or how
        if not self.texts.full():
            self.texts.put_nowait(b"")


class Hub:
    """Brings news to whoever listens."""

    def __init__(self) -> None:
        self.faults = StreamFaults()
        self.listeners: set[Listener] = set()

    def tell(self, news: News) -> int:
        """Hand news to every stream that wants them; return to how many."""
        reached = 0
        for listener in tuple(self.listeners):
            text = listener.wish.render(news)
            if text is None:
                continue
            reached += 1
            if listener.texts.qsize() >= WAITING_MAX:
                listener.finish("cut")
            else:
                listener.texts.put_nowait(text)
        return reached

    def end_all(self, how: str, token: str = "") -> int:
        """End every stream (or those of one token), `cut` or `close`; return how many."""
        listeners = [each for each in self.listeners if token in ("", each.wish.token)]
        for listener in listeners:
            listener.finish(how)
        return len(listeners)

    async def serve(self, request: web.Request, wish: Wish) -> web.StreamResponse:
        """Answer a subscription until it ends."""
        response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
        response.enable_chunked_encoding()
        with self._listening(wish) as listener:
            await response.prepare(request)
            sender = _Sender(response, self.faults)
            await sender.send(SUBSCRIBED)
            while True:
                text = await self._next_text(listener)
                if listener.end:
                    break
                await sender.send(text)
        if listener.end == "cut" and request.transport is not None:
            request.transport.abort()
        return response

    async def _next_text(self, listener: Listener) -> bytes:
        while True:
            try:
                async with asyncio.timeout(listener.wish.keep_alive_s):
                    return await listener.texts.get()
            except TimeoutError:
                if not self.faults.no_keep_alive:
                    return KEEP_ALIVE

    @contextmanager
    def _listening(self, wish: Wish) -> Iterator[Listener]:
        listener = Listener(wish)
        if len(self.listeners) >= STREAMS_MAX:
            listener.finish("close")
        self.listeners.add(listener)
        try:
            yield listener
        finally:
            self.listeners.discard(listener)


class _Sender:
    """Writes texts as chunks, as the faults say."""

    def __init__(self, response: web.StreamResponse, faults: StreamFaults) -> None:
        self._response = response
        self._faults = faults
        self._held = b""

    async def send(self, text: bytes) -> None:
        if self._faults.is_stalled:
            return
        if self._faults.merge and not self._held:
            self._held = text
            return
        text, self._held = self._held + text, b""
        size = SPLIT_BYTES if self._faults.split else len(text)
        for place in range(0, len(text), size):
            await self._response.write(text[place : place + size])
