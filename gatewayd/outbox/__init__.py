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
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gatewayd.clock import Clock
from gatewayd.errors import OutboxError
from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox.ageing import Ageing
from gatewayd.outbox.census import Counting
from gatewayd.outbox.files import Carried
from gatewayd.outbox.intake import Dated
from gatewayd.outbox.interim import Interim, adopt
from gatewayd.outbox.journal import BEGIN, TAKEN, Journal
from gatewayd.outbox.ledger import Account, Balance
from gatewayd.outbox.places import find_tmpfs
from gatewayd.outbox.rejects import Rejected, Rejection
from gatewayd.outbox.store import Bounds, CardReplaced, Store
from gatewayd.outbox.telling import Teller

__all__ = [
    "Account",
    "Balance",
    "Bounds",
    "Outbox",
    "Rejected",
    "Rejection",
    "closing",
    "find_tmpfs",
    "new_outbox",
    "open_outbox",
]

T = TypeVar("T")

Subscriptions = Mapping[str, frozenset[ChannelId]]


@dataclass(frozen=True, slots=True)
class _End:
    """Why the files had to be closed, and what goes on in the next ones; see `open_files`."""

    reason: str
    is_suspect: bool
    carried: Carried | None
    losses: dict[str, int]


Make = Callable[[_End | None], Store]


class Outbox:
    """The log, from the event loop. Every method may raise OutboxError."""

    def __init__(
        self, make: Make, clock: Clock, *, holds_back: bool, interim: Interim | None = None
    ) -> None:
        """`interim` is where the log is while the card cannot be opened; None = nowhere."""
        self._make, self._clock = make, clock
        self._interim = interim
        self._absent: str | None = None
        self._journal: Journal | None = None
        self._teller = Teller(clock, is_marking=not holds_back)
        self._ageing = Ageing(clock)
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._counting = Counting(self._do)
        self._store: Store
        self._end: _End | None = None
        self._subscriptions: Subscriptions = {}
        self._protected: frozenset[ChannelId] = frozenset()
        self._changed = asyncio.Event()
        self.version = 0
        """Counts the changes that may give a drain something to do; see `wait_changed`."""
        self.is_open = False

    @property
    def is_dated(self) -> bool:
        """Whether rows are dated by a clock that is right; becomes true once, in `commit`."""
        return self._teller.is_dated

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
        return self._absent or self._store.card_fault

    @property
    def losses(self) -> Mapping[str, int]:
        """Readings that never came into the log, by reason, since it was begun."""
        return self._store.books.losses

    async def subscribe(
        self, wanted: Subscriptions, protected: frozenset[ChannelId] = frozenset()
    ) -> None:
        """Say which uplinks there are, which channels each wants, and which are never thinned."""
        self._subscriptions, self._protected = wanted, protected
        await self._do(lambda store: store.subscribe(wanted, protected))
        if self._absent:  # Before anything leaves: what is on the card comes first.
            await self._do(lambda store: self._adopt())

    async def open_journal(self) -> Journal | None:
        """Return the place for what waits to be appended, or None where there is no memory that
        outlives the process. It is closed with the log."""
        if self._interim is None:
            return None
        taken = await self._do(lambda store: store.knows(TAKEN))
        with suppress(OSError):  # It is a net below; the readings go their way without.
            folder, teller = self._interim.hot_dir, self._teller
            self._journal = Journal(folder, taken, teller.offset_ms, teller.find_offset_ms)
        if not taken:
            await self._do(lambda store: store.note(TAKEN, BEGIN))
        return self._journal

    async def append(self, readings: Sequence[Reading], taken: int = 0) -> None:
        """Write readings; on return they survive the death of the process.

        Args:
            taken: the journal's number of the last of them, 0 = they do not come from there.
        """
        if not readings:
            return
        dated, now_ms = self._teller.dated(), self._clock.now_ms()
        await self._do(lambda store: _append(store, readings, dated, taken, now_ms))
        self._announce()

    async def lose(self, reason: str, count: int) -> None:
        """Count readings that never came into the log."""
        await self._do(lambda store: store.lose(reason, count))

    async def next_batch(self, uplink: str, after: int, limit: int) -> Batch | None:
        """Return up to `limit` readings of an uplink after a seq, or None at the end.

        The batch can be empty; its `through` then passes rows of other uplinks.
        """
        if after >= self._store.head:
            return None
        return await self._do(lambda store: store.batch(uplink, after, limit))

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

    async def offer(self, batch: Batch) -> None:
        """Say that a batch is on its way to the cloud. What is offered twice is counted: the
        cloud may have it twice."""
        await self._do(lambda store: store.offer(batch.uplink, batch.seqs))

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
        if self._teller.is_due:
            await self._do(self._teller.tell)
            self._announce()
        now_ms, aged_ms = self._clock.now_ms(), self._ageing.find_now_ms(is_dated=self.is_dated)
        if self._absent:
            await self._do(lambda store: self._adopt())
        await self._do(lambda store: store.commit(now_ms, aged_ms))
        events, self._store.events = self._store.events, []
        return events

    async def balance(self) -> Mapping[str, Balance]:
        """Return the ledger, with what the files hold counted row by row; takes its time, and
        nobody else's."""
        return await self._counting.balance()

    @property
    def counted(self) -> float | None:
        """How far a long count of the ledger is, 0 to 1; None = there is none."""
        return self._counting.progress

    async def audit(self) -> list[str]:
        """Return a sentence for each uplink whose ledger does not balance; quick."""
        return await self._do(lambda store: store.audit())

    async def rejected(self, uplink: str, after: int = 0, limit: int = 500) -> list[Rejected]:
        """Return what an uplink's cloud refused, after a seq, the oldest first."""
        return await self._do(lambda store: store.rejected(uplink, after, limit))

    async def retry(self, uplink: str) -> int:
        """Have an uplink's rejected readings sent again, in their order; return how many."""
        total = 0
        while count := await self._do(lambda store: store.retry(uplink)):
            total += count
            self._announce()
        return total

    async def open(self) -> None:
        """Open the files, in the log's own thread; without a card, in memory.

        Raises:
            OutboxError: not even that.
        """
        loop = asyncio.get_running_loop()
        self._store = await loop.run_in_executor(self._thread, self._open)
        self.is_open = True
        # A process of this boot before us may not have lived to see the time.
        await self._do(self._teller.tell)

    def _open(self) -> Store:
        try:
            store = self._make(None)
        except OutboxError as error:
            if self._interim is None:
                raise
            self._absent = str(error)
            return self._interim.open()
        if self._interim and self._interim.exists():
            self._absent = "the log in memory was not yet brought to the card"
            store.abandon()
            return self._interim.open()  # Whoever subscribes brings it there.
        return store

    def _adopt(self) -> None:
        """Go back to the card if it can be opened now."""
        try:
            store = self._make(None)
        except OutboxError as error:
            self._absent = str(error)
            return
        interim, self._store, self._absent = self._store, store, None
        store.subscribe(self._subscriptions, self._protected)
        self._teller.tell_anew(store)
        store.note(TAKEN, interim.knows(TAKEN))
        count = adopt(store, interim)
        store.events.append(f"the card can be used; {count} readings came from memory")

    async def close(self) -> None:
        """Bring everything to the card and close it."""
        await self._counting.stop()
        now_ms = self._clock.now_ms()
        if self._journal is not None:
            self._journal.close()
        try:
            if self._absent:
                await self._do(lambda store: self._adopt())
            if self._absent:  # It stays in memory for the next life, if the machine stays up.
                await self._do(lambda store: store.leave(now_ms))
            else:
                await self._do(lambda store: store.close(now_ms))
        finally:
            self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[Store], T]) -> T:
        """Run in the log's thread. The work is finished there even if nobody waits any more."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, self._work, work))

    def _work(self, work: Callable[[Store], T]) -> T:
        if self._end is not None:
            self._reopen(self._end)  # It could not be done before.
        try:
            return work(self._store)
        except CardReplaced as error:
            self._reopen(self._ended(str(error), is_suspect=False))
        except OutboxError as error:
            cause = error.__cause__
            is_corrupt = isinstance(cause, sqlite3.DatabaseError)
            if not is_corrupt or isinstance(cause, sqlite3.OperationalError):
                raise
            self._reopen(self._ended(str(error), is_suspect=True))
        return work(self._store)

    def _ended(self, reason: str, *, is_suspect: bool) -> _End:
        return _End(reason, is_suspect, self._store.abandon(), self._store.books.losses)

    def _reopen(self, end: _End) -> None:
        """Open the files again; what is broken is set aside, what is lost with it is counted."""
        self._end = end
        self._store = self._make(end)
        self._end = None
        self._store.events.insert(0, end.reason)
        self._store.books.losses = end.losses
        self._store.subscribe(self._subscriptions, self._protected)
        self._teller.tell_anew(self._store)


def _append(
    store: Store, readings: Sequence[Reading], dated: Dated, taken: int, now_ms: int
) -> None:
    """Append; where memory is full, what waits there is brought to the card first."""
    try:
        store.append(readings, *dated, taken)
    except OutboxError as error:
        if "full" not in str(error):
            raise
        store.commit(now_ms)
        store.append(readings, *dated, taken)


def new_outbox(
    state_dir: Path,
    hot_dir: Path | None,
    clock: Clock,
    bounds: Bounds | None = None,
    *,
    holds_back: bool = True,
) -> Outbox:
    """Return a log that is not open yet; see `open_outbox`."""

    def make(end: _End | None) -> Store:
        found = bounds or Bounds()
        is_suspect, carried = (end.is_suspect, end.carried) if end else (False, None)
        return Store(state_dir, hot_dir, found, is_suspect=is_suspect, carried=carried)

    interim = Interim(state_dir, hot_dir) if hot_dir else None
    return Outbox(make, clock, holds_back=holds_back, interim=interim)


@asynccontextmanager
async def open_outbox(
    state_dir: Path,
    hot_dir: Path | None,
    clock: Clock,
    bounds: Bounds | None = None,
    *,
    holds_back: bool = True,
) -> AsyncIterator[Outbox]:
    """Open the log; on leaving, everything owed is on the card.

    Args:
        hot_dir: a folder on tmpfs, or None to keep the hot tier in the process's memory (then a
            crash loses what a power cut would).
        holds_back: rows written before the clock was synchronised wait; else they go out
            UNCERTAIN, in order.

    Raises:
        OutboxError: no log can be kept there at all.
    """

    outbox = new_outbox(state_dir, hot_dir, clock, bounds, holds_back=holds_back)
    async with closing(outbox):
        await outbox.open()
        yield outbox


@asynccontextmanager
async def closing(outbox: Outbox) -> AsyncIterator[None]:
    """Close a log when the block ends, if it was opened in it."""
    try:
        yield
    finally:
        if outbox.is_open:
            await outbox.close()
