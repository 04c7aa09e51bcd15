"""Opening a sandbox: ports, TLS, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.sandbox import SandboxSettings, open_sandbox
from tests.clouds.thingplus.sandbox.device import BASE
from tests.clouds.thingplus.sandbox.scene import GW, WORLD, login
from tests.mqtt_peer import mqtt_peer

FREE = SandboxSettings(ports=0, tls=False)


def free_offset() -> int:
    """Return an offset whose ports are free now, and below those that the kernel hands out."""
    for offset in random.sample(range(5_000, 15_000), 500):
        with socket.socket() as rest, socket.socket() as mqtt, contextlib.suppress(OSError):
            rest.bind(("127.0.0.1", 13000 + offset))
            mqtt.bind(("127.0.0.1", 11883 + offset))
            return offset
    raise AssertionError("no ports are free")


async def test_tls_is_served_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    """A client that trusts the CA gets in, verified by name."""
    async with open_sandbox(SandboxSettings(ports=0, state_dir=tmp_path)) as sandbox:
        sandbox.provision(WORLD)
        assert sandbox.mqtt_tls_port is not None
        who = login(ca_file=sandbox.ca_file)
        async with mqtt_peer(sandbox.mqtt_tls_port, who) as peer:
            await peer.publish(f"{BASE}/status", "on,90")
        assert sandbox.world.gateways[GW].status is not None


async def test_tls_refuses_who_does_not_trust_it(tmp_path: Path) -> None:
    """The certificate is of an authority that nobody else knows."""
    async with open_sandbox(SandboxSettings(ports=0, state_dir=tmp_path)) as sandbox:
        strangers = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", sandbox.mqtt_tls_port, ssl=strangers)


async def test_without_tls_it_says_so() -> None:
    """No port, no file, a reason."""
    async with open_sandbox(FREE) as sandbox:
        assert (sandbox.mqtt_tls_port, sandbox.ca_file) == (None, None)
        assert sandbox.describe()["tls"] == "switched off"


async def test_it_listens_on_the_usual_ports_moved_by_the_offset() -> None:
    """11883 and 13000, and 18883 with TLS."""
    settings = SandboxSettings(port_offset=31_000)
    assert [settings.port(usual) for usual in (11883, 18883, 13000)] == [42883, 49883, 44000]


async def test_it_listens_on_the_loopback_only() -> None:
    """Every listener is bound to 127.0.0.1."""
    async with open_sandbox(FREE) as sandbox:
        for port in (sandbox.mqtt_port, sandbox.rest_port):
            with socket.socket() as probe:
                probe.bind(("127.0.0.2", port))


async def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    """OSError; the other listeners are closed again."""
    offset = free_offset()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 13000 + offset))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with open_sandbox(SandboxSettings(port_offset=offset, tls=False)):
                pass
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 11883 + offset))


async def test_what_fails_inside_comes_out_as_it_is() -> None:
    """Not wrapped into a group, with an errand still under way."""
    settings = SandboxSettings(ports=0, tls=False, time_sync_delay_s=60)
    with pytest.raises(ZeroDivisionError):
        async with open_sandbox(settings) as sandbox:
            sandbox.provision(WORLD)
            async with mqtt_peer(sandbox.mqtt_port, login()) as peer:
                await peer.subscribe(f"{BASE}/req")
                await peer.publish(f"{BASE}/mqtt/status", "on")
            raise ZeroDivisionError


async def test_it_ends_with_gateways_still_connected() -> None:
    """They are cut; nothing keeps the block open."""
    async with asyncio.timeout(5):
        async with open_sandbox(FREE) as sandbox:
            sandbox.provision(WORLD)
            reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.mqtt_port)
        assert await reader.read() == b""
        writer.close()
