"""The gateway around a link to thethings.iO: one thing with two sensors, a position, a relay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gatewayd.board import Board
from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.link import Config, ThethingsioLink, open_link
from gatewayd.errors import LinkDenied, LinkLost
from gatewayd.fields import Secret
from gatewayd.model import (
    Access,
    Batch,
    Channel,
    ChannelId,
    Command,
    Outcome,
    Quality,
    Reading,
    Status,
    Value,
)
from gatewayd.uplink import Premises
from tests.clouds.thethingsio.little_cloud import TOKEN

T, DI, GPS = ChannelId("boiler/temp"), ChannelId("boiler/door"), ChannelId("van/position")
RELAY = ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    DI: Channel(DI, "door"),
    GPS: Channel(GPS, "location"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}
ON = {"key": "pump.relay", "value": "ON"}
OFF = {"key": "pump.relay", "value": "OFF"}
DONE = Outcome(Status.DONE, "", True, is_verified=True)


def iso(time_ms: float) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class House:
    """The gateway around a link."""

    folder: Path
    url: str
    board: Board = field(default_factory=Board)
    clock: SystemClock = field(default_factory=SystemClock)
    seq: int = 0

    @property
    def config(self) -> Config:
        return Config(
            token=Secret(TOKEN),
            rest_url=self.url,
            keep_alive=5.0,
            timeout=5.0,
            report_interval=0.0,
            describe=False,
            quality="",
        )

    @property
    def premises(self) -> Premises:
        return Premises(
            uplink="up",
            gateway_id="b827eb000001",
            gateway_name="Boiler room 3",
            version="1.2.3",
            channels=CHANNELS,
            board=self.board,
            clock=self.clock,
            state_dir=self.folder,
            manage={},
        )

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[ThethingsioLink]:
        async with open_link(replace(self.config, **changes), self.premises) as link:
            yield link

    def reading(
        self, channel: ChannelId, value: Value | None, quality: Quality = Quality.GOOD
    ) -> Reading:
        reading = Reading(channel, self.clock.now_ms(), value, quality)
        self.board.post([reading])
        return reading

    def batch(self, *readings: Reading) -> Batch:
        """Return the next rows of the outbox."""
        first, self.seq = self.seq + 1, self.seq + len(readings)
        return Batch("up", range(first, self.seq + 1), readings, self.seq)


@dataclass
class Served:
    """The commands that came out of a link; the link's end is in `tasks`."""

    commands: list[Command] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, count: int) -> list[Command]:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: len(self.commands) >= count)
        return self.commands


@asynccontextmanager
async def served(link: ThethingsioLink, outcome: Outcome | None = None) -> AsyncIterator[Served]:
    """Tend a link and take its commands, and answer each with the outcome if there is one."""
    got = Served()

    async def serve() -> None:
        async for command in link.commands():
            async with got.news:
                got.commands.append(command)
                got.news.notify_all()
            if outcome:
                await link.reply(command, outcome)

    tasks = [asyncio.ensure_future(serve()), asyncio.ensure_future(link.tend())]
    try:
        yield got
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, LinkLost, LinkDenied):
                await task
