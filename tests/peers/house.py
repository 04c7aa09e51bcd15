"""The gateway around a link: its board, its clock, its folder, and what it may be told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.board import Board
from gatewayd.errors import LinkError
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
from gatewayd.uplink import Link, Premises

T, H = ChannelId("boiler/temperature"), ChannelId("boiler/humidity")
DOOR, RELAY = ChannelId("shed/door"), ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    H: Channel(H, "humidity", "%"),
    DOOR: Channel(DOOR, "door"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}


@dataclass
class StillClock:
    """A clock that stands until it is moved, so that instants can be compared."""

    time_ms: int = 1_795_000_000_000

    def now_ms(self) -> int:
        return self.time_ms

    def boottime_ms(self) -> int:
        return self.time_ms

    def boot_id(self) -> str:
        return "boot"

    def is_synchronised(self) -> bool:
        return True


@dataclass
class House:
    """One gateway with a boiler, a door and a pump."""

    folder: Path
    board: Board = field(default_factory=Board)
    clock: StillClock = field(default_factory=StillClock)
    channels: Mapping[ChannelId, Channel] = field(default_factory=lambda: CHANNELS)
    manage: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    seq: int = 0

    @property
    def premises(self) -> Premises:
        return Premises(
            uplink="up",
            gateway_id="gw01",
            gateway_name="Boiler room 3",
            version="1.2.3",
            channels=self.channels,
            board=self.board,
            clock=self.clock,
            state_dir=self.folder,
            manage=self.manage,
        )

    def reading(
        self,
        channel: ChannelId,
        value: Value | None,
        quality: Quality = Quality.GOOD,
        age_ms: int = 0,
    ) -> Reading:
        """Return a reading of now, which the board has seen too."""
        reading = Reading(channel, self.clock.now_ms() - age_ms, value, quality)
        self.board.post([reading])
        return reading

    def batch(self, *readings: Reading) -> Batch:
        """Return the next rows of the outbox."""
        first, self.seq = self.seq + 1, self.seq + len(readings)
        return Batch("up", range(first, self.seq + 1), readings, self.seq)


@dataclass
class Life:
    """What happened while a link was tended and its commands were answered."""

    house: House
    outcome: Outcome | None = None
    commands: list[Command] = field(default_factory=list)
    ended: LinkError | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def obey(self, link: Link, command: Command) -> None:
        """Do what a keeper would: write, publish the state, answer."""
        self.commands.append(command)
        await self.gate.wait()
        outcome = self.outcome or Outcome(Status.DONE, value=command.value, is_verified=True)
        if outcome.status is Status.DONE and outcome.value is not None:
            self.house.reading(command.channel, outcome.value)
        await link.reply(command, outcome)


@asynccontextmanager
async def alive(link: Link, house: House, outcome: Outcome | None = None) -> AsyncIterator[Life]:
    """Tend a link and answer its commands while the block lasts; `ended` says how it died."""
    life = Life(house, outcome)
    life.gate.set()

    async def serve() -> None:
        async with asyncio.TaskGroup() as tasks:
            async for command in link.commands():
                tasks.create_task(life.obey(link, command))

    async def live() -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve())
                tasks.create_task(link.tend())
        except* LinkError as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            assert isinstance(error, LinkError)
            life.ended = error

    task = asyncio.ensure_future(live())
    try:
        yield life
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
