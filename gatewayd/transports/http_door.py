"""Connections to a server of aiohttp: so many and no more, in the clear or by TLS.

Strategy: connections are accepted here and handed to the server one by one, because only so can
those be counted that are still shaking hands: a stranger who opens a thousand and says nothing
gets no further than one who asks politely.

Characteristics: in connections · `connections_max` of them, further ones are closed at once ·
event loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

BACKLOG = 100
"""What the kernel holds until the loop turns again."""

EXHAUSTED_S = 1.0
"""Until the next try, when the process has no file descriptor left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One address, and what is put up with at it.

    Attributes:
        tls: None = in the clear.
        handshake_s: for TLS; the slowest browser on the slowest Pi needs one second.
        stuck_s: for a reader to take anything at all before the kernel gives it up.
    """

    host: str
    port: int
    connections_max: int
    tls: ssl.SSLContext | None = None
    handshake_s: float = 5.0
    stuck_s: float = 30.0


@asynccontextmanager
async def open_door(server: web.Server, door: Door) -> AsyncIterator[int]:
    """Accept connections for a server while the block lasts; yields the port that it got.

    Raises:
        OSError: the address is taken, or is none of this machine.
    """
    with ExitStack() as stack:
        listeners = [stack.enter_context(_bind(*each, door)) for each in await _resolve(door)]
        async with asyncio.TaskGroup() as group:
            porter = _Porter(server, door, group)
            tasks = [group.create_task(porter.accept(each)) for each in listeners]
            try:
                yield listeners[0].getsockname()[1]
            finally:
                for task in (*tasks, *porter.arriving):
                    task.cancel()


@dataclass(slots=True)
class _Porter:
    server: web.Server
    door: Door
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
            if len(self.server.connections) + len(self.arriving) >= self.door.connections_max:
                peer.close()
                continue
            task = self.group.create_task(self._welcome(peer))
            self.arriving.add(task)
            task.add_done_callback(self.arriving.discard)

    async def _welcome(self, peer: socket.socket) -> None:
        limit_s = self.door.handshake_s if self.door.tls else None
        # OSError: it left, or it speaks no TLS; nothing is owed to it.
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self.server, peer, ssl=self.door.tls, ssl_handshake_timeout=limit_s
            )


Found = tuple[socket.AddressFamily, tuple[object, ...]]


async def _resolve(door: Door) -> list[Found]:
    found = await asyncio.get_running_loop().getaddrinfo(
        door.host, door.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((family, place) for family, *_, place in found))


def _bind(family: socket.AddressFamily, place: tuple[object, ...], door: Door) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # What it accepts inherits it.
        stuck_ms = int(door.stuck_s * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stuck_ms)
        listener.bind(place)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
