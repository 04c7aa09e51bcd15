"""A door before a server: what knocks is let through, kept waiting, or finds nobody.

Characteristics: in and out TCP connections · buffered 64 KiB each way · while it is hung whoever
comes is accepted and nothing moves, and goes on once it is open again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
CHUNK_BYTES = 65536


class Door:
    """The way to one port of the loopback."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._moves = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_empty = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.knocks = 0
        """Connections that were accepted."""

    async def open(self) -> None:
        """Let everything through, also what is waiting."""
        self._moves.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._let_in, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def hang(self) -> None:
        """Accept connections and move nothing, on those that stand neither."""
        self._moves.clear()

    def close(self) -> None:
        """Cut every connection and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        self._moves.set()  # Who waited finds that he is cut.

    async def wait_empty(self) -> None:
        """Return when nobody is connected any more."""
        while self._writers:
            self._is_empty.clear()
            await self._is_empty.wait()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        self._writers.add(writer)
        try:
            await self._moves.wait()
            if writer.is_closing():
                return
            with suppress(OSError):
                back_reader, back_writer = await asyncio.open_connection(HOST, self._behind)
                self._writers.add(back_writer)
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._carry(reader, back_writer))
                        tasks.create_task(self._carry(back_reader, writer))
                finally:
                    self._writers.discard(back_writer)
                    back_writer.transport.abort()
        finally:
            self._writers.discard(writer)
            self._is_empty.set()
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way until that side ends, which the other one is told."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await self._moves.wait()
                writer.write(chunk)
                await writer.drain()
            await self._moves.wait()
            writer.write_eof()


@asynccontextmanager
async def door_to(port: int) -> AsyncIterator[Door]:
    """Put an open door before a port."""
    door = Door(port)
    await door.open()
    try:
        yield door
    finally:
        door.close()
        await door.wait_empty()
