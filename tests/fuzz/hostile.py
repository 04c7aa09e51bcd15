"""What a server answers to us: any bytes, over real sockets, to each kind of client that we are."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gatewayd.errors import LinkError, Malformed
from gatewayd.transports.http import HttpSettings, Request, open_http
from gatewayd.transports.mqtt import MqttSettings, Version, open_mqtt
from gatewayd.transports.websocket import Refused, open_websocket
from tests.fuzz.entries import READ_BYTES, Hit, entry
from tests.fuzz.target import Target

BODY_BYTES_MAX = 64 * 1024
"""An answer that unpacks to more is refused; the fuzzer makes its bombs of four kilobytes."""

SILENCE_S = 5.0

UPGRADED = b"\r\n".join(
    (
        b"HTTP/1.1 101 x",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: %s",
        b"\r\n",
    )
)
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""

KEY = re.compile(rb"(?i)sec-websocket-key: *(\S+)")

LET_IN = {Version.V311: b"\x20\x02\0\0", Version.V5: b"\x20\x03\0\0\0"}

GET = Request("GET", "/x")


class Server:
    """Says to whoever connects what it is told to say, and hangs up."""

    def __init__(self) -> None:
        self.says = b""
        self.greets: Callable[[bytes], bytes] = lambda asked: b""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[int]:
        """Listen, on the port that it yields."""
        server = await asyncio.start_server(self._attend, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(self.greets(await reader.read(READ_BYTES)) + self.says)
            await writer.drain()
            writer.write_eof()
            await reader.read(READ_BYTES)
        writer.close()


@asynccontextmanager
async def _http(folder: Path) -> AsyncIterator[Hit]:
    server = Server()
    async with server.opened() as port:
        settings = HttpSettings(base_url=f"http://127.0.0.1:{port}", body_bytes_max=BODY_BYTES_MAX)

        async def hit(data: bytes) -> None:
            server.says = data
            async with open_http(settings) as http:
                await _is_told(http.send(GET))

                async def listen() -> None:
                    async with http.stream(GET, SILENCE_S) as stream:
                        async for _ in stream.chunks():
                            pass

                await _is_told(listen())

        yield hit


@asynccontextmanager
async def _websocket(folder: Path) -> AsyncIterator[Hit]:
    server = Server()
    server.greets = _upgrade
    async with server.opened() as port:
        settings = HttpSettings(base_url=f"http://127.0.0.1:{port}")

        async def hit(data: bytes) -> None:
            server.says = data

            async def listen() -> None:
                async with open_http(settings) as http:
                    with suppress(Refused):
                        async with open_websocket(http, GET, SILENCE_S) as socket:
                            async for text in socket.texts():
                                text.encode()

            await _is_told(listen())

        yield hit


def _upgrade(asked: bytes) -> bytes:
    """Return the answer to a WebSocket's request."""
    found = KEY.search(asked)
    digest = hashlib.sha1((found[1] if found else b"") + GUID, usedforsecurity=False)
    return UPGRADED % base64.b64encode(digest.digest())


@asynccontextmanager
async def _mqtt(folder: Path) -> AsyncIterator[Hit]:
    """The last byte says which MQTT, and whether the broker lets us in first."""
    server = Server()
    async with server.opened() as port:

        async def hit(data: bytes) -> None:
            way = data[-1] if data else 0
            version = Version.V5 if way & 1 else Version.V311
            server.greets = (lambda asked: b"") if way & 2 else (lambda asked: LET_IN[version])
            server.says = data[:-1]
            settings = MqttSettings(
                host="127.0.0.1", port=port, client_id="x", version=version, inbox_max=4
            )

            async def listen() -> None:
                async with open_mqtt(settings) as session:
                    async for message in session.messages():
                        message.topic.encode()

            await _is_told(listen())

        yield hit


async def _is_told(deed: Awaitable[object]) -> None:
    """Do something that a hostile server may end: in its time, and with a sentence."""
    try:
        await deed
    except (LinkError, Malformed) as error:
        assert str(error), "an error without a word"


def hostile_targets() -> list[Target]:
    """Return the clients."""
    opens = {"http": _http, "websocket": _websocket, "mqtt": _mqtt}
    return [
        entry(f"cloud {name}", f"gatewayd.transports.{name}", open) for name, open in opens.items()
    ]
