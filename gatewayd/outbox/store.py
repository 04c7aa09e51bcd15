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
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from gatewayd.errors import OutboxError
from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox.books import Books
from gatewayd.outbox.files import (
    CARD_NAME,
    Carried,
    dump,
    keep_counters,
    open_files,
    put_back,
    remove_hot,
)
from gatewayd.outbox.intake import Dated, Intake
from gatewayd.outbox.ledger import Account, Balance
from gatewayd.outbox.opening import recover
from gatewayd.outbox.places import drop_ballast, is_cramped, lay_ballast, name_trouble
from gatewayd.outbox.rejects import Rejected, Rejection
from gatewayd.outbox.room import Room
from gatewayd.outbox.rows import Rows, joined
from gatewayd.outbox.slab import SLAB_ROWS_MAX
from gatewayd.outbox.tables import Tables, translated

SNAPSHOT_MS = 3_600_000
"""How old the counters on the card may grow while nothing else is written: 24 small commits a
day. They are needed only after a power cut."""

HOT_BYTES_MAX = 64 * 2**20
"""What may wait in memory while the card cannot be written; the oldest goes first."""

FORGET_SLABS = 256
"""Slabs that the card forgets in one commit: after an outage of days there are a million."""


class CardReplaced(OutboxError):
    """The card's file was gone and there is a new one: the files have to be opened again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the owner allows the log to grow to."""

    size_max: int = 512 * 2**20
    age_max_s: float = 30 * 86400.0


class Store:
    """Both tiers. Methods raise OutboxError; counters and rows are then as before the call."""

    def __init__(
        self,
        state_dir: Path,
        hot_dir: Path | None,
        bounds: Bounds,
        *,
        is_suspect: bool = False,
        carried: Carried | None = None,
    ) -> None:
        """For `is_suspect` and `carried` see `open_files`."""
        self.state_dir, self._hot_dir, self.bounds = state_dir, hot_dir, bounds
        self.card_fault: str | None = None
        self._is_full = False
        files = open_files(state_dir, hot_dir, is_suspect=is_suspect, carried=carried)
        self._tables = Tables(files.db)
        self.rows = Rows(self._tables)
        self.books = Books(self.rows)
        self._room = Room(self.rows, self.books)
        try:
            with translated():
                found = recover(self.rows, self.books, files)
                self._intake = Intake(self.rows, self.books, found)
        except BaseException:
            files.db.close()
            raise
        self.dating = self._intake.dating
        self.identity = str(self._tables.meta("main", "store"))
        self.events, self._card_names = found.events, found.card_names
        self._snapshot_ms = 0
        self._is_loss_untold = False
        self._card_id = self._identify_card()
        lay_ballast(state_dir)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The counters of every uplink."""
        return self.books.accounts

    @property
    def head(self) -> int:
        """The number of the newest row."""
        return self._intake.head

    @property
    def newest_ms(self) -> int:
        """The latest time of any row that may have left."""
        return self.dating.newest_ms

    def close(self, now_ms: int) -> None:
        """Move everything that is owed to the card, with the counters, and close the files."""
        try:
            self.commit(now_ms, is_last=True)
            with translated():
                keep_counters(self._tables.db, self.state_dir)
        finally:
            self._tables.db.close()
        if self._hot_dir and not self.card_fault:
            remove_hot(self.state_dir, self._hot_dir)

    def leave(self, now_ms: int) -> None:
        """Close the files and leave all of them, for the next life to find."""
        try:
            self.commit(now_ms, is_last=True)
        finally:
            self._tables.db.close()

    def abandon(self) -> Carried | None:
        """Close the files as they are, because one of them is broken or gone; return what was
        only in the process's memory."""
        carried = None if self._hot_dir else dump(self._tables.db, "hot")
        self._tables.db.close()
        return carried

    def subscribe(
        self, wanted: Mapping[str, frozenset[ChannelId]], protected: frozenset[ChannelId]
    ) -> None:
        """Say which uplinks there are and which channels each wants, and settle what changed.

        A new uplink starts at the head; one that is no longer named loses its backlog, counted.

        Args:
            protected: channels that are never thinned out.
        """
        self._room.protected = protected
        with translated():
            self.books.subscribe(wanted, self.head, is_damaged=self._tables.is_damaged)
            self._intake.knows_names()

    # Readings in, batches out

    def append(
        self, readings: Sequence[Reading], boot: str | None, offset_ms: int, taken: int = 0
    ) -> None:
        """Write readings to the hot tier, numbered after the head. For `boot` see Slab, for
        `taken` journal."""
        with translated():
            self._intake.append(readings, (boot, offset_ms if boot else 0), taken)

    def batch(self, uplink: str, after: int, limit: int) -> Batch | None:
        """Return up to `limit` rows of an uplink's channels after a seq, or None at the end.

        A batch can be empty: then `through` skips rows that are not this uplink's. Rows that wait
        for their time, and all after them, are held back.
        """
        wanted = self.books.wanted[uplink]
        with translated(), closing(self.rows.dated(after)) as slabs:
            batch = self.rows.fill(wanted, slabs, Batch(uplink, (), (), after), limit)
        if self._tables.broken:
            with translated():
                self._bury()
        self.books.hand_out(uplink, after, batch)
        return batch if batch.through > after else None

    def offer(self, uplink: str, seqs: Sequence[int]) -> None:
        """Note that rows are on their way to the cloud."""
        with translated():
            self.books.offer(uplink, seqs)

    def settle(
        self, uplink: str, through: int, delivered: int, rejected: Sequence[Rejection]
    ) -> None:
        """Move an uplink's cursor, and count what it passes as delivered or rejected."""
        with translated():
            self.books.settle(uplink, through, delivered, rejected)

    def _bury(self) -> None:
        """Delete slabs that could not be decoded, and count what went with them."""
        for tier, last in self._tables.broken:
            self._tables.delete(tier, last)
        self._tables.broken.clear()
        self.events += self.books.reconcile()
        self._tables.save_accounts("hot", self.books.accounts)

    # What was rejected

    def rejected(self, uplink: str, after: int, limit: int) -> list[Rejected]:
        """Return rows that an uplink's cloud refused, after a seq."""
        with translated():
            return self.books.rejects.read(uplink, after, limit)

    def retry(self, uplink: str) -> int:
        """Put up to `SLAB_ROWS_MAX` rejected rows of an uplink back, to be sent after all that
        waits; return how many. Rows of channels that it no longer wants stay where they are."""
        account = self.books.accounts[uplink].copy()
        with translated():
            rows = [
                each
                for each in self.books.rejects.read(uplink, 0, SLAB_ROWS_MAX)
                if each.reading.channel in account.wanted
            ]
            counted = min(len(rows), account.dropped.get("rejected", 0))
            account.drop("rejected", -counted)
            account.accepted += len(rows) - counted  # Counters older than the rows: a power cut.
            if rows:
                with self._intake.appending(uplink, [each.reading for each in rows], account):
                    self.books.rejects.retried(uplink, [each.seq for each in rows])
        return len(rows)

    def append_for(
        self,
        uplink: str,
        readings: Sequence[Reading],
        dated: Dated,
        done: tuple[str, int],
    ) -> None:
        """Write readings that one uplink alone shall get, and with them a mark of what is done.

        Args:
            dated: boot and offset_ms, see Slab.
        """
        account = self.books.accounts[uplink].copy()
        account.accepted += len(readings)
        with translated(), self._intake.appending(uplink, readings, account, dated):
            self._tables.set_meta("hot", *done)

    def add_account(self, uplink: str, other: Account, mark: str) -> None:
        """Add what another log has done with for an uplink, once; `mark` says that it was."""
        if self.knows(mark):
            return
        account = self.books.accounts[uplink].copy()
        account.accepted += other.accepted - other.pending
        account.delivered += other.delivered
        account.repeated += other.repeated
        for reason, count in other.dropped.items():
            account.drop(reason, count)
        with translated(), self._intake.appending(uplink, (), account):
            self._tables.set_meta("hot", mark, 1)

    def knows(self, mark: str) -> int:
        """Return how far something went that is marked in memory; 0 = it never began."""
        return self._tables.number("hot", mark)

    def note(self, mark: str, value: int) -> None:
        """Mark in memory how far something went."""
        with translated():
            self._tables.set_meta("hot", mark, value)

    # The card

    def commit(self, now_ms: int, aged_ms: int | None = None, *, is_last: bool = False) -> None:
        """Move what is owed to the card and forget what is not.

        A card that cannot be written is a state (`card_fault`) and not an error: the rows stay
        in memory, up to its limit.

        Args:
            aged_ms: the time that readings are too old by, or None: none is now.

        Raises:
            CardReplaced: the files have to be opened again.
        """
        with translated():
            try:
                if self._identify_card() != self._card_id:
                    put_back(self._tables.db, self.state_dir)
                    raise CardReplaced(f"{self.state_dir / CARD_NAME} was gone and is made again")
                self._move(now_ms, aged_ms, is_last=is_last)
                if count := self.dating.finish():
                    self.events.append(f"the card knows the time of {count} slabs too")
                # What was written into the ballast's room was written to a card that is full.
                if self.card_fault and not (self._is_full and is_cramped(self.state_dir)):
                    self.card_fault = None
                    lay_ballast(self.state_dir)
            except (sqlite3.OperationalError, OSError) as error:
                self._live_without_card(error)

    def _live_without_card(self, error: Exception) -> None:
        is_full = isinstance(error, sqlite3.OperationalError) and "full" in str(error)
        self._is_full = is_full
        self.card_fault = f"the card cannot be written: {name_trouble(self.state_dir, error)}"
        try:
            drop_ballast(self.state_dir)
            if is_full and self._tables.used("hot") > HOT_BYTES_MAX // 2:
                self._room.make(self.bounds.size_max, self.head, is_cramped=True)
        except (sqlite3.OperationalError, OSError):
            pass  # Not even that: the same fault, told already.
        self._room.shed(HOT_BYTES_MAX, self.head)

    def _move(self, now_ms: int, aged_ms: int | None, *, is_last: bool) -> None:
        tables, books = self._tables, self.books
        self._tell_losses()
        if aged_ms is not None:
            self._room.age(round(aged_ms - self.bounds.age_max_s * 1000), self.head)
        self._room.make(self.bounds.size_max, self.head)
        floor = books.pending_floor(self.head)
        owed = list(self.rows.uncommitted(floor))
        # A clock that was set back says that the last snapshot is yet to come.
        is_stale = not 0 <= now_ms - self._snapshot_ms < SNAPSHOT_MS
        is_due = books.is_changed and is_stale
        is_due |= is_last or books.rejects.is_owed
        is_settled = 0 < tables.one("SELECT min(last) FROM main.slab") <= floor
        if owed or is_settled or is_due:
            is_told = books.is_changed or is_last or is_stale
            with tables.transaction():
                tables.save_names("main", self.rows.names, self._card_names)
                for slab in joined(owed):
                    tables.insert("main", slab)
                if is_settled:
                    tables.forget("main", floor, FORGET_SLABS)
                if is_told:
                    books.rejects.move()
                    books.save("main", books.accounts, books.generation)
                    tables.set_meta("main", "counted", self.head)
                    tables.set_meta("main", "newest", self.dating.told_ms(is_last=is_last))
                if is_last:
                    tables.set_meta("main", "is_closed", 1)
            self._card_names = len(self.rows.names)
            self.rows.card_last = tables.one("SELECT max(last) FROM main.slab")
            if is_told:
                books.is_changed, self._snapshot_ms = False, now_ms
                books.rejects.moved()
        tables.forget("hot", max(floor, self.rows.card_last))  # [1]

    def _identify_card(self) -> tuple[int, int] | None:
        try:
            found = (self.state_dir / CARD_NAME).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    # Time

    def resynchronise(self, boot: str, offset_ms: int) -> int:
        """Date the slabs that wait, now that wall minus boot time is known; returns how many."""
        with translated():
            return self.dating.settle(boot, offset_ms)

    # The ledger

    def lose(self, reason: str, count: int) -> None:
        """Count readings that never came into the log; written as soon as something can be."""
        losses = self.books.losses
        losses[reason] = losses.get(reason, 0) + count
        self.books.is_changed, self._is_loss_untold = True, True
        with suppress(sqlite3.OperationalError):
            self._tell_losses()

    def _tell_losses(self) -> None:
        if self._is_loss_untold:
            with self._tables.transaction():
                self.books.save("hot", {}, self.books.generation)
            self._is_loss_untold = False

    def balance(self) -> dict[str, Balance]:
        """Return the ledger, with what the files hold counted row by row."""
        with translated():
            return {uplink: self.books.balance(uplink) for uplink in self.books.accounts}

    def look_at(self, slabs: Sequence[int]) -> None:
        """Read slabs of the card that others could not; those that still cannot be are buried."""
        with translated():
            for last in slabs:
                with closing(self._tables.read("main", last - 1)) as found:
                    next(found, None)
            if self._tables.broken:
                self._bury()

    def audit(self) -> list[str]:
        """Count what can be counted quickly; return a sentence for each uplink that is wrong."""
        with translated():
            quick = filter(self.books.is_countable, self.books.accounts)
            lines = {uplink: self.books.balance(uplink) for uplink in quick}
        return [
            f"{uplink}: the ledger says {line.pending} pending, the log holds {line.held}"
            for uplink, line in lines.items()
            if not line.is_balanced
        ]
