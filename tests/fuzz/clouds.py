"""What a cloud says on an open link, up to the command: as the link hears it, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.errors import Malformed
from gatewayd.model import Command, Outcome, Status
from tests.clouds.thinger.test_requests import Desk as ThingerDesk
from tests.clouds.thingsee.test_requests import Desk as ThingseeDesk
from tests.fuzz.entries import Hit, entry
from tests.fuzz.target import Target

LIFE = 200
"""Inputs that one connection hears before the next."""

DONE_S = 1.0


def cloud_targets() -> list[Target]:
    """Return the entries of the clouds."""
    module = "gatewayd.clouds.thinger.codec"
    return [
        entry("thinger classic", module, lambda folder: _thinger(folder, Dialect.CLASSIC)),
        entry("thinger iotmp", module, lambda folder: _thinger(folder, Dialect.IOTMP)),
        entry("thingsee requests", "gatewayd.clouds.thingsee.requests", _thingsee),
    ]


@asynccontextmanager
async def _thinger(folder: Path, dialect: Dialect) -> AsyncIterator[Hit]:
    lives = [ThingerDesk(folder)]
    count = 0

    async def hit(data: bytes) -> None:
        nonlocal count
        count += 1
        if count % LIFE == 0:
            lives[0] = ThingerDesk(folder)
        desk = lives[0]
        try:
            events = list(Codec(dialect).feed(data))
        except Malformed:
            return
        desk.ask(*events)
        while not desk.requests._waiting.empty():
            async with asyncio.timeout(DONE_S):
                item = await desk.requests.next()
            if isinstance(item, Command):
                desk.requests.reply(item, Outcome(Status.DONE, value=item.value))
        for event in desk.said:
            assert Codec(dialect).encode(event)
        desk.said.clear()

    yield hit


@asynccontextmanager
async def _thingsee(folder: Path) -> AsyncIterator[Hit]:
    lives = [ThingseeDesk(folder, {})]
    count = 0

    async def hit(data: bytes) -> None:
        nonlocal count
        count += 1
        if count % LIFE == 0:
            lives[0] = ThingseeDesk(folder, {})
        await lives[0].take(data)

    yield hit
