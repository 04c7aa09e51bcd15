"""Room on the card: what is too old goes, and when the log is full it is thinned before it loses.

Strategy: each commit does a bounded piece of the work, so that none takes longer than some tens
of milliseconds. Thinning begins while there is still a tenth of the room left, and works ahead of
what comes in. Neighbouring slabs are put together first: small ones of slow readings shrink by
that alone. Where it cannot keep up, or finds nothing more, the oldest goes, alarms and counters
last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from gatewayd.model import ChannelId
from gatewayd.outbox.books import Books
from gatewayd.outbox.ledger import Account
from gatewayd.outbox.rows import PRIVATE, Rows
from gatewayd.outbox.slab import MARK, SLAB_ROWS_MAX, Slab, can_join, join
from gatewayd.outbox.thinning import DROPPING, THINNINGS, Thinning, surplus, thinned

THIN_FROM = 0.9
"""The part of the room from which on the log is thinned."""

STEP_ROWS = 8192
"""Rows looked at in one commit: reading, thinning and packing them again takes 25 ms here."""

DROP_ROWS = 256
"""Rows that are dropped together: no more than must be."""

STEP_SLABS = 32
"""Slabs taken from the card in one commit because of their age."""

LOSE_BYTES = 256 * 1024
"""What is lost in one commit where the log is larger than it may be, and as much again as comes
in: the owner may have made it smaller by hundreds of MiB."""


class Room:
    """Keeps the card, or the memory in its stead, within its bounds."""

    def __init__(self, rows: Rows, books: Books) -> None:
        self._rows, self._books, self._tables = rows, books, rows.tables
        self._done = dict.fromkeys((*THINNINGS, DROPPING), 0)
        """Through which seq each way of thinning has been."""
        self.protected: frozenset[ChannelId] = frozenset()
        """Channels that are never thinned: alarms and counters."""

    def age(self, oldest_ms: int, head: int) -> None:
        """Drop what is older than that, a bounded number of slabs."""
        query = (
            "SELECT last, base_ms < ? AND (boot IS NULL OR boot = ?) FROM main.slab "
            "ORDER BY last LIMIT ?"
        )
        aged = 0
        for last, is_old in self._tables.db.execute(query, (oldest_ms, MARK, STEP_SLABS)):
            if not is_old:
                break
            aged = last
        if aged:
            self._lose("main", aged, "aged", head)

    def make(self, size_max: int, head: int, *, is_cramped: bool = False) -> None:
        """Thin or drop until the card holds no more than that, as far as one commit may go.

        Args:
            is_cramped: the disk is full, whatever the log may grow to.
        """
        enough = 0 if is_cramped else round(size_max * THIN_FROM)
        if self._tables.used("main") > enough:
            self._thin_all(enough, size_max, head)
        excess = self._tables.used("main") - size_max
        if excess > 0:
            excess = min(excess, LOSE_BYTES + self._tables.used("hot"))
            self._lose("main", self._tables.oldest("main", excess), "full", head)

    def shed(self, size_max: int, head: int) -> None:
        """Drop the oldest rows that wait in memory for a card at fault, beyond a size."""
        excess = self._tables.used("hot") - size_max
        if excess > 0:
            self._lose("hot", self._tables.oldest("hot", excess), "full", head)

    def _thin_all(self, enough: int, size_max: int, head: int) -> None:
        """Thin until the card holds `enough`, and drop beyond `size_max`: one write to the card."""
        books, room = self._books, STEP_ROWS
        before, generation = books.accounts, books.generation + 1
        done = dict(self._done)
        try:
            with self._tables.transaction():
                for thinning in THINNINGS:
                    room -= self._thin(thinning, enough, room)
                self._thin(DROPPING, size_max, room)
                if books.accounts is before:
                    return
                books.save("main", books.accounts, generation)
                self._tables.set_meta("main", "counted", head)
        except BaseException:
            books.accounts, self._done = before, done
            raise
        self._rows.card_last = self._tables.one("SELECT max(last) FROM main.slab")
        self._take(books.accounts, generation)

    def _thin(self, thinning: Thinning, enough: int, rows_max: int) -> int:
        """Go on with one way of thinning until the card holds `enough` bytes or so many rows were
        looked at; returns how many were. The caller holds the transaction."""
        looked = 0
        while looked < rows_max and self._tables.used("main") > enough:
            rows = DROP_ROWS if thinning is DROPPING else SLAB_ROWS_MAX
            group = self._next_group(self._done[thinning], rows)
            if not group:
                break
            self._thin_group(group, thinning)
            self._done[thinning] = group[-1].last
            looked += group[-1].last - group[0].first + 1
        return looked

    def _next_group(self, after: int, rows: int) -> list[Slab]:
        """Return neighbours that can be one slab; none while more may join them."""
        group: list[Slab] = []
        with closing(self._tables.read("main", after)) as slabs:
            for slab in slabs:
                if group and not _fits(group, slab, rows):
                    return group
                group.append(slab)
                if len(slab.numbers) >= rows:
                    return group
        return []

    def _thin_group(self, group: Sequence[Slab], thinning: Thinning) -> None:
        slab = group[0]
        for each in group[1:]:
            slab = join(slab, each)
        places = surplus(slab, self._spared(), thinning)
        if not places and len(group) == 1:
            return
        accounts = self._books.without([slab], places, thinning.reason)
        self._tables.replace("main", group, thinned(slab, places))
        self._books.accounts = accounts

    def _lose(self, tier: str, last: int, reason: str, head: int) -> None:
        accounts = self._books.without(self._until(tier, last), None, reason)
        for account in accounts.values():
            account.cursor = max(account.cursor, last)
        generation = self._books.generation + (tier == "main")
        with self._tables.transaction():
            self._tables.forget(tier, last)
            self._books.save(tier, accounts, generation)
            if tier == "main":
                self._tables.set_meta("main", "counted", head)
        self._take(accounts, generation)

    def _take(self, accounts: dict[str, Account], generation: int) -> None:
        self._books.accounts, self._books.generation = accounts, generation
        self._books.is_changed = True
        with self._tables.transaction():
            self._books.save("hot", accounts, generation)

    def _until(self, tier: str, last: int) -> Iterator[Slab]:
        after = min((a.cursor for a in self._books.accounts.values()), default=last)
        with closing(self._tables.read(tier, after)) as slabs:
            for slab in slabs:
                if slab.last > last:
                    return
                yield slab

    def _spared(self) -> frozenset[int]:
        """What somebody wants sent again is spared too: it was asked for by hand."""
        rows = self._rows
        return frozenset(
            number
            for number, name in enumerate(rows.names)
            if PRIVATE in name or rows.shown[number] in self.protected
        )


def _fits(group: Sequence[Slab], slab: Slab, rows: int) -> bool:
    return can_join(group[-1], slab) and slab.last - group[0].first < rows
