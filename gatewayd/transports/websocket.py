"""A WebSocket of an open HTTP session, as a scope: texts out, texts in.

    async with open_websocket(http, Request("GET", "/v1/events", headers), silence_s=60) as socket:
        await socket.send("…")
        async for text in socket.texts():
            …

Characteristics: in texts · out texts · buffered by the system alone · ordered · one event loop
only · not durable. Tries once; nothing reconnects. A server that says nothing is asked whether it
lives (ping), so a silent one is not a dead one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from gatewayd.errors import LinkLost, Malformed
from gatewayd.transports.http import Answer, Http, Request, translated

TEXT_BYTES_MAX = 1024 * 1024
CLOSE_S = 2.0


class Refused(Exception):
    """The server answers with a status instead of a WebSocket; the answer's body is not known."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.answer = Answer(status, {}, b"")


class WebSocket:
    """One open WebSocket."""

    def __init__(self, place: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._place = place
        self._socket = socket

    async def send(self, text: str) -> None:
        """Send a text. Raises LinkLost."""
        with translated(self._place):
            await self._socket.send_str(text)

    async def texts(self) -> AsyncIterator[str]:
        """Yield what the server says, until it closes properly; for one consumer.

        Raises:
            LinkLost: the connection was cut, or the server answers no ping.
            Malformed: it does not speak in texts.
        """
        while True:
            with translated(self._place):
                message = await self._socket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    yield message.data
                case aiohttp.WSMsgType.CLOSE | aiohttp.WSMsgType.CLOSING:
                    return
                case aiohttp.WSMsgType.CLOSED | aiohttp.WSMsgType.ERROR:
                    raise LinkLost(f"{self._place}: the WebSocket was cut")
                case _:
                    raise Malformed(f"{self._place} does not speak in texts")


@asynccontextmanager
async def open_websocket(
    http: Http, request: Request, silence_s: float
) -> AsyncIterator[WebSocket]:
    """Open a WebSocket; it is closed when the block ends.

    Args:
        silence_s: after half of it without a word the server is pinged; without an answer it is
            lost.

    Raises:
        Refused: the server answers with another status.
        LinkLost, LinkDenied: as for `Http.send`.
    """
    with translated(http.place):
        try:
            socket = await http.session.ws_connect(
                http.url_of(request),
                headers=request.headers,
                heartbeat=silence_s / 2,
                max_msg_size=TEXT_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise Refused(error.status) from error
    try:
        yield WebSocket(http.place, socket)
    finally:
        await socket.close()
