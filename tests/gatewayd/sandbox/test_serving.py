"""A sandbox's HTTP server."""

from __future__ import annotations

import asyncio
import socket
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from aiohttp import web

from gatewayd.clock import SystemClock
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.serving import date_answers, open_server


def application() -> web.Application:
    """One page that works, one that does not."""

    async def good(request: web.Request) -> web.Response:
        return web.Response(text="good")

    async def bad(request: web.Request) -> web.Response:
        raise ZeroDivisionError

    app = web.Application()
    app.add_routes([web.get("/good", good), web.get("/bad", bad)])
    return app


async def test_it_serves_on_the_loopback_alone() -> None:
    """On any free port."""
    async with open_server(application(), 0) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/good") as answer:
            assert await answer.text() == "good"
        with socket.socket() as probe:
            probe.bind(("127.0.0.2", port))


async def test_a_taken_port_is_an_error() -> None:
    """OSError."""
    async with open_server(application(), 0) as port:
        with pytest.raises(OSError, match="in use"):
            async with open_server(application(), port):
                pass


@pytest.mark.parametrize(
    "garbage", [b"hello\r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n", b"\x16\x03\x01"]
)
async def test_who_does_not_speak_http_writes_nothing_into_the_log(
    caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    """It is answered 400, and that is that."""
    async with open_server(application(), 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage + b"\r\n\r\n")
        async with asyncio.timeout(5):
            assert b"400" in await reader.readline()
        writer.close()
    assert not caplog.records


async def test_a_fault_of_ours_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback."""
    async with (
        open_server(application(), 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        session.get("/bad") as answer,
    ):
        assert answer.status == 500
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_a_peer_that_leaves_writes_nothing_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is gone before its answer begins; a fault of ours is still told."""
    left = asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        assert request.transport is not None
        request.transport.abort()
        left.set()
        await response.prepare(request)
        await response.write(b"late")
        return response

    app = application()
    app.add_routes([web.get("/late", late)])
    async with open_server(app, 0) as port, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{port}/late")
        assert left.is_set()
        assert not caplog.records
        async with session.get(f"http://127.0.0.1:{port}/bad") as answer:
            assert answer.status == 500
    assert caplog.records


async def test_answers_have_the_clouds_date() -> None:
    """Not the machine's: a cloud whose clock is off dates everything by it."""
    app, clock = application(), MovableClock(SystemClock())
    date_answers(app, clock)
    clock.shift_ms = 3_600_000
    async with (
        open_server(app, 0) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/good") as answer,
    ):
        date = parsedate_to_datetime(answer.headers["Date"])
    assert abs(date.timestamp() * 1000 - clock.now_ms()) < 5000
