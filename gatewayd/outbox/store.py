"""The log itself: slabs in two tiers, a cursor and an account for each uplink. One thread only.

Strategy: what arrives goes to the hot tier at once, which survives the process. At each commit,
what some uplink still owes moves to the card in one transaction, and what nobody owes is
forgotten in both tiers; so a healthy day never touches the card. Order of a move: card first,
then hot [1]; a crash between leaves rows twice, and opening removes the second copy [2].

Counters live in memory and in hot. The card gets a snapshot of them together with the rows only
when something besides `accepted` changed; `accepted` is counted again from the rows [3]. So an
outage writes rows and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox.files import drop_ballast, lay_ballast, open_files, remove_hot
from gatewayd.outbox.ledger import Account, Balance
from gatewayd.outbox.slab import Slab, can_join, join, make_slab
from gatewayd.outbox.tables import Rejection, Tables, translated

SEQ_BLOCK = 2**20
"""Sequence numbers reserved at a time. Each start begins a new block, so that numbers never
repeat, also after the hot tier is gone; the 63 bits last for eight trillion starts."""

SNAPSHOT_MS = 3_600_000
"""How old the counters on the card may grow while nothing else is written: 24 small commits a
day. They are needed only after a power cut."""

HOT_BYTES_MAX = 64 * 2**20
"""What may wait in memory while the card cannot be written; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the owner allows the log to grow to."""

    size_max: int = 512 * 2**20
    age_max_s: float = 30 * 86400.0


class Store:
    """Both tiers. Methods raise OutboxError; counters and rows are then as before the call."""

    def __init__(self, state_dir: Path, hot_dir: Path | None, bounds: Bounds) -> None:
        self.state_dir, self._hot_dir, self.bounds = state_dir, hot_dir, bounds
        self.accounts: dict[str, Account] = {}
        self.card_fault: str | None = None
        self.head = 0
        self.newest_ms = 0
        """The latest time of any reading that was dated by a clock that was right."""
        self._names: list[ChannelId] = []
        self._numbers: dict[ChannelId, int] = {}
        self._wanted: dict[str, frozenset[int]] = {}
        self._is_changed = False
        self._snapshot_ms = 0
        files = open_files(state_dir, hot_dir)
        self._tables, self.events = Tables(files.db), files.events
        with translated():
            self._recover(is_hot_usable=not files.is_hot_fresh, is_card_fresh=files.is_card_fresh)
        lay_ballast(state_dir)

    # Opening and closing

    def _recover(self, *, is_hot_usable: bool, is_card_fresh: bool) -> None:
        tables, store = self._tables, self._tables.meta("main", "store")
        if is_hot_usable and tables.meta("hot", "store") != store:
            if not is_card_fresh:
                self.events.append("the log in memory belongs to another card and is ignored")
                tables.clear_hot()
            is_hot_usable = is_card_fresh  # The card is lost, what is in memory is not.
        tier = "hot" if is_hot_usable else "main"
        for name in tables.names(tier):
            self._number(name)
        self._card_names = len(tables.names("main"))
        self._card_last = tables.one("SELECT max(last) FROM main.slab")
        tables.forget("hot", self._card_last)  # [2]
        self.accounts = tables.accounts(tier)
        self.head = max(
            int(str(tables.meta("main", "reserved") or 0)),
            tables.one("SELECT max(last) FROM hot.slab"),
        )
        self.newest_ms = max(int(str(tables.meta(each, "newest") or 0)) for each in ("main", "hot"))
        self._reserve()
        counted = int(str(tables.meta("main", "counted") or 0))
        for uplink, account in self.accounts.items():
            self._wanted[uplink] = frozenset(map(self._number, account.wanted))
            if not is_hot_usable:
                account.accepted += sum(
                    self._count(slab, account.wanted, counted) for slab in self._slabs(counted)
                )  # [3]
        self._reconcile()
        with tables.transaction():
            tables.set_meta("hot", "store", store)
            tables.save_names("hot", self._names, 0)
            tables.save_accounts("hot", self.accounts)

    def _reserve(self) -> None:
        self._reserved = self.head + SEQ_BLOCK
        self._tables.set_meta("main", "reserved", self._reserved)

    def _reconcile(self) -> None:
        """Count what the files really hold; rows that are gone are dropped by name."""
        for uplink, account in self.accounts.items():
            missing = account.pending - self._held(uplink)
            if missing:
                account.drop("corrupt", missing)
                self._is_changed = True
                self.events.append(f"{missing} readings for {uplink} are gone from the log")

    def _bury(self) -> None:
        """Delete slabs that could not be decoded, and count what went with them."""
        for tier, last in self._tables.broken:
            self._tables.delete(tier, last)
        self._tables.broken.clear()
        self._reconcile()
        self._tables.save_accounts("hot", self.accounts)

    def close(self, now_ms: int) -> None:
        """Move everything that is owed to the card, with the counters, and close the files."""
        self.commit(now_ms, is_last=True)
        self._tables.db.close()
        if self._hot_dir and not self.card_fault:
            remove_hot(self.state_dir, self._hot_dir)

    def abandon(self) -> None:
        """Close the files as they are, because one of them is broken."""
        self._tables.db.close()

    def subscribe(self, wanted: Mapping[str, frozenset[ChannelId]]) -> None:
        """Say which uplinks there are and which channels each wants, and settle what changed.

        A new uplink starts at the head; one that is no longer named loses its backlog, counted.
        """
        with translated():
            for uplink in set(self.accounts) - set(wanted):
                account = self.accounts[uplink]
                account.drop("removed", account.pending)
                account.cursor, account.wanted = self.head, frozenset()
            for uplink, channels in wanted.items():
                account = self.accounts.setdefault(uplink, Account(cursor=self.head))
                lost, won = account.wanted - channels, channels - account.wanted
                for slab in self._slabs(account.cursor) if lost or won else ():
                    account.drop("unsubscribed", self._count(slab, lost, account.cursor))
                    account.accepted += self._count(slab, won, account.cursor)
                account.wanted = channels
            known = len(self._names)
            for uplink, account in self.accounts.items():
                self._wanted[uplink] = frozenset(map(self._number, account.wanted))
            self._is_changed = True
            with self._tables.transaction():
                self._tables.save_names("hot", self._names, known)
                self._tables.save_accounts("hot", self.accounts)

    # Readings in, batches out

    def append(self, readings: Sequence[Reading], boot: str | None, offset_ms: int) -> None:
        """Write readings to the hot tier, numbered after the head. For `boot` see Slab."""
        known, numbers = len(self._names), self._numbers
        for reading in readings:
            if reading[0] not in numbers:
                self._number(reading[0])
        with translated():
            if self.head + len(readings) >= self._reserved:
                self._reserve()
            slab = make_slab(self.head + 1, readings, numbers)
            slab.boot, slab.offset_ms = boot, offset_ms if boot else 0
            counts = {uplink: _count_of(slab, want) for uplink, want in self._wanted.items()}
            if boot is None:
                self.newest_ms = max(self.newest_ms, slab.base_ms + max(slab.times))
            with self._tables.transaction():
                self._tables.set_meta("hot", "newest", self.newest_ms)
                self._tables.save_names("hot", self._names, known)
                self._tables.insert("hot", slab)
                self._tables.add_accepted(counts)
        for uplink, count in counts.items():
            self.accounts[uplink].accepted += count
        self.head = slab.last
        self._tables.remember(slab)

    def batch(self, uplink: str, after: int, limit: int, held_boot: str | None) -> Batch | None:
        """Return up to `limit` rows of an uplink's channels after a seq, or None at the end.

        A batch can be empty: then `through` skips rows that are not this uplink's. Rows written
        in `held_boot` before its clock was synchronised, and all after them, are held back.
        """
        wanted, seqs = self._wanted[uplink], list[int]()
        readings, through = list[Reading](), after
        with translated(), closing(self._slabs(after)) as slabs:
            for slab in slabs:
                if held_boot is not None and slab.boot == held_boot:
                    break
                start, room = max(0, after + 1 - slab.first), limit - len(readings)
                if wanted.issuperset(slab.numbers):
                    stop = min(len(slab.numbers), start + room)
                    readings += slab.readings(self._names, start, stop)
                    seqs += range(slab.first + start, slab.first + stop)
                else:
                    every = range(start, len(slab.numbers))
                    mine = [i for i in every if slab.numbers[i] in wanted][:room]
                    # What was not looked at is for the next batch, or it would be lost.
                    stop = mine[-1] + 1 if len(mine) == room else len(slab.numbers)
                    part = slab.readings(self._names, start, stop)
                    readings += [part[i - start] for i in mine]
                    seqs += [slab.first + i for i in mine]
                through = slab.first + stop - 1
                if len(readings) >= limit:
                    break
        if self._tables.broken:
            with translated():
                self._bury()
        return Batch(uplink, seqs, readings, through) if through > after else None

    def settle(
        self, uplink: str, through: int, delivered: int, rejected: Sequence[Rejection]
    ) -> None:
        """Move an uplink's cursor, and count what it passes as delivered or rejected."""
        account = self.accounts[uplink]
        settled = replace(
            account,
            cursor=max(through, account.cursor),
            delivered=account.delivered + delivered,
            dropped=dict(account.dropped),
        )
        settled.drop("rejected", len(rejected))
        with translated(), self._tables.transaction():
            self._tables.add_rejected(uplink, rejected)
            self._tables.move_cursor(uplink, settled)
        self.accounts[uplink] = settled
        self._is_changed = True

    # The card

    def commit(self, now_ms: int, *, is_last: bool = False) -> None:
        """Move what is owed to the card and forget what is not.

        A card that cannot be written is a state (`card_fault`) and not an error: the rows stay
        in memory, up to its limit.
        """
        with translated():
            try:
                self._move(now_ms, is_last=is_last)
                if self.card_fault:
                    self.card_fault = None
                    lay_ballast(self.state_dir)
            except sqlite3.OperationalError as error:
                self.card_fault = f"the card cannot be written: {error}"
                drop_ballast(self.state_dir)
                self._shed("hot", self._tables.used("hot") - HOT_BYTES_MAX)

    def _move(self, now_ms: int, *, is_last: bool) -> None:
        tables = self._tables
        self._age(now_ms)
        self._shed("main", tables.used("main") - self.bounds.size_max)
        floor = self._floor()
        owed = list(tables.read("hot", floor))
        is_due = self._is_changed and now_ms - self._snapshot_ms >= SNAPSHOT_MS
        is_settled = 0 < tables.one("SELECT min(last) FROM main.slab") <= floor
        if owed or is_settled or is_due or is_last:
            with tables.transaction():
                tables.save_names("main", self._names, self._card_names)
                for slab in _joined(owed):
                    tables.insert("main", slab)
                if is_settled:
                    tables.forget("main", floor)
                if self._is_changed:
                    tables.copy_rejected()
                    tables.save_accounts("main", self.accounts)
                    tables.set_meta("main", "counted", self.head)
                    tables.set_meta("main", "newest", self.newest_ms)
            self._card_names = len(self._names)
            self._card_last = tables.one("SELECT max(last) FROM main.slab")
            if self._is_changed:
                self._is_changed, self._snapshot_ms = False, now_ms
                tables.db.execute("DELETE FROM hot.rejected")
        tables.forget("hot", max(floor, self._card_last))  # [1]

    def _age(self, now_ms: int) -> None:
        oldest_ms = round(now_ms - self.bounds.age_max_s * 1000)
        query = "SELECT max(last) FROM main.slab WHERE base_ms < ? AND boot IS NULL"
        aged = self._tables.one(query, oldest_ms)
        if aged:
            self._lose("main", aged, "aged")

    def _shed(self, tier: str, excess: int) -> None:
        """Drop the oldest slabs of a tier until `excess` bytes and a margin of 5 % are free."""
        if excess <= 0:
            return
        wanted = excess + self._tables.used(tier) // 20
        self._lose(tier, self._tables.oldest(tier, wanted), "full")

    def _lose(self, tier: str, last: int, reason: str) -> None:
        for uplink, account in self.accounts.items():
            before = self._held(uplink)
            account.cursor = max(account.cursor, last)
            account.drop(reason, before - self._held(uplink))
        self._is_changed = True
        with self._tables.transaction():
            self._tables.forget(tier, last)
        self._tables.save_accounts("hot", self.accounts)

    def resynchronise(self, boot: str, offset_ms: int) -> int:
        """Re-date the slabs of a boot now that wall minus boot time is known; returns how many."""
        with translated():
            return sum(self._tables.redate(tier, boot, offset_ms) for tier in ("main", "hot"))

    # The ledger

    def balance(self) -> dict[str, Balance]:
        """Return the ledger, with what the files hold counted row by row."""
        with translated():
            return {
                uplink: Balance(
                    account.accepted,
                    account.delivered,
                    account.pending,
                    self._held(uplink),
                    dict(account.dropped),
                )
                for uplink, account in self.accounts.items()
            }

    def _held(self, uplink: str) -> int:
        account = self.accounts[uplink]
        if len(self._wanted.get(uplink, ())) == len(self._names):
            return sum(self._tables.rows_after(tier, account.cursor) for tier in ("main", "hot"))
        return sum(
            self._count(slab, account.wanted, account.cursor)
            for slab in self._slabs(account.cursor)
        )

    def _count(self, slab: Slab, channels: frozenset[ChannelId], after: int) -> int:
        numbers = {self._numbers[channel] for channel in channels if channel in self._numbers}
        return sum(n in numbers for n in slab.numbers[max(0, after + 1 - slab.first) :])

    def _floor(self) -> int:
        """The seq up to which nobody owes anything. Who has nothing pending holds nobody up."""
        return min((a.cursor for a in self.accounts.values() if a.pending), default=self.head)

    def _slabs(self, after: int) -> Generator[Slab]:
        if after < self._card_last:
            yield from self._tables.read("main", after)
        yield from self._tables.read("hot", after)

    def _number(self, channel: ChannelId) -> int:
        number = self._numbers.get(channel)
        if number is None:
            number = self._numbers[channel] = len(self._names)
            self._names.append(channel)
        return number


def _count_of(slab: Slab, wanted: frozenset[int]) -> int:
    if wanted.issuperset(slab.numbers):
        return len(slab.numbers)
    return sum(number in wanted for number in slab.numbers)


def _joined(slabs: Iterable[Slab]) -> list[Slab]:
    joined: list[Slab] = []
    for slab in slabs:
        if joined and can_join(joined[-1], slab):
            joined[-1] = join(joined[-1], slab)
        else:
            joined.append(slab)
    return joined
