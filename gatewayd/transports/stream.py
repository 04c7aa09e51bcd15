"""A TCP or TLS byte stream as a scope: bytes in, bytes out, and its end said once.

    async with open_stream(settings, receiver) as stream:
        await stream.send(b"…")

Strategy: the receiver is called for every piece that arrives, in the turn of the loop in which
it arrives; no task reads. Whoever cannot read the bytes raises `Malformed`, which ends the
connection. Nothing reconnects.

Characteristics: in bytes · out bytes · buffered `unsent_bytes_max` that the peer has not taken ·
when full the connection is lost (`write`) or the sender waits (`send`) · ordered · event loop
only · not durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from gatewayd.errors import LinkDenied, LinkLost, Malformed
from gatewayd.transports.tls import Tls, is_distrusted, is_no_tls, make_context, tell

CLOSE_S = 2.0
"""How long what was written last, and TLS's goodbye, may take. A stop of the whole gateway has
10 s for everything."""

PAUSE_BYTES = 64 * 1024
"""Unsent bytes from which on `send` waits; they are more than a second on a thin line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """One connection.

    Attributes:
        tls: None = plain TCP.
        open_timeout_s: for all of it, from the name's resolution to the end of TLS's handshake.
        send_timeout_s: a peer that takes nothing for so long is gone.
        unsent_bytes_max: a peer that asks and asks but does not read may cost so much memory.
    """

    host: str
    port: int
    tls: Tls | None = None
    open_timeout_s: float = 15.0
    send_timeout_s: float = 10.0
    unsent_bytes_max: int = 512 * 1024


class Receiver(Protocol):
    """Who is told what happens; always in a turn of the event loop of its own."""

    def on_bytes(self, data: bytes) -> None:
        """Take a piece of what the peer says; raises Malformed to end the connection."""
        ...

    def on_lost(self, reason: str) -> None:
        """Take the end of the connection; called once."""
        ...


@asynccontextmanager
async def open_stream(settings: StreamSettings, receiver: Receiver) -> AsyncIterator[ByteStream]:
    """Connect once; on leaving, what was written is sent off and the connection closed.

    Raises:
        LinkLost: no network, nobody there, no answer in time, or a clock that is behind the
            certificate's dates.
        LinkDenied: the server's certificate is not trusted.
        ConfigError: a certificate file cannot be read.
    """
    loop = asyncio.get_running_loop()
    place = f"{settings.host}:{settings.port}"
    context = None
    if settings.tls:
        context = await loop.run_in_executor(None, make_context, settings.tls)
    try:
        async with asyncio.timeout(settings.open_timeout_s):
            _, stream = await loop.create_connection(
                lambda: ByteStream(settings, receiver), settings.host, settings.port, ssl=context
            )
    except TimeoutError as error:
        sentence = f"{place} did not answer within {settings.open_timeout_s:g} s"
        raise LinkLost(sentence) from error
    except OSError as error:
        kind = LinkDenied if is_distrusted(error) else LinkLost
        hint = " (is this the TLS port?)" if settings.tls and is_no_tls(error) else ""
        raise kind(f"{place}: {tell(error)}{hint}") from error
    try:
        yield stream
    finally:
        await stream.close()


class ByteStream(asyncio.Protocol):
    """One open connection."""

    def __init__(self, settings: StreamSettings, receiver: Receiver) -> None:
        self._settings = settings
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._closed = asyncio.Event()
        self._reason = ""
        self.is_ended = False
        """Whether the peer closed the connection in an orderly way."""

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return bool(self._reason)

    @property
    def has_room(self) -> bool:
        """Whether a `write` now would be on its way at once."""
        return self._has_room.is_set() and not self.is_lost

    def check(self) -> None:
        """Raise LinkLost if the connection is gone."""
        if self._reason:
            raise LinkLost(self._reason)

    def write(self, data: bytes) -> None:
        """Send bytes without waiting, for an answer to what has just arrived.

        Raises:
            LinkLost: the connection is gone, or the peer has not read for too long.
        """
        self.check()
        assert self._transport is not None
        unsent = self._transport.get_write_buffer_size() + len(data)
        if unsent > self._settings.unsent_bytes_max:
            self.lose(f"the peer does not read: {unsent} bytes wait")
            self.check()
        self._transport.write(data)

    async def send(self, data: bytes) -> None:
        """Send bytes when the peer takes them.

        Raises:
            LinkLost: the connection is gone, or the peer has not read for too long.
        """
        timeout_s = self._settings.send_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_room.wait()
        except TimeoutError:
            self.lose(f"the peer took nothing for {timeout_s:g} s")
        self.write(data)

    def lose(self, reason: str) -> None:
        """Give the connection up and tell the receiver; the first reason stays."""
        if self._reason:
            return
        self._reason = reason
        self._has_room.set()
        if self._transport is not None:
            self._transport.abort()
        self._receiver.on_lost(reason)

    async def close(self) -> None:
        """Send off what was written, within `CLOSE_S`, and close."""
        if self._transport is None:
            return
        try:
            if not self._reason:
                self._reason = "connection closed"
                self._transport.close()
                async with asyncio.timeout(CLOSE_S):
                    await self._closed.wait()
        except TimeoutError:
            pass
        finally:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(PAUSE_BYTES)

    def data_received(self, data: bytes) -> None:
        """Hand a piece on; what cannot be read ends the connection."""
        if self._reason:
            return
        try:
            self._receiver.on_bytes(data)
        except Malformed as error:
            self.lose(f"the peer breaks the protocol: {error}")

    def eof_received(self) -> None:
        """Note that the peer has nothing more to say; asyncio closes then."""
        self.is_ended = True

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the receiver why it is over."""
        self._closed.set()
        self.lose(f"connection lost: {tell(error)}" if error else "the peer closed the connection")

    def pause_writing(self) -> None:
        """Note that the peer is slow."""
        self._has_room.clear()

    def resume_writing(self) -> None:
        """Note that the peer has caught up."""
        self._has_room.set()
