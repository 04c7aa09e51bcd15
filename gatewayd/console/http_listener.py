"""Connections to the HTTP console: so many and no more, in the clear or by TLS.

Strategy: connections are accepted here and handed to the server one by one, because only so can
those be counted that are still shaking hands: a stranger who opens a thousand and says nothing
gets no further than one who asks politely.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from gatewayd.config.settings import Console
from gatewayd.console.http_guard import split_address
from gatewayd.errors import GatewayError
from gatewayd.transports.tls import tell

CONNECTIONS_MAX = 64
"""16 streams and what a handful of browsers and scrapers keep open beside them."""

STUCK_S = 30.0
"""For a reader to take anything at all before the kernel gives it up."""

HANDSHAKE_S = 5.0
"""For TLS; the slowest browser on the slowest Pi needs one."""

BACKLOG = 100
"""What the kernel holds until the loop turns again."""

EXHAUSTED_S = 1.0
"""Until the next try, when the process has no file descriptor left."""


@asynccontextmanager
async def listening(runner: web.AppRunner, console: Console) -> AsyncIterator[str]:
    """Accept connections for a runner while the block lasts; yields the page's address.

    Raises:
        GatewayError: the address cannot be listened on, or the certificate cannot be used.
    """
    listen, server = str(console.listen), runner.server
    assert server is not None
    tls = make_tls(console)
    host, port = split_address(listen)
    with ExitStack() as stack:
        try:
            found = await _resolve(host, port)
            listeners = [stack.enter_context(_bind(*each)) for each in found]
        except OSError as error:
            reason = error.strerror or str(error)
            raise GatewayError(f"the console cannot listen on {listen}: {reason}") from error
        port = listeners[0].getsockname()[1]
        place = f"[{host}]" if ":" in host else host
        async with asyncio.TaskGroup() as group:
            door = _Door(server, tls, group)
            tasks = [group.create_task(door.accept(each)) for each in listeners]
            try:
                yield f"{'https' if tls else 'http'}://{place}:{port}/"
            finally:
                for task in (*tasks, *door.arriving):
                    task.cancel()


def make_tls(console: Console) -> ssl.SSLContext | None:
    """Return how the console proves itself, None where it speaks in the clear.

    Raises:
        GatewayError: the files cannot be used.
    """
    if console.certificate_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(console.certificate_file, console.key_file)
    except OSError as error:  # ssl.SSLError is one too.
        sentence = f"the console cannot use {console.certificate_file}: {tell(error)}"
        raise GatewayError(sentence) from error
    return context


@dataclass(slots=True)
class _Door:
    server: web.Server
    tls: ssl.SSLContext | None
    group: asyncio.TaskGroup
    arriving: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, listener: socket.socket) -> None:
        """Take who comes, until cancelled; whoever is too many is sent away."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(listener)
            except ConnectionError:
                continue  # It left before it was there.
            except OSError:
                await asyncio.sleep(EXHAUSTED_S)
                continue
            if len(self.server.connections) + len(self.arriving) >= CONNECTIONS_MAX:
                peer.close()
                continue
            task = self.group.create_task(self._welcome(peer))
            self.arriving.add(task)
            task.add_done_callback(self.arriving.discard)

    async def _welcome(self, peer: socket.socket) -> None:
        limit_s = HANDSHAKE_S if self.tls else None
        # OSError: it left, or it speaks no TLS; nothing is owed to it.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self.server, peer, ssl=self.tls, ssl_handshake_timeout=limit_s
            )


Found = tuple[socket.AddressFamily, tuple[object, ...]]


async def _resolve(host: str, port: int) -> list[Found]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, place) for family, *_, place in found))


def _bind(family: socket.AddressFamily, place: tuple[object, ...]) -> socket.socket:
    """Return a listener. Raises OSError."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # What it accepts inherits it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STUCK_S * 1000))
        listener.bind(place)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
