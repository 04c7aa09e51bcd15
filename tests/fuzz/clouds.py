"""What a cloud says on an open link, up to the command: as the link hears it, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gatewayd.board import Board
from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio.http_line import Line, Reader, open_http_line
from gatewayd.clouds.thethingsio.link import Config, ThethingsioLink
from gatewayd.clouds.thethingsio.mqtt_line import MqttLine
from gatewayd.clouds.thethingsio.requests import load_requests
from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thingplus.codec import Form, encode_topic
from gatewayd.clouds.thingplus.requests import Requests as ThingplusRequests
from gatewayd.clouds.thingplus.rpc import decode_response
from gatewayd.errors import LinkError, LinkLost, Malformed
from gatewayd.fields import Secret
from gatewayd.model import Command, Outcome, Status
from gatewayd.testing.clock import SimulatedClock, SimulatedLoop
from gatewayd.transports.http import Answer
from gatewayd.transports.mqtt import Message
from gatewayd.uplink import Premises
from tests.clouds.thethingsio.test_requests import CHANNELS as SWITCH
from tests.clouds.thethingsio.test_requests import NAMES as SWITCH_NAMES
from tests.clouds.thinger.test_requests import Desk as ThingerDesk
from tests.clouds.thingplus.test_calls import CHANNELS, NAMES
from tests.clouds.thingsee.test_requests import Desk as ThingseeDesk
from tests.fuzz.answers import HEADERS, PlayedHttp
from tests.fuzz.entries import Hit, entry
from tests.fuzz.target import Target

LIFE = 200
"""Inputs that one connection hears before the next."""

DONE_S = 1.0

HOUR_S = 3600.0
"""Simulated."""


def cloud_targets() -> list[Target]:
    """Return the entries of the clouds."""
    module = "gatewayd.clouds.thinger.codec"
    return [
        entry("thinger classic", module, lambda folder: _thinger(folder, Dialect.CLASSIC)),
        entry("thinger iotmp", module, lambda folder: _thinger(folder, Dialect.IOTMP)),
        entry("thingplus requests", "gatewayd.clouds.thingplus.rpc", _thingplus),
        entry("thingsee requests", "gatewayd.clouds.thingsee.requests", _thingsee),
        *(_thethingsio(name, line) for name, line in (("http", _http_line), ("mqtt", _mqtt_line))),
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


SUBSCRIBED = b'{"status":"success","message":"subscribed"}\0'

TAKEN = b'{"status":"success","message":"created"}'

Lines = Callable[[Any, Config, CloudTime], AbstractAsyncContextManager[Line]]


def _thethingsio(name: str, open_line: Lines) -> Target:
    """Return the whole link: what is pushed, what is read back, and what both ask for."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Hit]:
        clock, config = SimulatedClock(), Config(token=Secret("t"))

        async def hit(data: bytes) -> None:
            _empty(folder)
            http: Any = PlayedHttp()
            http.taken = Answer(201, HEADERS, TAKEN)
            # What begins with a byte 1 comes instead of the confirmation.
            said = data[1:] if data[:1] == b"\1" else SUBSCRIBED + data
            http.answer = Answer(200, HEADERS, said)
            premises = Premises("up", "gw", "", "1", SWITCH, Board(), clock, folder, {})
            cloud_time = CloudTime(clock)
            with suppress(LinkError, TimeoutError):
                async with open_line(http, config, cloud_time) as line, asyncio.timeout(HOUR_S):
                    # The last piece is what is read back, too.
                    http.answer = Answer(200, HEADERS, data.rpartition(b"\0")[2])
                    requests = await load_requests(premises, SWITCH_NAMES, cloud_time)
                    await _live(ThethingsioLink(config, premises, SWITCH_NAMES, line, requests))

        yield hit

    module = "gatewayd.clouds.thethingsio.stream"
    return entry(f"thethingsio {name} link", module, opened, SimulatedLoop)


async def _live(link: ThethingsioLink) -> None:
    """Carry out what is asked until the link is lost."""
    tending = asyncio.ensure_future(link.tend())
    try:
        async for command in link.commands():
            await link.reply(command, Outcome(Status.DONE, value=True))
    finally:
        tending.cancel()
        with suppress(asyncio.CancelledError, LinkError):
            await tending


def _http_line(
    http: Any, config: Config, cloud_time: CloudTime
) -> AbstractAsyncContextManager[Line]:
    return open_http_line(config, http, Secret("t"), cloud_time)


class _PlayedSession:
    """A session on which messages come, cut where a zero byte stands."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self.dropped, self.is_lost = 0, False

    async def messages(self) -> AsyncIterator[Message]:
        for payload in self._said.split(b"\0"):
            yield Message("x", payload, is_retained=payload[:1] == b"\2")
        raise LinkLost("the end")

    async def publish(self, topic: str, payload: bytes) -> None:
        json.loads(payload)


@asynccontextmanager
async def _mqtt_line(http: Any, config: Config, cloud_time: CloudTime) -> AsyncIterator[Line]:
    session: Any = _PlayedSession(http.answer.body)
    yield MqttLine(config, session, Reader(http, Secret("t"), cloud_time))


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        each.unlink()
