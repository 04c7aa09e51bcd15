"""Connections that say nothing, too many of them, and TLS of the console, at real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gatewayd.config.settings import Console
from gatewayd.console import http_listener
from gatewayd.console.http import COOKIE, open_console
from gatewayd.console.http_listener import CONNECTIONS_MAX
from gatewayd.errors import GatewayError
from gatewayd.fields import Secret
from gatewayd.status import surface_of
from tests.gatewayd.console.rooms import PASSWORD, Room, open_room
from tests.mosquitto import Certificates, make_certificates

WAIT_S = 5.0


@asynccontextmanager
async def open_secure(folder: Path) -> AsyncIterator[tuple[Room, Certificates]]:
    """Open a console that speaks HTTPS."""
    made = make_certificates(folder)
    console = Console(
        listen="127.0.0.1:0",
        password=Secret(PASSWORD),
        certificate_file=made.certificate_file,
        key_file=made.key_file,
    )
    async with (
        open_room(folder) as room,
        open_console(console, surface_of(room.gateway)) as room.address,
    ):
        yield room, made


def trust(made: Certificates) -> ssl.SSLContext:
    """Trust the tests' own authority, which lacks what Python 3.13 asks of an authority."""
    context = ssl.create_default_context(cafile=made.ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def place(room: Room) -> tuple[str, int]:
    host, _, port = room.address.removeprefix("https://").strip("/").rpartition(":")
    return host, int(port)


async def test_the_password_crosses_the_network_by_tls(tmp_path: Path) -> None:
    """The session's cookie then never leaves it either."""
    async with open_secure(tmp_path) as (room, made):
        assert room.address.startswith("https://")
        trusting = trust(made)
        login = {"password": PASSWORD}
        async with room.session.post(
            room.address + "api/login", json=login, ssl=trusting
        ) as answer:
            assert answer.status == 200
            assert "Secure" in answer.headers["Set-Cookie"]
            assert COOKIE in answer.headers["Set-Cookie"]
        assert await room.get("api/status", ssl=trusting)


async def test_nothing_is_said_in_the_clear(tmp_path: Path) -> None:
    """Whoever asks so is hung up on, and the next is answered."""
    async with open_secure(tmp_path) as (room, made):
        with pytest.raises(aiohttp.ClientError):
            await room.session.get(room.address.replace("https", "http") + "healthz")
        trusting = trust(made)
        assert await room.get("healthz", ssl=trusting)


async def test_tls_before_1_2_is_refused(tmp_path: Path) -> None:
    """By the handshake, whatever the browser would put up with."""
    async with open_secure(tmp_path) as (room, made):
        old = trust(made)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError):  # How it ends depends on OpenSSL.
            await asyncio.open_connection(*place(room), ssl=old)


async def test_strangers_who_shake_no_hands_take_no_places_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count like the others, further ones are closed at once, and their time is short."""
    monkeypatch.setattr(http_listener, "HANDSHAKE_S", 0.5)
    async with open_secure(tmp_path) as (room, made):
        silent = [await asyncio.open_connection(*place(room)) for _ in range(CONNECTIONS_MAX)]
        reader, writer = await asyncio.open_connection(*place(room))
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                assert not await reader.read()
            writer.close()
            for each, its_writer in silent:
                with contextlib.suppress(ConnectionError):
                    await each.read()
                its_writer.close()
        trusting = trust(made)
        assert await room.get("healthz", ssl=trusting)


async def test_a_certificate_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    """The rest of the gateway goes on; the console is tried again."""
    (tmp_path / "x.pem").write_text("no PEM")
    console = Console(listen="127.0.0.1:0", certificate_file=tmp_path / "x.pem")
    async with open_room(tmp_path) as room:
        with pytest.raises(GatewayError, match=r"cannot use .*x\.pem"):
            async with open_console(console, surface_of(room.gateway)):
                pass


async def test_a_head_that_comes_by_drops_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slowloris: a byte now and then does not prolong the time for a whole request."""
    from gatewayd.console import http

    monkeypatch.setattr(http, "IDLE_S", 0.5)
    async with open_room(tmp_path) as room:
        reader, writer = await asyncio.open_connection(*room.place)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        begin_s = asyncio.get_running_loop().time()
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and asyncio.get_running_loop().time() < begin_s + WAIT_S:
                writer.write(b"X: 1\r\n")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await reader.read(1)
        writer.close()
        assert asyncio.get_running_loop().time() < begin_s + WAIT_S
