"""A device that counts on and on, whoever listens: behind `socket://`, a number a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gatewayd.drill.verdict import Session

HOST = "127.0.0.1"
BURST, PAUSE_S = 2, 0.01
"""200 numbers a second, as a fast meter; beyond 1,000 a channel's times, which differ by a
millisecond at least, would run ahead of the clock."""


class Counter:
    """The device. It never begins anew, so its numbers tell what was lost."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.number = 0
        self.port = 0
        self.burst = BURST
        """Lines said at a time."""
        self.is_speaking = True
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._left = asyncio.Event()

    async def plug_in(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._attend, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def unplug(self) -> None:
        """Cut every connection and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def wait_alone(self) -> None:
        """Return when nobody is spoken to any more; after `unplug` that is a pause."""
        while self._writers:
            self._left.clear()
            await self._left.wait()

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, session = asyncio.get_running_loop(), Session(self.number + 1)
        self.sessions.append(session)
        self._writers.add(writer)
        try:
            with suppress(ConnectionError):
                while not reader.at_eof() and not writer.transport.is_closing():
                    if self.is_speaking:
                        writer.write(b"".join(self._next_line() for _ in range(self.burst)))
                        session.said.append((loop.time(), self.number))
                        await writer.drain()
                    await asyncio.sleep(PAUSE_S)
        finally:
            session.ended_s = loop.time()
            self._writers.discard(writer)
            self._left.set()
            writer.close()

    def _next_line(self) -> bytes:
        self.number += 1
        return b"%d\n" % self.number


@asynccontextmanager
async def counting() -> AsyncIterator[Counter]:
    """Have the device there while the block lasts."""
    counter = Counter()
    await counter.plug_in()
    try:
        yield counter
    finally:
        counter.unplug()
        await counter.wait_alone()
