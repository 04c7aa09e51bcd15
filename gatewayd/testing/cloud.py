"""A cloud that remembers what it was sent, and fails when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gatewayd.errors import LinkLost
from gatewayd.model import Batch, Channel, ChannelId, Command, Outcome, Reading
from gatewayd.uplink import Premises


@dataclass(slots=True)
class FakeCloud:
    """The cloud's side: everything that it took, and its moods.

    Attributes:
        taken: readings that it took responsibility for, in order, duplicates too.
        troubles: raised by the next sends, one each.
        loses_answer: the next send is taken, but its acknowledgement is lost with the link.
        is_reachable: whether a link can be opened now.
        wait_s: what `Link.wait_s` answers.
    """

    taken: list[Reading] = field(default_factory=list)
    sends: int = 0
    troubles: list[Exception] = field(default_factory=list)
    loses_answer: bool = False
    is_reachable: bool = True
    wait_s: float = 0.0
    batch_max: int = 100
    send_s: float = 0.0
    outcomes: list[tuple[Command, Outcome]] = field(default_factory=list)
    links_opened: int = 0
    asked: asyncio.Queue[Command] = field(default_factory=asyncio.Queue)
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    def cut_link(self) -> None:
        """End the open link, as a pulled cable does."""
        self.cut.set()
        self.cut = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Config:
    """The section of an uplink to a fake cloud."""

    cloud: FakeCloud
    channels: frozenset[ChannelId] | None = None
    reconnect_min: float = 0.0


def subscription(config: Config, channels: Mapping[ChannelId, Channel]) -> frozenset[ChannelId]:
    """Return the channels that the uplink wants: those named, or all."""
    return frozenset(channels) if config.channels is None else config.channels


@asynccontextmanager
async def open_link(config: Config, premises: Premises) -> AsyncIterator[FakeLink]:
    """Connect once.

    Raises:
        LinkLost: the cloud is not reachable.
    """
    if not config.cloud.is_reachable:
        raise LinkLost("the fake cloud is not reachable")
    config.cloud.links_opened += 1
    yield FakeLink(config.cloud)


class FakeLink:
    """One open connection to a fake cloud."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud, self.batch_max = cloud, cloud.batch_max

    def wait_s(self, pending: Batch) -> float:
        return self._cloud.wait_s

    async def send(self, batch: Batch) -> None:
        cloud = self._cloud
        cloud.sends += 1
        if cloud.send_s:
            await asyncio.sleep(cloud.send_s)
        if cloud.troubles:
            raise cloud.troubles.pop(0)
        cloud.taken += batch.readings
        if cloud.loses_answer:
            cloud.loses_answer = False
            raise LinkLost("the acknowledgement was lost")

    async def commands(self) -> AsyncIterator[Command]:
        while True:
            yield await self._cloud.asked.get()

    async def reply(self, command: Command, outcome: Outcome) -> None:
        self._cloud.outcomes.append((command, outcome))

    async def tend(self) -> None:
        await self._cloud.cut.wait()
        raise LinkLost("the fake cloud was cut off")
