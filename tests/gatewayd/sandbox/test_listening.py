"""The ports of a sandbox, plain and with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.sandbox.listening import open_listeners
from gatewayd.sandbox.settings import ListenSettings
from gatewayd.sandbox.tls import Tls, tls_for

PORTS = (1883, 8883)


class Greeter:
    """Says hello and hangs up."""

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()


async def greeting(port: int, context: ssl.SSLContext | None = None) -> bytes:
    """Return what is said on a port."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        said = await reader.read()
        writer.close()
    return said


async def test_the_plain_port_comes_first_then_that_with_tls(tmp_path: Path) -> None:
    """Both lead to the same attendant."""
    settings = ListenSettings(ports=0, state_dir=tmp_path)
    tls = tls_for(settings, SystemClock())
    trusting = ssl.create_default_context(cafile=tls.ca_file)
    async with open_listeners(Greeter(), settings, tls, PORTS) as (plain, safe):
        assert await greeting(plain.port) == b"hello"
        assert await greeting(safe.port, trusting) == b"hello"


async def test_without_a_certificate_there_is_the_plain_port_alone() -> None:
    """None that refuses everybody."""
    async with open_listeners(Greeter(), ListenSettings(ports=0), Tls(), PORTS) as listeners:
        assert len(listeners) == 1


async def test_a_taken_tls_port_closes_the_plain_one_again() -> None:
    """OSError, and nothing stays open."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        ports = (free.getsockname()[1], taken.getsockname()[1])
        free.close()
        with pytest.raises(OSError, match="in use"):
            async with open_listeners(Greeter(), ListenSettings(), Tls(context), ports):
                pass
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", ports[0]))
