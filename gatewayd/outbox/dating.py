"""The place in time of every row: who waits for the clock, who leaves without, who is dated anew.

Strategy: rows of a boot that does not know the time wait, or leave marked, in order but uncertain.
At the first synchronisation all that wait are dated at once, the oldest first: those of this boot
by when it began, and those of boots before it, which never knew, as if each had ended when the
next one began. That is the latest they can be, so they come after whatever left before them, and
the card need not remember all the time when that was. They are uncertain for ever.

What the card does not take, because it is full or read-only, is dated when it is read, so that
nothing waits for the card, and written with the first commit that can. Until then memory keeps
by what it was dated, or another process would date it after rows that followed it [1].
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Protocol

import orjson

from gatewayd.outbox.order import STEP_MS, Marking, Order
from gatewayd.outbox.rows import Rows
from gatewayd.outbox.slab import MARK, Slab
from gatewayd.outbox.tables import as_json

AHEAD_MS = 60_000
"""Where rows leave marked, the card is told so far ahead what is newest: a small commit a minute.
After a power cut the next boot begins behind that; longer would put it further from the truth."""

DECISION = "dating"


class Mover(Protocol):
    """Says where rows go in time, one slab after the other."""

    @property
    def order(self) -> Order: ...

    def move(self, slab: Slab) -> Slab:
        """Return a slab as it is to be; the same if it stays."""
        ...


@dataclass(frozen=True, slots=True)
class Settling:
    """Dates what waited, by when each boot began; `boot` is the one that knows it."""

    order: Order
    boot: str
    starts_ms: Mapping[str, int]

    def move(self, slab: Slab) -> Slab:
        boot = str(slab.boot)
        if not slab.is_waiting:
            return self._again(slab, self.starts_ms[self.boot] - slab.offset_ms)
        base_ms = slab.base_ms + self.starts_ms[boot] - slab.offset_ms
        return self.order.keep(
            replace(slab, base_ms=base_ms, boot=None if boot == self.boot else MARK, offset_ms=0)
        )

    def _again(self, slab: Slab, shift_ms: int) -> Slab:
        """Return rows that may have left marked, for those who still want them: never earlier than
        they were, or they would come before what these have of the rows before them."""
        if shift_ms <= -STEP_MS:
            self.order.keep(slab, 0)
            return slab
        base_ms = slab.base_ms + max(0, shift_ms)
        return self.order.keep(replace(slab, base_ms=base_ms, boot=None, offset_ms=0), 0)


@dataclass(frozen=True, slots=True)
class Decision:
    """When a boot began, and what was newest when that became known."""

    boot: str
    start_ms: int
    floor_ms: int


class Dating:
    """Gives rows their time. Methods raise sqlite3.Error."""

    def __init__(self, rows: Rows, newest_ms: int) -> None:
        self._rows, self._tables = rows, rows.tables
        self.newest_ms = newest_ms
        """The latest time of any row that may have left."""
        self._is_marking = False
        self._marking: Marking | None = None
        self._decision: Decision | None = None
        self._order: Order | None = None
        """Of what was dated anew, while readings may come that were put in order before it was."""
        self._reserved_ms = 0

    # What comes in

    def place(self, slab: Slab) -> Slab:
        """Return new rows with the times that they are to be written with."""
        decision = self._decision
        if slab.is_waiting and decision is not None and slab.boot == decision.boot:
            # They were on their way meanwhile.
            base_ms = slab.base_ms + decision.start_ms - slab.offset_ms
            slab = replace(slab, base_ms=base_ms, boot=None, offset_ms=0)
            self._order = self._order or Order(self.newest_ms, public=self._rows.publics)
        elif slab.is_waiting and self._is_marking:
            return self._find_marking().move(slab)
        if slab.boot is not None or self._order is None:
            return slab
        if slab.base_ms + min(slab.times) > self._order.newest_ms:
            self._order = None  # Once all of one is after it, so is what follows.
            return slab
        return self._order.keep(slab)

    def newest_with(self, slab: Slab) -> int:
        """Return what is newest once these rows are in. The card is told before they may leave."""
        if slab.is_waiting:
            return self.newest_ms
        newest_ms = max(self.newest_ms, slab.base_ms + max(slab.times))
        if self._is_marking and newest_ms > self._reserved_ms:
            self._reserved_ms = newest_ms + AHEAD_MS
            # A card at fault is no reason to lose readings; it is tried again a minute later.
            with suppress(sqlite3.OperationalError):
                self._tables.set_meta("main", "newest", self._reserved_ms)
        return newest_ms

    def told_ms(self, *, is_last: bool) -> int:
        """Return what the card is to know as newest."""
        return self.newest_ms if is_last else max(self.newest_ms, self._reserved_ms)

    def follow(self, newest_ms: int) -> None:
        """Let nothing that comes be before a time that another log knows."""
        self.newest_ms = max(self.newest_ms, newest_ms)
        self._marking, self._order = None, Order(self.newest_ms, public=self._rows.publics)
        self._tables.set_meta("hot", "newest", self.newest_ms)

    # What is there

    def begin(self, boot: str, *, is_marking: bool) -> None:
        """Go on with what a life before this one decided and could not finish."""
        self._is_marking = is_marking
        kept = self._tables.meta("hot", DECISION)
        if isinstance(kept, str):
            decision = Decision(*orjson.loads(kept))
            if decision.boot == boot:
                self._settle(decision)

    def release(self) -> int:
        """Let all go marked that waits; returns how many slabs."""
        return self._move(None, self._find_marking().order, Marking)

    def settle(self, boot: str, start_ms: int) -> int:
        """Date all that waits, now that it is known when this boot began; returns how many slabs.

        What it is dated by stays the same, whatever the clock says later.
        """
        known = self._decision
        if known is None or known.boot != boot:
            known = Decision(boot, start_ms, self.newest_ms)
        return self._settle(known)

    def finish(self) -> int:
        """Write to the card what it could not take before; returns how many slabs."""
        tables = self._tables
        if not tables.moved:
            return 0
        with tables.transaction():
            count = sum(map(tables.write_moved, tables.moved))
        tables.moved.clear()
        tables.set_meta("hot", DECISION, None)
        return count

    def _settle(self, decision: Decision) -> int:
        starts_ms = self._find_starts(decision)
        order = self._order or Order(decision.floor_ms, public=self._rows.publics)
        count = self._move(decision, order, lambda order: Settling(order, decision.boot, starts_ms))
        self._decision = decision
        return count

    def _find_marking(self) -> Marking:
        if self._marking is None:
            self._marking = Marking(Order(self.newest_ms, public=self._rows.publics))
        return self._marking

    def _find_starts(self, decision: Decision) -> dict[str, int]:
        """Return when each boot of which rows wait began, at the latest."""
        starts_ms, end_ms = {decision.boot: decision.start_ms}, decision.start_ms
        lasts = self._tables.waiting_boots()
        for boot in sorted(lasts, key=lasts.__getitem__, reverse=True):
            if boot != decision.boot:
                end_ms -= self._find_span_ms(lasts[boot]) + 1
                starts_ms[boot] = end_ms
        return starts_ms

    def _find_span_ms(self, last: int) -> int:
        """Return how long a boot had gone on at its last row."""
        with closing(self._rows.slabs(last - 1)) as slabs:
            slab = next(slabs, None)
        return 0 if slab is None else max(0, slab.base_ms - slab.offset_ms + max(slab.times))

    def _move(self, decision: Decision | None, order: Order, make: Callable[[Order], Mover]) -> int:
        """Move all rows that are not where they belong; those of the card at least as read."""
        tables, boot = self._tables, decision.boot if decision else None
        mover, count = make(order.copy()), 0
        try:
            with tables.transaction():
                for slab in tables.unsettled("main", boot):
                    count += tables.put("main", slab, mover.move(slab))
        except sqlite3.OperationalError:
            mover, count = make(order.copy()), 0
            for slab in tables.unsettled("main", boot):
                count += tables.show(slab, mover.move(slab))
        self._keep(mover, count)
        with tables.transaction():
            for slab in tables.unsettled("hot", boot):
                if slab.last > self._rows.card_last:
                    count += tables.put("hot", slab, mover.move(slab))
            newest_ms = max(self.newest_ms, mover.order.newest_ms)
            tables.set_meta("hot", "newest", newest_ms)
            if decision and tables.moved:
                kept = [decision.boot, decision.start_ms, decision.floor_ms]
                tables.set_meta("hot", DECISION, as_json(kept))  # [1]
        self.newest_ms = newest_ms
        self._keep(mover, count)
        return count

    def _keep(self, mover: Mover, count: int) -> None:
        if isinstance(mover, Marking):
            self._marking = mover
        elif count:
            self._order = mover.order
