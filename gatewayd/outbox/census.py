"""Counts what the log holds for every uplink, beside the log's own work.

Strategy: a log of 512 MiB takes minutes to count on a Pi, and readings do not wait so long. SQLite
leaves a reader the card's file as it was when it began to read. So the rows of one instant are
held against the accounts of that instant, in a thread and over a connection of their own; what
waits in memory is little, and counted at once.

Characteristics: in a store · out balances · one census at a time, whoever asks meanwhile gets the
same · takes as much time again as it works, so that others come in between.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from gatewayd.errors import OutboxError
from gatewayd.outbox.files import CARD_NAME
from gatewayd.outbox.ledger import Balance, balance_of
from gatewayd.outbox.rescue import lenient
from gatewayd.outbox.rows import count_numbers
from gatewayd.outbox.slab import parse_numbers
from gatewayd.outbox.store import Store
from gatewayd.outbox.tables import translated

Do = Callable[[Callable[[Store], Any]], Awaitable[Any]]
"""Runs something in the log's thread."""

KEPT_S = 60.0
"""For somebody who was told how far a count is to come and ask for its end."""


class Census:
    """One count, from the instant at which it is made."""

    def __init__(self, store: Store) -> None:
        """In the log's thread. Raises sqlite3.Error: the card's file cannot be opened twice."""
        rows, books = store.rows, store.books
        self.broken: list[int] = []
        """Slabs of the card that could not be read."""
        self._accounts = {uplink: account.copy() for uplink, account in books.accounts.items()}
        self._wanted = dict(books.wanted)
        self._from = self._at = min((a.cursor for a in self._accounts.values()), default=0)
        self._end = max(rows.card_last, self._from + 1)
        self._is_stopped = False
        path = (store.state_dir / CARD_NAME).absolute()
        self._db = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        self._db.text_factory = lenient
        try:
            self._db.execute("BEGIN")
            # From here it stands still.
            self._db.execute("SELECT last FROM slab LIMIT 1").fetchone()
            self._held = {uplink: rows.held_in_memory(*self._of(uplink)) for uplink in self._wanted}
        except BaseException:
            self._db.close()
            raise

    @property
    def progress(self) -> float:
        """How far it is, 0 to 1."""
        return (self._at - self._from) / (self._end - self._from)

    def stop(self) -> None:
        """Have it end at its next step; from any thread."""
        self._is_stopped = True

    def count(self) -> dict[str, Balance]:
        """Return the ledger, in a thread of its own, and close the file.

        Raises:
            OutboxError: it was stopped, or the file cannot be read.
        """
        try:
            with translated():
                self._count()
        finally:
            self._db.close()
        return {name: balance_of(each, self._held[name]) for name, each in self._accounts.items()}

    def _count(self) -> None:
        began_s = time.monotonic()
        query = "SELECT last, first, base_ms, boot, offset_ms, body FROM slab WHERE last > ?"
        for *head, body in self._db.execute(f"{query} ORDER BY last", (self._from,)):
            if self._is_stopped:
                raise OutboxError("the log was closed while it was counted")
            self._at, first = head[0], head[1]
            try:
                numbers = parse_numbers((head[0], first, head[2], head[3], head[4]), body)
            except OutboxError:
                self.broken.append(self._at)
                continue
            for uplink in self._held:
                self._held[uplink] += count_numbers(first, numbers, *self._of(uplink))
            worked_s = time.monotonic() - began_s
            time.sleep(worked_s)
            began_s = time.monotonic()

    def _of(self, uplink: str) -> tuple[frozenset[int], int]:
        return self._wanted[uplink], self._accounts[uplink].cursor


class Counting:
    """The ledger for whoever asks, from the event loop."""

    def __init__(self, do: Do) -> None:
        self._do = do
        self._task: asyncio.Task[dict[str, Balance]] | None = None
        self._census: Census | None = None
        self._unclaimed: tuple[float, dict[str, Balance]] | None = None
        """A long count that ended when nobody waited, and when that was."""

    @property
    def progress(self) -> float | None:
        """How far the count under way is, 0 to 1; None = there is none that takes its time."""
        return self._census.progress if self._census else None

    async def balance(self) -> Mapping[str, Balance]:
        """Return the ledger; a count that is under way is everybody's. Raises OutboxError.

        Who was told to ask again gets the long count that ended meanwhile, for `KEPT_S`.
        """
        if self._task is None or self._task.done():
            unclaimed, self._unclaimed = self._unclaimed, None
            if unclaimed and asyncio.get_running_loop().time() - unclaimed[0] < KEPT_S:
                return unclaimed[1]
            self._task = asyncio.create_task(self._balance())
            # Whoever asked may have left: then its error is nobody's.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        lines = await asyncio.shield(self._task)
        self._unclaimed = None
        return lines

    async def stop(self) -> None:
        """End a count that is under way."""
        if self._census is not None:
            self._census.stop()
        if self._task is not None:
            with suppress(OutboxError):
                await self._task

    async def _balance(self) -> dict[str, Balance]:
        begun: dict[str, Balance] | Census = await self._do(_begin)
        if not isinstance(begun, Census):
            return begun
        self._census = begun
        try:
            lines = await asyncio.get_running_loop().run_in_executor(None, begun.count)
        finally:
            self._census = None
        if begun.broken:
            await self._do(lambda store: store.look_at(begun.broken))
        self._unclaimed = (asyncio.get_running_loop().time(), lines)
        return lines


def _begin(store: Store) -> dict[str, Balance] | Census:
    """Return the ledger where that is quickly done, else its census."""
    with translated():
        is_quick = all(map(store.books.is_countable, store.accounts))
    if not is_quick:
        with suppress(sqlite3.Error):  # The file was removed: its rows can be had from us alone.
            return Census(store)
    return store.balance()
