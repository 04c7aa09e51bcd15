"""A gateway, its console, and an app that takes it for thethings.iO."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.rest import RestSettings, open_rest
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.fields import Secret
from gatewayd.model import ChannelId, Reading
from tests.gatewayd.console.rooms import WAIT_S, Room, open_room

PASSWORD = "boiler-room-3"
"""One that a path does not mind, as the cloud's tokens."""

PUMP, LAMP, VALVE = "pump.relay", "pump.lamp", "valve.relay"

CELLAR = """
[device.cellar]
driver = "sim"
every = "1h"
[device.cellar.signals.damp]
kind = "humidity"
unit = "%"
"""
DAMP = ChannelId("cellar/damp")

UPLINK = """
[uplink.portal]
kind = "thethingsio"
rest_url = "http://127.0.0.1:1/v2"
token = "a-thing-token"
quality = ""
{more}
[uplink.portal.actuators."pump/relay"]
key = "big-pump"
report = "pump-runs"
"""


@asynccontextmanager
async def thing_of(room: Room, folder: Path, token: str = PASSWORD) -> AsyncIterator[Thing]:
    """An app that has the console's password as a thing's token, and another base address."""
    url = f"{room.address}thethingsio/v2"
    settings = RestSettings(url=url, session_file=folder / "session")
    async with open_rest(settings, SystemClock()) as api:
        yield api.thing(Secret(token))


@asynccontextmanager
async def opened(folder: Path, extra: str = "") -> AsyncIterator[tuple[Room, Thing]]:
    """A gateway whose console asks for a password, and its thing."""
    async with open_room(folder, PASSWORD, extra) as room, thing_of(room, folder) as thing:
        yield room, thing


async def wait_posted(room: Room, *names: str) -> None:
    """Wait until the board knows these channels; the recorder brings them a moment later."""
    board, arrived = room.gateway.board, asyncio.Event()
    with board.watched(arrived.set):
        async with asyncio.timeout(WAIT_S):
            while not all(board.latest(ChannelId(name)) for name in names):
                arrived.clear()
                await arrived.wait()


@asynccontextmanager
async def damp_cellar(folder: Path) -> AsyncIterator[tuple[Room, Thing, int]]:
    """A sensor that is seldom asked, whose value was 1.0 to 5.0 in the milliseconds from then."""
    async with opened(folder, CELLAR) as (room, thing):
        await wait_posted(room, DAMP, "pump/relay")
        board = room.gateway.board
        first = board.latest(DAMP)
        assert first is not None
        begin_ms = first.time_ms + 1
        board.post(Reading(DAMP, begin_ms + each, 1.0 + each) for each in range(5))
        yield room, thing, begin_ms
