"""An app written for the cloud, on the local network: our own client with another base address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thinger.rest_resources import Resources, Version
from gatewayd.fields import Secret
from tests.gatewayd.console.rooms import PASSWORD, Room

GATEWAY = "b827eb000001"
DEVICE = f"thinger/v2/users/anybody/devices/{GATEWAY}"


@asynccontextmanager
async def app_of(room: Room, folder: Path, user: str = "anybody") -> AsyncIterator[Rest]:
    """An app that has the console's password as its token, and another base address."""
    settings = RestSettings(
        url=f"{room.address}thinger",
        user=user,
        token_file=folder / "token",
        token=Secret(PASSWORD),
    )
    async with open_rest(settings, SystemClock()) as api:
        yield api


@asynccontextmanager
async def device_of(
    room: Room, folder: Path, version: Version = Version.V2
) -> AsyncIterator[Resources]:
    """What an app sees of a gateway that has no uplink."""
    async with app_of(room, folder) as api:
        yield api.devices.resources(GATEWAY, version)


async def told(room: Room, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """Ask as curl would, and return the status and the body."""
    url, headers = room.address + path, {"Content-Type": "application/json"}
    async with room.session.request(method, url, data=body, headers=headers) as answer:
        return answer.status, await answer.read()
