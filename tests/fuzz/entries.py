"""The entries of the running program, at real sockets where they have one.

Each is opened once and hit with one input after the other, as a stranger would. Whatever is
logged as unexpected is a finding, and so is a peer after whom nobody else is answered.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from gatewayd.console.client import NAME
from gatewayd.console.socket import bind_control, serve_control
from gatewayd.status import surface_of
from gatewayd.transports.broker import open_broker
from gatewayd.transports.broker_host import BrokerLimits, Client
from gatewayd.transports.http_inbox import Posted, Verdict, open_inbox
from gatewayd.transports.listener import open_listener
from gatewayd.transports.mqtt_packets import Connect, Message
from tests.fuzz.target import Run, Target
from tests.gatewayd.console.rooms import Room, open_room

ANSWER_S = 5.0
"""For the next peer to be answered."""

ROUNDS = 30
"""Of the loop, in which the other side lives too, for it to answer. What is no whole request is
not answered; waiting by the clock would be most of what a fuzzer does."""

READ_BYTES = 65536

Hit = Callable[[bytes], Coroutine[Any, Any, None]]
Place = tuple[str, int]

NO_LINGER = struct.pack("ii", 1, 0)


class Alarm(logging.Handler):
    """Remembers what was logged as an error: a traceback that somebody swallowed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)

    def check(self) -> None:
        """Raise what was swallowed since the last time."""
        heard, self.heard = self.heard, []
        for record in heard:
            error = record.exc_info[1] if record.exc_info else None
            raise AssertionError(record.getMessage()) from error


def entry(
    name: str,
    module: str,
    open: Callable[[Path], AbstractAsyncContextManager[Hit]],
    loop: type[asyncio.AbstractEventLoop] | None = None,
    good: bytes = b"",
) -> Target:
    """Return a target that lives in an event loop of its own.

    Args:
        loop: `SimulatedLoop` for what has no sockets; it never waits.
    """

    @contextmanager
    def opened() -> Iterator[Run]:
        alarm = Alarm()
        logging.getLogger().addHandler(alarm)
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop) as runner:
            stack = open(Path(folder))
            hit = runner.run(stack.__aenter__())

            def run(data: bytes) -> None:
                runner.run(_hit(hit, data) if loop is None else hit(data))
                alarm.check()

            try:
                yield run
            finally:
                runner.run(stack.__aexit__(None, None, None))
                logging.getLogger().removeHandler(alarm)

    return Target(name, module, opened, good)


async def _hit(hit: Hit, data: bytes) -> None:
    async with asyncio.timeout(2 * ANSWER_S):
        await hit(data)


async def say(place: Place, data: bytes) -> bytes:
    """Send bytes and return the beginning of what comes back, hanging up without a goodbye."""
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(ANSWER_S):
                await loop.sock_connect(peer, place)
                await loop.sock_sendall(peer, data)
            for _ in range(ROUNDS):
                await asyncio.sleep(0)
                with suppress(BlockingIOError):
                    return peer.recv(READ_BYTES)
    return b""


# The console


@asynccontextmanager
async def _raw_console(folder: Path) -> AsyncIterator[Hit]:
    async with open_room(folder) as room:

        async def hit(data: bytes) -> None:
            told = await say(room.place, data)
            assert not told or told.startswith(b"HTTP/"), told[:80]
            assert b" 500 " not in told[:16], told[:200]

        yield hit


@asynccontextmanager
async def _console(folder: Path) -> AsyncIterator[Hit]:
    """Whole requests: the first byte picks a route, the second a kind of body.

    Then a name and a query, `name?query`, and after a zero byte the body.
    """
    async with open_room(folder) as room:
        doors = _doors(room)

        async def hit(data: bytes) -> None:
            method, path = doors[(data[:1] or b"\0")[0] % len(doors)]
            kind = ("application/json", "text/plain", "")[(data[1:2] or b"\0")[0] % 3]
            text = data[2:].partition(b"\0")
            name, _, query = text[0].decode("latin-1").partition("?")
            path = path.replace("*", name or "x") + (f"?{query}" if query else "")
            headers = {"Content-Type": kind} if kind else {}
            async with asyncio.timeout(ANSWER_S):
                url = room.address.rstrip("/") + path
                try:
                    told = await room.session.request(
                        method, url, data=text[2], headers=headers, allow_redirects=False
                    )
                except ValueError:
                    return  # Such an address cannot be sent.
            assert told.status != 500, await told.text()
            told.close()

        yield hit


def _doors(room: Room) -> list[tuple[str, str]]:
    """Return method and path of every route, `*` where a name stands."""
    from gatewayd.console.http import make_app
    from gatewayd.console.http_events import Events

    surface = surface_of(room.gateway)
    app = make_app(surface, Events(surface), None, {})
    found = []
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else "/"
        if "events" not in path:
            found.append((route.method, path.replace("{device}", "*").replace("{channel}", "*")))
    return sorted({*found, ("POST", "/api/outputs/pump/relay"), ("POST", "/*")})


@asynccontextmanager
async def _control(folder: Path) -> AsyncIterator[Hit]:
    with bind_control(folder, [folder / NAME]) as listener:
        async with open_room(folder) as room:
            serving = asyncio.ensure_future(serve_control(listener, surface_of(room.gateway)))

            async def hit(data: bytes) -> None:
                line = data.replace(b"\n", b" ")
                reader, writer = await asyncio.open_unix_connection(str(folder / NAME))
                writer.write(line + b"\n")
                told = await asyncio.wait_for(reader.readline(), ANSWER_S)
                assert told.startswith(b'{"ok":'), told[:200]
                writer.close()

            try:
                yield hit
            finally:
                serving.cancel()
                with suppress(asyncio.CancelledError):
                    await serving


# What clouds push and training brokers take


@asynccontextmanager
async def _inbox(folder: Path) -> AsyncIterator[Hit]:
    from gatewayd.clouds.thingsee.inbound import Ear
    from gatewayd.clouds.thingsee.pushed import Pushes
    from gatewayd.fields import Secret

    guarded = Pushes(Ear("x", (), ()), lambda commands: True, Secret("t"))
    plain = Pushes(Ear("x", (), ()), lambda commands: True, None)

    def take(posted: Posted) -> Verdict:
        guarded.take(posted)
        return plain.take(posted)

    async with open_inbox("127.0.0.1", 0, take) as port:

        async def hit(data: bytes) -> None:
            said, _, body = data.partition(b"\0")
            head = (
                b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: %s\r\nContent-Length: %d\r\n\r\n"
            )
            wanted = said.translate(None, b"\r\n")
            for sent in (data, head % (wanted, len(body)) + body):
                told = await say(("127.0.0.1", port), sent)
                assert b" 500 " not in told[:16], told[:200]

        yield hit


class _Porter:
    """A broker's host that lets everybody do everything."""

    def admit(self, login: Connect) -> int:
        return 0

    def may_publish(self, client: Client, topic: str) -> bool:
        return True

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        return True

    def connected(self, client: Client) -> None: ...

    def subscribed(self, client: Client, pattern: str) -> None: ...

    def received(self, client: Client, message: Message, *, is_duplicate: bool) -> None: ...

    def withheld(self, client: Client, message: Message) -> None: ...

    def disconnected(self, client: Client, reason: str) -> None: ...


CONNECT = bytes.fromhex("101000044d5154540402003c000474657374")


@asynccontextmanager
async def _broker(folder: Path) -> AsyncIterator[Hit]:
    async with open_broker(_Porter(), BrokerLimits()) as broker, open_listener(broker, 0) as door:

        async def hit(data: bytes) -> None:
            await say(("127.0.0.1", door.port), data)
            await say(("127.0.0.1", door.port), CONNECT + data)

        yield hit


GOOD = {
    "console raw": b"POST /api/outputs/pump/relay HTTP/1.1\r\nHost: localhost\r\n"
    b'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"value": false}',
    "console requests": b'\x07\0pump?a=1\0{"value": true}',
}


def entry_targets() -> list[Target]:
    """Return the entries."""
    opens: dict[str, tuple[str, Any]] = {
        "console raw": ("gatewayd.console.http", _raw_console),
        "console requests": ("gatewayd.console.http_api", _console),
        "control socket": ("gatewayd.console.socket", _control),
        "push listener": ("gatewayd.clouds.thingsee.pushed", _inbox),
        "broker": ("gatewayd.transports.mqtt_packets", _broker),
    }
    return [
        entry(name, module, open, good=GOOD.get(name, b""))
        for name, (module, open) in opens.items()
    ]
