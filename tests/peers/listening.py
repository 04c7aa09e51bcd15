"""A listener whose connections end with its block, however whoever attends to them behaves."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Attend = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Looks after one connection; it is cut when this returns."""

QUIET_PORTS = (10_000, 32_000)
"""Below those from which the kernel gives to whoever connects (from 32,768 on)."""


@asynccontextmanager
async def listening(
    attend: Attend, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Yield a free port where everybody who connects is attended to."""
    connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = asyncio.current_task()
        try:
            await attend(reader, writer)
        finally:
            connections[writer] = None
            writer.close()

    server = await asyncio.start_server(one, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        tasks = [task for task in connections.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in connections:
            writer.transport.abort()  # Also where something unsent holds it open.
        await asyncio.sleep(0)  # The loop lets go of them in its next turn.


async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Attend without a word, for as long as there is a listener."""
    await asyncio.Event().wait()


def free_port() -> int:
    """Return a port that nobody listens on, of those that the kernel gives to no caller.

    So it is still free when a program that was started with it comes to listen.
    """
    while True:
        port = random.randrange(*QUIET_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
