"""The durable, ordered log of readings, and how far each uplink is with it.

Characteristics: in readings, in groups · out batches by cursor, acknowledgements · buffered up
to `Bounds` · when full the oldest goes, counted · ordered · event loop only, the work is done in
one thread · durable: a crash of the process loses nothing appended, a power cut at most what
the last commit had not yet moved to the card and no cloud had taken.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from gatewayd.clock import Clock
from gatewayd.errors import OutboxError
from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox.files import CARD_NAME, find_tmpfs, set_aside
from gatewayd.outbox.ledger import Account, Balance
from gatewayd.outbox.store import Bounds, Store
from gatewayd.outbox.tables import Rejection

__all__ = ["Account", "Balance", "Bounds", "Outbox", "Rejection", "find_tmpfs", "open_outbox"]

T = TypeVar("T")

Subscriptions = Mapping[str, frozenset[ChannelId]]


class Outbox:
    """The log, from the event loop. Every method may raise OutboxError."""

    def __init__(self, make: Callable[[], Store], clock: Clock, *, holds_back: bool) -> None:
        self._make, self._clock, self._holds_back = make, clock, holds_back
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._store: Store
        self._subscriptions: Subscriptions = {}
        self._changed = asyncio.Event()
        self.version = 0
        """Counts the changes that may give a drain something to do; see `wait_changed`."""
        self.is_dated = clock.is_synchronised()
        """Whether rows are dated by a clock that is right; becomes true once, in `commit`."""

    @property
    def head(self) -> int:
        """The number of the newest row."""
        return self._store.head

    @property
    def newest_ms(self) -> int:
        """The latest time of any row that was dated by a clock that was right, ever."""
        return self._store.newest_ms

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The counters of every uplink as they stand."""
        return self._store.accounts

    @property
    def card_fault(self) -> str | None:
        """Why the card cannot be written, or None."""
        return self._store.card_fault

    async def subscribe(self, wanted: Subscriptions) -> None:
        """Say which uplinks there are and which channels each wants."""
        self._subscriptions = wanted
        await self._do(lambda store: store.subscribe(wanted))

    async def append(self, readings: Sequence[Reading]) -> None:
        """Write readings; on return they survive the death of the process."""
        if not readings:
            return
        boot = None if self.is_dated else self._clock.boot_id()
        offset_ms = 0 if boot is None else self._clock.now_ms() - self._clock.boottime_ms()
        await self._do(lambda store: store.append(readings, boot, offset_ms))
        self._announce()

    async def next_batch(self, uplink: str, after: int, limit: int) -> Batch | None:
        """Return up to `limit` readings of an uplink after a seq, or None at the end.

        The batch can be empty; its `through` then passes rows of other uplinks.
        """
        if after >= self._store.head:
            return None
        held = self._clock.boot_id() if self._holds_back and not self.is_dated else None
        return await self._do(lambda store: store.batch(uplink, after, limit, held))

    async def wait_changed(self, version: int) -> None:
        """Return when something was appended or released since `version` was looked at.

        Look at it before asking for a batch, else what comes in between is missed. (The head
        would not do: numbers have gaps, and rows can be held back.)
        """
        while self.version == version:
            await self._changed.wait()

    def _announce(self) -> None:
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def ack(
        self, uplink: str, through: int, delivered: int, rejected: Sequence[Rejection] = ()
    ) -> None:
        """Move an uplink's cursor: `delivered` readings up to `through` are its cloud's now, and
        the `rejected` ones it will never take; they are kept with its answer."""
        await self._do(lambda store: store.settle(uplink, through, delivered, rejected))

    async def commit(self) -> list[str]:
        """Move what is owed to the card, re-date after the first synchronisation of the clock.

        Returns:
            What happened to the files since the last call, a sentence each, for the log.
        """
        if not self.is_dated and self._clock.is_synchronised():
            self.is_dated = True
            boot, offset_ms = self._clock.boot_id(), self._offset_ms()
            count = await self._do(lambda store: store.resynchronise(boot, offset_ms))
            self._announce()
            self._store.events.append(f"the clock is synchronised, {count} slabs were re-dated")
        now_ms = self._clock.now_ms()
        await self._do(lambda store: store.commit(now_ms))
        events, self._store.events = self._store.events, []
        return events

    async def balance(self) -> dict[str, Balance]:
        """Return the ledger, with what the files hold counted row by row."""
        return await self._do(lambda store: store.balance())

    async def open(self) -> None:
        """Open the files, in the log's own thread."""
        loop = asyncio.get_running_loop()
        self._store = await loop.run_in_executor(self._thread, self._make)

    async def close(self) -> None:
        """Bring everything to the card and close it."""
        now_ms = self._clock.now_ms()
        try:
            await self._do(lambda store: store.close(now_ms))
        finally:
            self._thread.shutdown(wait=False)

    def _offset_ms(self) -> int:
        return self._clock.now_ms() - self._clock.boottime_ms()

    async def _do(self, work: Callable[[Store], T]) -> T:
        """Run in the log's thread. The work is finished there even if nobody waits any more."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, self._work, work))

    def _work(self, work: Callable[[Store], T]) -> T:
        try:
            return work(self._store)
        except OutboxError as error:
            cause = error.__cause__
            is_corrupt = isinstance(cause, sqlite3.DatabaseError)
            if not is_corrupt or isinstance(cause, sqlite3.OperationalError):
                raise
            self._replace_card(str(error))
            return work(self._store)

    def _replace_card(self, reason: str) -> None:
        """Begin a new card file; what is in memory goes on, what was only there is counted."""
        self._store.abandon()
        kept = set_aside(self._store.state_dir / CARD_NAME)
        self._store = self._make()
        self._store.events.insert(0, f"{reason}; the file is kept as {kept.name}")
        self._store.subscribe(self._subscriptions)


@asynccontextmanager
async def open_outbox(
    state_dir: Path,
    hot_dir: Path | None,
    clock: Clock,
    bounds: Bounds | None = None,
    *,
    holds_back: bool = False,
) -> AsyncIterator[Outbox]:
    """Open the log; on leaving, everything owed is on the card.

    Args:
        hot_dir: a folder on tmpfs, or None to keep the hot tier in the process's memory (then a
            crash loses what a power cut would).
        holds_back: rows written before the clock was synchronised wait; else they go out
            UNCERTAIN.

    Raises:
        OutboxError: no log can be kept there at all.
    """

    def make() -> Store:
        return Store(state_dir, hot_dir, bounds or Bounds())

    outbox = Outbox(make, clock, holds_back=holds_back)
    await outbox.open()
    try:
        yield outbox
    finally:
        await outbox.close()
