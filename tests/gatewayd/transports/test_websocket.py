"""A WebSocket against servers that speak, hang up, refuse, and fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gatewayd.errors import LinkLost, Malformed
from gatewayd.transports.http import HttpSettings, Request, open_http
from gatewayd.transports.websocket import Refused, WebSocket, open_websocket

WAIT_S = 5.0
Script = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def against(script: Script, silence_s: float = 10.0) -> AsyncIterator[WebSocket]:
    """Open a WebSocket to a server that follows the script."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer word":
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(autoping=silence_s >= 1)
        await socket.prepare(request)
        await script(socket)
        return socket

    app = web.Application()
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings = HttpSettings(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
        request = Request("GET", "/ws", {"Authorization": "Bearer word"})
        async with (
            asyncio.timeout(WAIT_S),
            open_http(settings) as http,
            open_websocket(http, request, silence_s) as socket,
        ):
            yield socket
    finally:
        await runner.cleanup()


async def test_texts_go_both_ways_until_the_server_ends() -> None:
    """In order."""

    async def echo(socket: web.WebSocketResponse) -> None:
        for _ in range(2):
            await socket.send_str((await socket.receive_str()).upper())
        await socket.close()

    async with against(echo) as socket:
        await socket.send("one")
        await socket.send("two")
        assert [text async for text in socket.texts()] == ["ONE", "TWO"]


async def test_a_cut_is_a_lost_link() -> None:
    """Not an end: something was missed."""

    async def cut(socket: web.WebSocketResponse) -> None:
        await socket.send_str("one")
        transport = socket._req.transport if socket._req else None
        assert transport is not None
        transport.abort()

    async with against(cut) as socket:
        texts = socket.texts()
        with pytest.raises(LinkLost):
            while await anext(texts):
                pass


async def test_a_server_that_answers_no_ping_is_lost() -> None:
    """After the silence that was allowed."""

    async def sleep(socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(WAIT_S)

    async with against(sleep, silence_s=0.2) as socket:
        with pytest.raises(LinkLost):
            await anext(socket.texts())


async def test_bytes_are_no_texts() -> None:
    """Malformed."""

    async def speak(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x00")
        await socket.receive()

    async with against(speak) as socket:
        with pytest.raises(Malformed):
            await anext(socket.texts())


async def test_a_refusal_has_its_status(unused_tcp_port: int) -> None:
    """And nobody there is a lost link."""
    settings = HttpSettings(base_url=f"http://127.0.0.1:{unused_tcp_port}")
    async with open_http(settings) as http:
        with pytest.raises(LinkLost):
            async with open_websocket(http, Request("GET", "/ws"), 10):
                pass
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = HttpSettings(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with open_http(settings) as http:
        with pytest.raises(Refused) as caught:
            async with open_websocket(http, Request("GET", "/ws"), 10):
                pass
    await runner.cleanup()
    assert caught.value.answer.status == 404
