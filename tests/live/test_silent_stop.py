"""A device that stays connected and says nothing more: a real peer, stopped by SIGSTOP."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import ClientConnectorError, ClientSession, ClientTimeout

from gatewayd.cli.demo import free_address
from tests.live.daemon import Daemon, House

PEER = """
import socketserver, time

class Speaker(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            self.request.sendall(b"21.5\\n")
            time.sleep(0.2)

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Speaker) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""
QUIET_S = 3
NOTICED_S = 20.0


@asynccontextmanager
async def speaking() -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run a device that says a temperature five times a second, as a process of its own."""
    command = (sys.executable, "-c", PEER)
    peer = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert peer.stdout is not None
    try:
        yield peer, int(await peer.stdout.readline())
    finally:
        peer.kill()
        await peer.wait()


async def wait_health(address: str, status: int) -> str:
    """Return the reason as soon as `/healthz` answers so."""
    async with (
        asyncio.timeout(NOTICED_S),
        ClientSession(timeout=ClientTimeout(5)) as session,
    ):
        while True:
            with suppress(ClientConnectorError):  # The console comes after the rest.
                async with session.get(f"http://{address}/healthz") as response:
                    if response.status == status:
                        return str((await response.json())["reason"])
            await asyncio.sleep(0.1)


async def wait_quality(daemon: Daemon, word: str) -> None:
    """Return when the latest reading is so."""
    async with asyncio.timeout(NOTICED_S):
        while True:
            [row] = await daemon.ask("read", channel="probe/temperature")
            if row["quality"] == word:
                return
            await asyncio.sleep(0.05)


async def test_a_peer_that_is_stopped_is_noticed_told_and_comes_back(house: House) -> None:
    """503 with the reason, no-data with its reason, a warning; and all is well when it goes on."""
    console = free_address("127.0.0.1:0")
    house.sections["console"] = {"listen": console}
    async with speaking() as (peer, port):
        house.devices["probe"] = {
            "driver": "lines",
            "port": f"socket://127.0.0.1:{port}",
            "format": "csv",
            "quiet_max": f"{QUIET_S}s",
            "fields": {"temperature": {"kind": "temperature", "unit": "Cel", "column": 1}},
        }
        async with house.daemon() as daemon:
            await daemon.wait_up("probe")
            await wait_health(console, 200)
            peer.send_signal(signal.SIGSTOP)
            reason = await wait_health(console, 503)
            assert reason.startswith("device probe is connected and silent for")
            await wait_quality(daemon, "timeout")
            peer.send_signal(signal.SIGCONT)
            await wait_health(console, 200)
            await wait_quality(daemon, "good")
    [stop, *_] = house.logged("silent stop")
    assert stop["edge"] == "device probe"
    assert stop["level"] == "warning"
    assert house.logged("moves again")
