"""A console over a gateway of simulated devices, on real sockets, in the test's own loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from gatewayd.app import Gateway, open_gateway
from gatewayd.app_calls import local_apps
from gatewayd.clock import SystemClock
from gatewayd.config import load
from gatewayd.config.settings import Console
from gatewayd.console.http import open_console
from gatewayd.console.http_apps import make_apps
from gatewayd.console.surface import ControlSurface
from gatewayd.fields import Secret
from gatewayd.status import surface_of
from tests.peers.plant import Plant, make_plant

PASSWORD = "boiler room 3"

HALL = """
[device.hall]
driver = "sim"
every = "50ms"
[device.hall.signals.temperature]
kind = "temperature"
unit = "Cel"
mean = 21.0
"""

WAIT_S = 10.0


@dataclass
class Room:
    """One console, who asks it, and the gateway behind it."""

    address: str
    session: aiohttp.ClientSession
    gateway: Gateway
    plant: Plant

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.address.removeprefix("http://").strip("/").rpartition(":")
        return host, int(port)

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """Return the JSON of a GET, which is answered with this status."""
        async with self.session.get(self.address + path, **options) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def post(self, path: str, body: object, status: int = 200, **options: Any) -> Any:
        """Return the JSON of a POST, which is answered with this status."""
        async with self.session.post(self.address + path, json=body, **options) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def ask(self, path: str, method: str = "GET", **headers: str) -> int:
        """Return the status of an answer; header names are written with underscores."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        url = self.address + path
        async with self.session.request(method, url, headers=named, allow_redirects=False) as told:
            return told.status

    async def wait_reading(self) -> None:
        """Wait for the hall's first value."""
        posted = asyncio.Event()
        with self.gateway.board.watched(posted.set):
            async with asyncio.timeout(WAIT_S):
                while not any(name.startswith("hall/") for name, _ in self.gateway.board):
                    posted.clear()
                    await posted.wait()

    async def wait_relays(self, **relays: bool) -> None:
        """Wait until the pump's board is in this state, as seen from outside."""
        async with asyncio.timeout(WAIT_S):
            while self.plant.relays() != relays:  # noqa: ASYNC110  # a file tells of no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def open_room(
    folder: Path, password: str | None = None, extra: str = "", **changes: Any
) -> AsyncIterator[Room]:
    """Open a gateway and its console, which answers the clouds' app calls; `extra` goes into its
    configuration, `changes` replace parts of its surface."""
    plant = make_plant(folder)
    plant.append(HALL + extra)
    console = Console(listen="127.0.0.1:0", password=Secret(password) if password else None)
    jar = aiohttp.CookieJar(unsafe=True)  # The peer is an address.
    async with open_gateway(load(plant.config), SystemClock()) as gateway:
        surface: ControlSurface = replace(surface_of(gateway), **changes)
        async with (
            open_console(console, surface, make_apps(local_apps(gateway))) as address,
            aiohttp.ClientSession(cookie_jar=jar) as session,
        ):
            await _wait_open(gateway)
            yield Room(address, session, gateway, plant)


async def _wait_open(gateway: Gateway) -> None:
    def is_open() -> bool:
        states = [state for keeper in gateway.keepers.values() for state in keeper.states()]
        edges = gateway.devices.values()
        return all(each.is_safe for each in states) and all(each.is_up for each in edges)

    async with asyncio.timeout(WAIT_S):
        while not is_open():  # noqa: ASYNC110  # opening a device sets no event
            await asyncio.sleep(0.005)


async def next_event(stream: aiohttp.StreamReader, wanted: str) -> Any:
    """Return the data of the next event of one name."""
    async with asyncio.timeout(WAIT_S):
        name = ""
        while True:
            line = (await stream.readline()).decode().rstrip("\n")
            field, _, text = line.partition(": ")
            if field == "event":
                name = text
            elif field == "data" and name == wanted:
                return json.loads(text)


def bearer(password: str = PASSWORD) -> Mapping[str, str]:
    """Return the header with which a script shows the password."""
    return {"Authorization": f"Bearer {password}"}
