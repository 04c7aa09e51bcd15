"""The accounts of all uplinks: every change of them goes with its rows in one transaction.

Strategy: counters live in memory and in the hot tier, and are written there with each change. The
card gets a snapshot with the rows that move there. Where rows leave the card (thinned, dropped),
the card's snapshot is written in the same transaction, under a new generation; if the process
dies before the hot tier has heard of it, the snapshot is the newer one, and opening takes it [1].
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from gatewayd.model import Batch, ChannelId
from gatewayd.outbox.ledger import Account, Balance, balance_of
from gatewayd.outbox.rejects import Rejection, Rejects
from gatewayd.outbox.rows import Rows, count
from gatewayd.outbox.slab import Slab
from gatewayd.outbox.tables import as_json

AUDIT_SLABS = 32
"""An uplink that takes part of the channels is counted by decoding slabs, at a millisecond each;
with more than this behind its cursor it is counted at start and by `gatewayd ledger` only."""


class Books:
    """What became of every reading, for each uplink."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._tables = rows, rows.tables
        self.rejects = Rejects(rows.tables)
        self.accounts: dict[str, Account] = {}
        self.wanted: dict[str, frozenset[int]] = {}
        self.losses: dict[str, int] = {}
        """Readings that never came into the log, by reason."""
        self.generation = 0
        self.is_changed = False
        """Whether the card's snapshot misses more than what its rows tell."""
        self._out: dict[str, list[int]] = {}
        """Rows that are in the hands of an uplink's drain."""
        self._handed: dict[str, int] = {}
        """Up to where each has been handed rows."""
        self._overtaken: dict[str, dict[int, str]] = {}
        """Rows that left the log while they were in such hands, and why."""

    def pending_floor(self, head: int) -> int:
        """The seq up to which nobody owes anything. Who has nothing pending holds nobody up."""
        return min((a.cursor for a in self.accounts.values() if a.pending), default=head)

    def want(self) -> None:
        """Translate what every uplink wants into numbers."""
        self.wanted = {
            uplink: self._rows.numbers_of(uplink, account.wanted)
            for uplink, account in self.accounts.items()
        }

    def subscribe(
        self, wanted: Mapping[str, frozenset[ChannelId]], head: int, *, is_damaged: bool
    ) -> None:
        """Settle what changed; see `Store.subscribe`."""
        accounts = {uplink: account.copy() for uplink, account in self.accounts.items()}
        self._out, self._handed, self._overtaken = {}, {}, {}
        for uplink in set(accounts) - set(wanted):
            account = accounts[uplink]
            account.drop("removed", account.pending)
            account.cursor, account.wanted = head, frozenset()
        known = len(self._rows.names)
        for channels in wanted.values():
            for channel in channels:
                self._rows.number(channel)
        for uplink, channels in wanted.items():
            if uplink not in accounts:
                # Whose counters are lost gets what the log holds rather than nothing.
                accounts[uplink] = Account(0 if is_damaged else head, offered=head)
            account = accounts[uplink]
            lost = self._rows.numbers_of(uplink, account.wanted - channels)
            # Of a channel that is new the log holds nothing: then nothing has to be looked through.
            won = self._rows.numbers_of(uplink, channels - account.wanted) & set(range(known))
            for slab in self._rows.slabs(account.cursor) if lost or won else ():
                account.drop("unsubscribed", count(slab, lost, account.cursor))
                account.accepted += count(slab, won, account.cursor)
            account.wanted = channels
        with self._tables.transaction():
            self._tables.save_names("hot", self._rows.names, 0)
            self._tables.save_accounts("hot", accounts)
        self.accounts, self.is_changed = accounts, True
        self.want()

    # In and out

    def accept(self, slab: Slab) -> list[tuple[str, Account]]:
        """Return the accounts as they are with the readings of a slab."""
        accounts = []
        for uplink, wanted in self.wanted.items():
            news = count(slab, wanted)
            if news:
                account = self.accounts[uplink].copy()
                account.accepted += news
                accounts.append((uplink, account))
        return accounts

    def hand_out(self, uplink: str, after: int, batch: Batch) -> None:
        """Note which rows a drain took, to be sent; it goes on where it was, or begins again."""
        if after != self._handed.get(uplink):
            self._out[uplink], self._overtaken[uplink] = [], {}
        self._handed[uplink] = batch.through
        self._out.setdefault(uplink, []).extend(batch.seqs)

    def offer(self, uplink: str, seqs: Sequence[int]) -> None:
        """Note that rows are on their way to the cloud; those that were before are counted."""
        if not seqs:
            return
        account = self.accounts[uplink].copy()
        account.repeated += bisect_right(seqs, account.offered)
        account.offered = max(account.offered, seqs[-1])
        self._tables.save_counters([(uplink, account)])
        self.accounts[uplink] = account

    def settle(
        self, uplink: str, through: int, delivered: int, rejected: Sequence[Rejection]
    ) -> None:
        """Move a cursor, and count what it passes as delivered or rejected."""
        account, overtaken = self.accounts[uplink].copy(), self._overtaken.get(uplink, {})
        account.cursor = max(through, account.cursor)
        account.delivered += delivered
        account.drop("rejected", len(rejected))
        back = [seq for seq in overtaken if seq <= through]
        for seq in back:  # It was counted as lost, and arrived all the same.
            account.drop(overtaken[seq], -1)
        with self._tables.transaction():
            self.rejects.add(uplink, rejected)
            self._tables.save_counters([(uplink, account)])
        self.accounts[uplink], self.is_changed = account, True
        for seq in back:
            del overtaken[seq]
        self._out[uplink] = [seq for seq in self._out.get(uplink, ()) if seq > through]

    # Rows that leave

    def without(
        self, slabs: Iterable[Slab], places: Sequence[int] | None, reason: str
    ) -> dict[str, Account]:
        """Return the accounts as they are without some rows.

        Args:
            slabs: the rows; with `places` one slab, of which those go.
        """
        accounts = {uplink: account.copy() for uplink, account in self.accounts.items()}
        for slab in slabs:
            some = range(len(slab.numbers)) if places is None else places
            for uplink, wanted in self.wanted.items():
                account = accounts[uplink]
                behind = account.cursor - slab.first
                gone = [i for i in some if i > behind and slab.numbers[i] in wanted]
                account.drop(reason, len(gone))
                self._overtake(uplink, slab.first, gone, reason)
        return accounts

    def _overtake(self, uplink: str, first: int, gone: Sequence[int], reason: str) -> None:
        out = set(self._out.get(uplink, ()))
        if out and gone:
            mine = {first + i: reason for i in gone if first + i in out}
            self._overtaken.setdefault(uplink, {}).update(mine)

    def save(self, tier: str, accounts: Mapping[str, Account], generation: int) -> None:
        """Write the accounts into a tier; the caller holds the transaction."""
        self._tables.save_accounts(tier, accounts)
        self._tables.set_meta(tier, "losses", as_json(self.losses))
        self._tables.set_meta(tier, "generation", generation)

    # The check

    def held(self, uplink: str) -> int:
        """Count an uplink's rows in the log itself."""
        return self._rows.held(self.wanted.get(uplink, frozenset()), self.accounts[uplink].cursor)

    def is_countable(self, uplink: str, slabs_max: int = AUDIT_SLABS) -> bool:
        """Return whether that takes no more than decoding some slabs."""
        wanted = self.wanted.get(uplink, frozenset())
        return self._rows.is_countable(wanted, self.accounts[uplink].cursor, slabs_max)

    def balance(self, uplink: str) -> Balance:
        """Return one line of the ledger, counted row by row."""
        return balance_of(self.accounts[uplink], self.held(uplink))

    def reconcile(self, head: int = 0, slabs_max: int | None = None) -> list[str]:
        """Put right what was broken: rows that are gone are dropped by name, rows that nobody
        counted are accepted.

        Args:
            head: where the files do not agree, all rows up to here may have been sent before.
            slabs_max: who has more behind his cursor is believed; None = nobody is.

        Returns:
            A sentence for each uplink that was wrong.
        """
        told = []
        for uplink, account in self.accounts.items():
            if slabs_max and not self.is_countable(uplink, slabs_max):
                continue
            missing = account.pending - self.held(uplink)
            if missing > 0:
                account.drop("corrupt", missing)
                told.append(f"{missing} readings for {uplink} are gone from the log")
            elif missing < 0:
                account.accepted -= missing
                told.append(f"{-missing} readings for {uplink} were not counted, and are now")
            if missing:
                account.offered, self.is_changed = max(account.offered, head), True
        return told
