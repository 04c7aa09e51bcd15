"""Opening a sandbox: ports, TLS, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from gatewayd.clouds.thinger.codec import Dialect
from gatewayd.clouds.thinger.sandbox import SandboxSettings, open_sandbox
from tests.clouds.thinger.device import CREDENTIALS, DEVICE, open_device

WORLD = {"devices": [{"device": DEVICE, "credentials": CREDENTIALS}]}
FREE = SandboxSettings(ports=0, tls=False)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_tls_is_served_with_a_certificate_of_its_own(
    tmp_path: Path, dialect: Dialect
) -> None:
    """A client that trusts the CA gets in, verified by name; statistics know of it."""
    async with open_sandbox(SandboxSettings(ports=0, state_dir=tmp_path)) as sandbox:
        sandbox.provision(WORLD)
        context = ssl.create_default_context(cafile=sandbox.ca_file)
        port = sandbox.sockets_tls[dialect].port
        async with open_device(port, dialect=dialect, tls=context) as device:
            assert device.answers[0].is_ok
            assert sandbox.world.accounts["sandbox"].devices[DEVICE].is_secure


async def test_tls_refuses_who_does_not_trust_it(tmp_path: Path) -> None:
    """The certificate is of an authority that nobody else knows."""
    async with open_sandbox(SandboxSettings(ports=0, state_dir=tmp_path)) as sandbox:
        strangers = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", sandbox.socket_tls_port, ssl=strangers)


async def test_it_listens_on_the_loopback_only() -> None:
    """Every listener is bound to 127.0.0.1."""
    async with open_sandbox(FREE) as sandbox:
        ports = (sandbox.socket_port, sandbox.iotmp_port, sandbox.mqtt_port, sandbox.rest_port)
        for port in ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.2", port))


async def test_it_ends_with_devices_still_connected() -> None:
    """They are cut, a hanging socket too; nothing keeps the block open."""
    async with asyncio.timeout(5):
        async with open_sandbox(FREE) as sandbox:
            sandbox.provision(WORLD)
            reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.socket_port)
            sandbox.sockets.hang(is_hung=True)
        with pytest.raises(ConnectionError):
            writer.write(b"x")
            await writer.drain()
            if await reader.read() == b"":
                raise ConnectionResetError
        writer.close()


async def test_what_fails_inside_comes_out_as_it_is() -> None:
    """Not wrapped into a group."""
    with pytest.raises(ZeroDivisionError):
        async with open_sandbox(FREE):
            raise ZeroDivisionError
