"""From the bus to the board and the outbox; keeps each channel's time running forwards.

A core task: if the recorder dies, the process ends with its outputs safe. What the outbox cannot
take (memory exhausted) is counted and told; the board, the outputs and the clouds' commands go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from gatewayd.board import Board
from gatewayd.bus import Bus
from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId, Quality, Reading
from gatewayd.outbox import Outbox
from gatewayd.outbox.order import STEP_MS
from gatewayd.step import ClockStep
from gatewayd.wear import Wear

log = structlog.get_logger()

GATHER_S = 0.1
"""How long readings wait for company before they are written together. Each write costs some
hundred µs of processor whatever it carries; what waits outlives a crash in the bus's journal."""

ALARM_REST_S = 1.0
"""So long after an alarm was brought to the card the next one waits at the most: each time costs
the card some 20 kB, and a threshold without hysteresis may be crossed at every sample."""

AUDIT_S = 60.0
"""Between two counts of the ledger against the rows. What they find is a mistake of ours."""

APPEND_MAX = 8192
"""Readings written in one transaction, so that a flood does not delay the drains."""


@dataclass(slots=True)
class Losses:
    """Readings that never reached the outbox, since start."""

    outbox: int = 0
    bus: int = 0
    """Those that found no room on the bus, as far as the ledger knows of them."""


class Recorder:
    """Takes from the bus; posts to the board, appends to the outbox."""

    def __init__(
        self,
        bus: Bus,
        board: Board,
        outbox: Outbox,
        commit_interval_s: float,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`beat` is called after every commit: the sign that the log makes progress."""
        self._bus, self._board, self._outbox = bus, board, outbox
        self._beat = beat
        self.wear = Wear(None, None, commit_interval_s)
        """What commits cost the card, and how far apart they are to be."""
        self._last_ms: dict[ChannelId, int] = {}
        self._is_dated = outbox.is_dated
        self.step: ClockStep | None = None
        """Set by whoever has a clock; without it readings that a clock dated which is being set
        keep the times that they have."""
        self._floor_ms = 0
        self._is_failing = False
        self._audited_s = 0.0
        self.mismatch: str | None = None
        """How the ledger does not balance, or None. That must never be."""
        self._alarmed = asyncio.Event()
        self.losses = Losses()
        self.recorded = 0
        """Readings appended since start: the recorder's progress, for the watchdog."""

    async def run(self) -> None:
        """Record until cancelled; then record what is left on the bus. The outbox is open."""
        self._floor_ms = self._outbox.newest_ms if self._is_dated else 0
        try:
            await self._restore()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._record())
                tasks.create_task(self._commit())
        finally:
            await self._append(self._bus.take_now(), self._bus.taken)
            await self._count_bus()

    async def _restore(self) -> None:
        """Record first what the last process was killed with."""
        journal = self._bus.journal
        if journal is not None and journal.restored:
            log.info("readings of the last process restored", count=len(journal.restored))
            restored, journal.restored = journal.restored, []
            await self._append(restored, journal.begin)

    async def _record(self) -> None:
        while True:
            readings = await self._bus.take(GATHER_S)
            has_alarm, before = self._bus.took_alarm, self._bus.taken - len(readings)
            for start in range(0, len(readings), APPEND_MAX):
                some = readings[start : start + APPEND_MAX]
                await self._append(some, before + start + len(some))
            if has_alarm:
                self._alarmed.set()

    async def _append(self, readings: Sequence[Reading], taken: int) -> None:
        if self.step and not self._is_dated:
            readings = self.step.mend(readings, self._last_ms)
        if self._is_dated is not self._outbox.is_dated:
            # The rows so far were dated by a wrong clock and are put right by the outbox.
            self._is_dated, self._last_ms = self._outbox.is_dated, {}
            self._floor_ms = self._outbox.newest_ms
        readings = in_order(readings, self._last_ms, self._floor_ms)
        self._board.post(readings)
        try:
            await self._outbox.append(readings, taken)
            self.recorded += len(readings)
            self._is_failing = False
        except OutboxError as error:
            self.losses.outbox += len(readings)
            await self._lose("outbox", len(readings))
            if not self._is_failing:
                log.error("readings lost", reason=str(error), count=len(readings))
            self._is_failing = True

    async def _commit(self) -> None:
        """Commit for ever; at once the first time, for what a killed life left in memory has
        waited long enough, and the next life may be as short."""
        fault: str | None = None
        rest_s, loop = 0.0, asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            for event in await self._tend():
                log.warning("outbox", what=event)
            if self._outbox.card_fault != fault:
                fault = self._outbox.card_fault
                log.error("card fault", reason=fault) if fault else log.info("card works again")
            self.wear.committed()
            self._beat()
            rest_s = await self._wait_commit(rest_s, loop.time() - began_s)

    async def _tend(self) -> list[str]:
        """Commit, and keep the ledger; returns what happened to the files."""
        try:
            events = await self._outbox.commit()
            await self._count_bus()
            await self._audit()
        except OutboxError as error:  # The files cannot be opened again yet; `card_fault` says so.
            log.warning("not committed", reason=str(error))
            return []
        return events

    async def _audit(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._audited_s < AUDIT_S:
            return
        self._audited_s, was = now_s, self.mismatch
        self.mismatch = "; ".join(await self._outbox.audit()) or None
        if self.mismatch and self.mismatch != was:
            log.critical("the ledger does not balance", reason=self.mismatch)

    async def _count_bus(self) -> None:
        lost = self._bus.lost - self.losses.bus
        if lost:
            self.losses.bus += lost
            await self._lose("bus", lost)

    async def _lose(self, reason: str, count: int) -> None:
        with suppress(OutboxError):  # The files are being opened again; it counts in memory.
            await self._outbox.lose(reason, count)

    async def _wait_commit(self, rest_s: float, took_s: float) -> float:
        """Return when the interval is over, or, after a rest, an alarm was appended.

        Args:
            took_s: what the last commit took.

        Returns:
            How long to rest after the commit that is due now.
        """
        await asyncio.sleep(rest_s)
        interval_s = self.wear.interval_s()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s(interval_s, took_s) - rest_s):
                await self._alarmed.wait()
        is_alarm = self._alarmed.is_set()
        self._alarmed.clear()
        return min(ALARM_REST_S, interval_s) if is_alarm else 0.0


def pause_s(interval_s: float, took_s: float) -> float:
    """Return the time from a commit's end to the next one's beginning.

    The interval counts from beginning to beginning: what came while one ran waits for the next,
    and is to wait no longer than announced. Where commits are slow, half of it is left to others.
    """
    return max(interval_s - took_s, interval_s / 2)


def in_order(
    readings: Sequence[Reading], last_ms: dict[ChannelId, int], floor_ms: int = 0
) -> Sequence[Reading]:
    """Return readings whose time runs forwards within each channel.

    Clouds ignore values out of order, so a reading that is not newer than the one before it is
    put one millisecond after it.

    Args:
        last_ms: each channel's last time; kept up to date.
        floor_ms: stands for the last time of a channel that was not heard of since start.
    """
    late: dict[int, Reading] = {}
    for i, reading in enumerate(readings):
        channel, time_ms = reading[0], reading[1]
        last = last_ms.get(channel, floor_ms)
        if time_ms <= last:
            quality = reading.quality
            if last - time_ms > STEP_MS and quality is Quality.GOOD:
                quality = Quality.UNCERTAIN
            time_ms = last + 1
            late[i] = Reading(channel, time_ms, reading.value, quality)
        last_ms[channel] = time_ms
    if not late:
        return readings
    return [late.get(i, reading) for i, reading in enumerate(readings)]
