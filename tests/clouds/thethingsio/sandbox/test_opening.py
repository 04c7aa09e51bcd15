"""Opening the thethings.iO sandbox: ports, TLS, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.rest import RestSettings, open_rest
from gatewayd.clouds.thethingsio.sandbox import SandboxSettings, open_sandbox
from gatewayd.clouds.thethingsio.sandbox.settings import MQTT_PORT, REST_PORT
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from tests.clouds.thethingsio.sandbox.conftest import TOKEN
from tests.mqtt_peer import Login, mqtt_peer
from tests.peers.listening import free_port

FREE = SandboxSettings(ports=0, tls=False)


async def test_both_sides_are_served_with_tls_too(tmp_path: Path) -> None:
    """Whoever trusts the CA gets in, verified by name; nobody else does."""
    async with open_sandbox(SandboxSettings(ports=0, state_dir=tmp_path)) as sandbox:
        sandbox.provision({"things": [{"token": TOKEN}]})
        url = str(sandbox.describe()["rest_tls"])
        settings = RestSettings(url=url, session_file=tmp_path / "s", ca_file=sandbox.ca_file)
        async with open_rest(settings, SystemClock()) as api:
            await api.thing(Secret(TOKEN)).write([Entry("t", 1)])
        strange = RestSettings(url=url, session_file=tmp_path / "s")
        async with open_rest(strange, SystemClock()) as api:
            with pytest.raises(LinkDenied, match="certificate"):
                await api.is_reached()
        assert sandbox.mqtt_tls_port is not None
        async with mqtt_peer(sandbox.mqtt_tls_port, Login(ca_file=sandbox.ca_file)) as peer:
            assert await peer.subscribe(f"v2/things/{TOKEN}") == [1]


async def test_without_tls_it_says_so() -> None:
    """No port, no file, a reason."""
    async with open_sandbox(FREE) as sandbox:
        described = sandbox.describe()
        assert (described["mqtt_tls"], described["rest_tls"]) == (None, None)
        assert described["tls"] == "switched off"


async def test_it_listens_on_the_usual_ports_moved_by_the_offset() -> None:
    """13001 for devices and apps, 11884 for MQTT."""
    settings = SandboxSettings(port_offset=31_500)
    assert [settings.port(usual) for usual in (REST_PORT, MQTT_PORT)] == [44_501, 43_384]


async def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    """OSError; the other listener is closed again."""
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        offset = taken.getsockname()[1] - REST_PORT
        with pytest.raises(OSError, match="in use"):
            async with open_sandbox(SandboxSettings(port_offset=offset, tls=False)):
                pass
        with socket.create_server(("127.0.0.1", MQTT_PORT + offset)):
            pass


async def test_it_ends_at_once_with_streams_open() -> None:
    """They are cut; nothing keeps the block open."""
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        async with open_sandbox(FREE) as sandbox:
            sandbox.provision({"things": [{"token": TOKEN}]})
            stream = await session.get(f"{sandbox.rest_url}/things/{TOKEN}")
            await stream.content.readany()
            began_s = loop.time()
        assert loop.time() - began_s < 0.9
        with pytest.raises(aiohttp.ClientError):
            await stream.content.read()
        stream.close()
