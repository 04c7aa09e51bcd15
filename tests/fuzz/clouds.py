"""What a cloud says on an open link, up to the command: as the link hears it, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gatewayd.board import Board
from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thingplus.codec import Form, encode_topic
from gatewayd.clouds.thingplus.requests import Requests as ThingplusRequests
from gatewayd.clouds.thingplus.rpc import decode_response
from gatewayd.errors import Malformed
from gatewayd.model import Command, Outcome, Status
from gatewayd.testing.clock import SimulatedClock
from gatewayd.transports.mqtt import Message
from gatewayd.uplink import Premises
from tests.clouds.thinger.test_requests import Desk as ThingerDesk
from tests.clouds.thingplus.test_calls import CHANNELS, NAMES
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
        entry("thingplus requests", "gatewayd.clouds.thingplus.rpc", _thingplus),
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


class _ThingplusLine:
    """A session on which one message comes, and everything can be said."""

    def __init__(self) -> None:
        self.session, self.heard, self.said = self, b"", list[bytes]()
        self.interval_s, self.is_held = 60.0, True

    def topic(self, form: Form) -> str:
        return encode_topic("gw", form)

    async def messages(self) -> AsyncIterator[Message]:
        yield Message(self.topic(Form.REQUEST), self.heard, is_retained=False)

    async def publish(self, form: Form, payload: bytes) -> None:
        self.said.append(payload)

    async def tell_all(self) -> None:
        """What the statuses do, who are played here too."""


@asynccontextmanager
async def _thingplus(folder: Path) -> AsyncIterator[Hit]:
    line: Any = _ThingplusLine()
    clock = SimulatedClock()
    premises = Premises("up", "gw", "", "1", CHANNELS, Board(), clock, folder, {})
    requests = ThingplusRequests(premises, NAMES, line, line, 60.0)

    async def hit(data: bytes) -> None:
        line.heard = data
        async for command in requests.commands():
            await requests.reply(command, Outcome(Status.DONE, value=command.value))
        for payload in line.said:
            decode_response(payload)
        line.said.clear()

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
