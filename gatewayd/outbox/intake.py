"""What comes into the log: numbered, and written to the hot tier with the counters it changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gatewayd.model import Reading
from gatewayd.outbox.books import Books
from gatewayd.outbox.dating import Dating
from gatewayd.outbox.journal import TAKEN
from gatewayd.outbox.ledger import Account
from gatewayd.outbox.opening import Found
from gatewayd.outbox.rows import Rows, private
from gatewayd.outbox.slab import make_slab

SEQ_BLOCK = 2**20
"""Sequence numbers reserved at a time. Each start begins a new block, so that numbers never
repeat, also after the hot tier is gone; the 63 bits last for eight trillion starts."""

AGAIN = 2**16
"""Numbers after which it is tried again to reserve some on a card that could not be written."""

Dated = tuple[str | None, int]
"""Boot and offset_ms of a slab, see there."""


class Intake:
    """Gives numbers. Methods raise sqlite3.Error; counters and rows are then as before the call."""

    def __init__(self, rows: Rows, books: Books, found: Found) -> None:
        self._rows, self._books, self._tables = rows, books, rows.tables
        self.head = found.head
        """The number of the newest row."""
        self.dating = Dating(rows, found.newest_ms)
        self._names = len(rows.names)
        """How many names the hot tier knows."""
        self._reserve()

    def _reserve(self) -> None:
        reserved = self.head + SEQ_BLOCK
        with self._tables.transaction():
            self._tables.set_meta("main", "reserved", reserved)
            self._tables.set_meta("main", "is_closed", 0)
        self._reserved = reserved

    def _make_room(self, count: int) -> None:
        """Reserve numbers where they run out. A card at fault is no reason to lose readings: the
        hot tier knows the last number too, and it is tried again a little later."""
        if self.head + count >= self._reserved:
            try:
                self._reserve()
            except sqlite3.OperationalError:
                self._reserved = self.head + count + AGAIN

    def knows_names(self) -> None:
        """Note that the hot tier has all names."""
        self._names = len(self._rows.names)

    def append(self, readings: Sequence[Reading], dated: Dated, taken: int = 0) -> None:
        """Write readings for whoever wants their channels. For `taken` see journal; 0 = none."""
        numbers = self._rows.numbers
        for reading in readings:
            if reading[0] not in numbers:
                self._rows.number(reading[0])
        self._make_room(len(readings))
        slab = make_slab(self.head + 1, readings, numbers)
        slab.boot, slab.offset_ms = dated
        slab = self.dating.place(slab)
        accounts, newest_ms = self._books.accept(slab), self.dating.newest_with(slab)
        with self._tables.transaction():
            self._tables.set_meta("hot", "newest", newest_ms)
            if taken > 0:
                self._tables.set_meta("hot", TAKEN, taken)
            self._tables.save_names("hot", self._rows.names, self._names)
            self._tables.insert("hot", slab)
            self._tables.save_counters(accounts)
        self._books.accounts.update(accounts)
        self.head, self.dating.newest_ms = slab.last, newest_ms
        self.knows_names()
        self._tables.remember(slab)

    @contextmanager
    def appending(
        self, uplink: str, readings: Sequence[Reading], account: Account, dated: Dated = (None, 0)
    ) -> Iterator[None]:
        """Write readings that one uplink alone shall get, and its account as it is with them, in
        one transaction with the block."""
        head = self.head
        self._make_room(len(readings))
        mine = [each._replace(channel=private(uplink, each.channel)) for each in readings]
        for reading in mine:
            self._rows.number(reading.channel)
        with self._tables.transaction():
            self._tables.save_names("hot", self._rows.names, self._names)
            if mine:
                slab = make_slab(head + 1, mine, self._rows.numbers)
                slab.boot, slab.offset_ms = dated
                slab = self.dating.place(slab) if slab.is_waiting else slab
                self._tables.insert("hot", slab)
                head = slab.last
            self._tables.save_counters([(uplink, account)])
            yield
        self._books.accounts[uplink], self._books.is_changed = account, True
        self.head = head
        self.knows_names()
        self._books.want()
