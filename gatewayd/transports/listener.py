"""Loopback ports on which somebody of ours attends to connections: a broker, a sandbox's server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol


class Attendant(Protocol):
    """Who is there when somebody connects."""

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends, and close it."""
        ...


class Listener:
    """A loopback port that can be shut and opened again under the same number."""

    def __init__(self, attendant: Attendant, port: int, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self._attendant = attendant
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listen. Raises OSError: the port is taken."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._attendant.attend, "127.0.0.1", self.port, ssl=self._tls
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Refuse new connections; those that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None


@asynccontextmanager
async def open_listener(
    attendant: Attendant, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """Yield an open listener on 127.0.0.1; port 0 takes any free one.

    Raises:
        OSError: the port is taken.
    """
    listener = Listener(attendant, port, tls)
    await listener.open()
    try:
        yield listener
    finally:
        listener.shut()
