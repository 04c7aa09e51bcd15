"""A small HTTP server for pushes, tried with a real client and with raw sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gatewayd.errors import ConfigError
from gatewayd.transports import http_inbox
from gatewayd.transports.http import HttpSettings, Request, open_http
from gatewayd.transports.http_inbox import Posted, Verdict, open_inbox

HOST = "127.0.0.1"


@asynccontextmanager
async def inbox() -> AsyncIterator[tuple[int, list[Posted]]]:
    taken: list[Posted] = []

    def take(posted: Posted) -> Verdict:
        taken.append(posted)
        return Verdict(202, b'{"ok":true}')

    async with open_inbox(HOST, 0, take) as port:
        yield port, taken


async def raw(port: int, request: bytes) -> bytes:
    """Return the first line of the answer to raw bytes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return await reader.readline()
    finally:
        writer.close()


async def test_a_post_is_taken_whole() -> None:
    """Path, headers in lower case, body; the verdict goes back."""
    async with (
        inbox() as (port, taken),
        open_http(HttpSettings(base_url=f"http://{HOST}:{port}")) as http,
    ):
        answer = await http.send(Request("POST", "/any/path", {"X-Key": "k"}, b"[1]"))
    assert (answer.status, answer.body) == (202, b'{"ok":true}')
    assert answer.headers["content-type"].startswith("application/json")
    (posted,) = taken
    assert (posted.path, posted.headers["x-key"], posted.body) == ("/any/path", "k", b"[1]")


async def test_only_posts_are_taken() -> None:
    """Everything else is a 405."""
    async with inbox() as (port, taken):
        assert b"405" in await raw(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not taken


async def test_a_body_that_is_too_large_is_not_read() -> None:
    """Whatever it says of its length."""
    size = http_inbox.BODY_BYTES_MAX + 1
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    async with inbox() as (port, taken):
        assert b"413" in await raw(port, head + bytes(size))
    assert not taken


async def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow sender has its time and no more."""
    monkeypatch.setattr(http_inbox, "BODY_S", 0.1)
    async with inbox() as (port, taken):
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[1"
        assert b"408" in await raw(port, head)
    assert not taken


async def test_nonsense_harms_nothing() -> None:
    """The next request is taken."""
    async with inbox() as (port, taken):
        assert b"400" in await raw(port, b"\x00\xffnonsense\r\n\r\n")
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]"
        assert b"202" in await raw(port, head)
    assert len(taken) == 1


async def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes too late is told to come again."""
    monkeypatch.setattr(http_inbox, "REQUESTS_MAX", 1)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
    async with inbox() as (port, _):
        slow = await asyncio.open_connection(HOST, port)
        slow[1].write(head + b"[")
        async with asyncio.timeout(5):
            while b"503" not in await raw(port, head + b"[]"):
                pass
        slow[1].close()


async def test_an_address_that_is_taken_is_told() -> None:
    """The owner must choose another."""
    async with inbox() as (port, _):
        with pytest.raises(ConfigError, match="cannot listen"):
            async with open_inbox(HOST, port, lambda _: Verdict(200, b"")):
                pass
