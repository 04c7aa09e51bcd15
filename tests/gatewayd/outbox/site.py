"""A gateway's log with its clock, two clouds, and what a night can do to them; simulated time."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox import Outbox, new_outbox
from gatewayd.recorder import in_order
from gatewayd.step import ClockStep
from gatewayd.testing.clock import START_MS, SimulatedClock

A, B = ChannelId("boiler/a"), ChannelId("boiler/b")
WANTED = {"one": frozenset({A, B}), "two": frozenset({A, B})}
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Site:
    """A gateway's folders, its clock, what each cloud has, and a number for each reading."""

    def __init__(self, folder: Path, *, waits: bool = True) -> None:
        self.card, self.hot, self.waits = folder / "card", folder / "hot", waits
        self.hot.mkdir()
        self.clock = SimulatedClock()
        self.got: dict[str, list[Reading]] = {"one": [], "two": []}
        self.number = 0
        self.events: list[str] = []
        self.log: Outbox
        self._last_ms: dict[ChannelId, int] = {}
        self._floor_ms: int | None = None
        self._step = ClockStep(self.clock)

    async def open(self) -> None:
        self._floor_ms, self._step = None, ClockStep(self.clock)
        self.log = new_outbox(self.card, self.hot, self.clock, holds_back=self.waits)
        await self.log.open()
        await self.log.subscribe(WANTED)

    def wake(self, believed_ms: int = 0) -> None:
        """Begin a boot that believes some time and knows none; memory is empty."""
        self.clock.reboot()
        self.clock.jump(believed_ms - self.clock.now_ms())
        self.clock.synchronised = False

    def cut(self) -> None:
        """Cut the power: what the card has stays, memory does not."""
        self.log._store.abandon()
        shutil.rmtree(self.hot)
        self.hot.mkdir()

    async def tell(self) -> None:
        """A time server answers."""
        self.clock.jump(true_ms() - self.clock.now_ms())
        self.clock.synchronised = True
        await self.commit()

    async def commit(self) -> None:
        self.events += await self.log.commit()

    async def take(self, count: int, every_s: float = 10.0) -> None:
        """Take readings as the recorder does, two channels at once."""
        for _ in range(count):
            await asyncio.sleep(every_s)
            self.number += 1
            now_ms = self.clock.now_ms()
            await self.append([Reading(each, now_ms, self.number) for each in (A, B)])

    async def crowd(self) -> None:
        """Take long readings until the card, which is small, has a good part of them; then leave
        no room on it."""
        for _ in range(60):
            await self.take(5)
            await self.append([Reading(A, self.clock.now_ms() + 1, os.urandom(4000).hex())])
            await self.commit()
        fill(self.card)

    async def append(self, readings: Sequence[Reading]) -> None:
        """Append readings in the recorder's order."""
        floor_ms = self.log.newest_ms if self.log.is_dated else 0
        if self._floor_ms is None or (self._floor_ms == 0 and floor_ms):
            self._floor_ms, self._last_ms = floor_ms, {}
        if not self.log.is_dated:
            readings = self._step.mend(readings, self._last_ms)
        await self.log.append(in_order(readings, self._last_ms, self._floor_ms))

    async def drain(self, uplink: str, limit: int = 500) -> list[Reading]:
        """Bring a cloud all that may leave, or a batch; return that."""
        news: list[Reading] = []
        after = self.log.accounts[uplink].cursor
        while batch := await self._next(uplink, after, limit):
            after = batch.through
            news += batch.readings
            await self.log.ack(uplink, after, len(batch))
            if limit < 500:
                break
        self.got[uplink] += news
        return news

    async def _next(self, uplink: str, after: int, limit: int) -> Batch | None:
        return await self.log.next_batch(uplink, after, limit)

    def assert_in_order(self, count: int) -> None:
        """Each cloud has every reading once, and each channel's times run forwards."""
        for uplink, got in self.got.items():
            for channel in (A, B):
                mine = [reading for reading in got if reading.channel == channel]
                assert [r.value for r in mine] == list(range(1, count + 1)), uplink
                times = [r.time_ms for r in mine]
                assert times == sorted(set(times)), uplink


def true_ms() -> int:
    """What the time is really."""
    return START_MS + round(asyncio.get_running_loop().time() * 1000)


def times_of(readings: list[Reading]) -> list[int]:
    return [reading.time_ms for reading in readings if reading.channel == A]


FILLER = "someone-else"


def fill(folder: Path) -> None:
    """Leave no room on a small file system."""
    with suppress(OSError), (folder / FILLER).open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
