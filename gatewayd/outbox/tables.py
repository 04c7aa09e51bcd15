"""The rows of both tiers as typed calls; no decision is made here. `tier` is "main" or "hot"."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import orjson

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId, Reading
from gatewayd.outbox.ledger import Account
from gatewayd.outbox.slab import Slab, parse_body

REJECTED_MAX = 10_000
"""Rejected rows kept with the cloud's answer; older ones are forgotten, their count is not."""

Rejection = tuple[int, Reading, str]
"""A row that a cloud will never take: its seq, the reading, the cloud's answer."""

CACHE_SLABS = 4
"""Slabs kept decoded for the next uplink that reads the same rows: at most 2 MiB."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise OutboxError for whatever SQLite raises."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutboxError(f"the log: {error}") from error


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


class Tables:
    """One connection, two tiers."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.broken: list[tuple[str, int]] = []
        """Slabs that could not be decoded: tier and key."""
        self._cache: dict[int, Slab] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing within one tier. Across tiers SQLite's WAL promises no such thing."""
        self.db.execute("BEGIN")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def read(self, tier: str, after: int) -> Generator[Slab]:
        """Yield the slabs that hold rows after a seq, in order; unreadable ones are noted."""
        query = (
            "SELECT last, first, base_ms, boot, offset_ms, body "
            f"FROM {tier}.slab WHERE last > ? ORDER BY last"
        )
        with closing(self.db.execute(query, (after,))) as rows:
            for last, first, base_ms, boot, offset_ms, body in rows:
                slab = self._cache.get(last)
                if slab is None or slab.first != first:
                    try:
                        slab = Slab(first, last, base_ms, *parse_body(body), boot, offset_ms)
                    except OutboxError:
                        self.broken.append((tier, last))
                        continue
                    self.remember(slab)
                yield slab

    def remember(self, slab: Slab) -> None:
        """Keep a slab decoded for those who read it next."""
        self._cache[slab.last] = slab
        if len(self._cache) > CACHE_SLABS:
            del self._cache[next(iter(self._cache))]

    def insert(self, tier: str, slab: Slab) -> None:
        """Write a slab; deflated on the card, as it is in memory."""
        body = slab.body(is_packed=tier == "main")
        row = (slab.last, slab.first, slab.base_ms, slab.boot, slab.offset_ms, body)
        self.db.execute(f"INSERT INTO {tier}.slab VALUES(?,?,?,?,?,?)", row)

    def forget(self, tier: str, last: int) -> None:
        """Delete the slabs up to a seq."""
        self.db.execute(f"DELETE FROM {tier}.slab WHERE last <= ?", (last,))

    def delete(self, tier: str, last: int) -> None:
        """Delete one slab."""
        self.db.execute(f"DELETE FROM {tier}.slab WHERE last = ?", (last,))

    def oldest(self, tier: str, size: int) -> int:
        """Return the seq up to which the oldest slabs take `size` bytes together."""
        freed, last = 0, 0
        query = f"SELECT last, length(body) + 100 FROM {tier}.slab ORDER BY last"
        with closing(self.db.execute(query)) as rows:
            for last, length in rows:
                freed += length
                if freed >= size:
                    return int(last)
        return int(last)

    def clear_hot(self) -> None:
        """Forget everything in the hot tier."""
        for table in ("slab", "channel", "account", "rejected"):
            self.db.execute(f"DELETE FROM hot.{table}")

    def redate(self, tier: str, boot: str, offset_ms: int) -> int:
        """Shift the slabs of an unsynchronised boot to true time; returns how many."""
        self._cache.clear()
        return self.db.execute(
            f"UPDATE {tier}.slab SET base_ms = base_ms + ? - offset_ms, boot = NULL WHERE boot = ?",
            (offset_ms, boot),
        ).rowcount

    def rows_after(self, tier: str, seq: int) -> int:
        """Count the rows after a seq without decoding them."""
        query = f"SELECT sum(last - max(first - 1, ?)) FROM {tier}.slab WHERE last > ?"
        return self.one(query, seq, seq)

    def names(self, tier: str) -> list[ChannelId]:
        """Return the channel table; a channel's number is its place."""
        query = f"SELECT name FROM {tier}.channel ORDER BY number"
        return [ChannelId(name) for (name,) in self.db.execute(query)]

    def save_names(self, tier: str, names: Sequence[ChannelId], start: int) -> None:
        """Write the channel table from a place on."""
        rows = [(start + i, name) for i, name in enumerate(names[start:])]
        self.db.executemany(f"INSERT OR REPLACE INTO {tier}.channel VALUES(?,?)", rows)

    def accounts(self, tier: str) -> dict[str, Account]:
        """Return the counters of every uplink."""
        return {
            uplink: Account(
                cursor,
                accepted,
                delivered,
                orjson.loads(dropped),
                frozenset(ChannelId(name) for name in orjson.loads(wanted)),
            )
            for uplink, cursor, accepted, delivered, dropped, wanted in self.db.execute(
                f"SELECT * FROM {tier}.account"
            )
        }

    def save_accounts(self, tier: str, accounts: Mapping[str, Account]) -> None:
        """Write the counters of uplinks."""
        rows = [
            (u, a.cursor, a.accepted, a.delivered, _json(a.dropped), _json(sorted(a.wanted)))
            for u, a in accounts.items()
        ]
        self.db.executemany(f"INSERT OR REPLACE INTO {tier}.account VALUES(?,?,?,?,?,?)", rows)

    def add_accepted(self, counts: Mapping[str, int]) -> None:
        """Count readings that the log took, in the hot tier."""
        self.db.executemany(
            "UPDATE hot.account SET accepted = accepted + ? WHERE uplink = ?",
            [(count, uplink) for uplink, count in counts.items()],
        )

    def move_cursor(self, uplink: str, account: Account) -> None:
        """Write what an acknowledgement changed, in the hot tier."""
        self.db.execute(
            "UPDATE hot.account SET cursor=?, delivered=?, dropped=? WHERE uplink=?",
            (account.cursor, account.delivered, _json(account.dropped), uplink),
        )

    def add_rejected(self, uplink: str, rows: Sequence[Rejection]) -> None:
        """Keep rejected rows, in the hot tier."""
        self.db.executemany(
            "INSERT OR IGNORE INTO hot.rejected VALUES(?,?,?,?,?,?)",
            [(uplink, seq, r.channel, r.time_ms, _json(r.value), why) for seq, r, why in rows],
        )

    def copy_rejected(self) -> None:
        """Bring the rejected rows to the card, the newest `REJECTED_MAX` of them."""
        self.db.execute("INSERT OR IGNORE INTO main.rejected SELECT * FROM hot.rejected")
        self.db.execute(
            "DELETE FROM main.rejected WHERE rowid <= (SELECT max(rowid) - ? FROM main.rejected)",
            (REJECTED_MAX,),
        )

    def meta(self, tier: str, name: str) -> object:
        """Return a named value, or None."""
        row = self.db.execute(f"SELECT value FROM {tier}.meta WHERE name=?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, tier: str, name: str, value: object) -> None:
        """Write a named value."""
        self.db.execute(f"INSERT OR REPLACE INTO {tier}.meta VALUES(?,?)", (name, value))

    def one(self, query: str, *values: int) -> int:
        """Return the one number that a query gives; nothing is 0."""
        return int(self.db.execute(query, values).fetchone()[0] or 0)

    def used(self, tier: str) -> int:
        """Bytes of a tier that hold something."""
        pages = self.one(f"PRAGMA {tier}.page_count") - self.one(f"PRAGMA {tier}.freelist_count")
        return pages * self.one(f"PRAGMA {tier}.page_size")
