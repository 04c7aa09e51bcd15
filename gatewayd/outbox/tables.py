"""The rows of both tiers as typed calls; no decision is made here. `tier` is "main" or "hot"."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import orjson

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId
from gatewayd.outbox.ledger import Account
from gatewayd.outbox.slab import HOLE, MARK, Moved, Slab, parse_slab, resealed

CHANNELS_MAX = 1_000_000
"""A number beyond this is a damaged one."""

DIGITS_MAX = 19
"""Of a whole number that SQLite can hold."""

WAITING = f"(boot IS NOT NULL AND boot NOT LIKE '{MARK}%')"
"""Which slabs `Slab.is_waiting`."""

CACHE_SLABS = 4
"""Slabs kept decoded for the next uplink that reads the same rows: at most 2 MiB."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise OutboxError for whatever SQLite raises."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutboxError(f"the log: {error}") from error
    except UnicodeDecodeError as error:  # SQLite's own sentence quotes a damaged page.
        raise OutboxError("the log: a damaged page") from sqlite3.DatabaseError(str(error))


def as_json(value: object) -> str:
    """Return a value as JSON text."""
    return orjson.dumps(value).decode()


def seal_of(*values: object) -> int:
    """Return a checksum over the columns of a row that has no other."""
    return zlib.crc32(repr(values).encode())


class Tables:
    """One connection, two tiers."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.broken: list[tuple[str, int]] = []
        """Slabs that could not be decoded: tier and key."""
        self.is_damaged = False
        """Whether the counters of an uplink could not be read and were passed over."""
        self._cache: dict[int, Slab] = {}
        self.moved: dict[int, Moved] = {}
        """Slabs of the card, by `last`, that are read otherwise than they are written."""

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
            for *head, body in rows:
                last, first = head[0], head[1]
                slab = self._cache.get(last)
                if slab is None or slab.first != first:
                    try:
                        slab = parse_slab((last, first, *head[2:]), body)
                        slab = self.moved[last].of(slab) if last in self.moved else slab
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
        row = (*slab.head, body, slab.holes)
        self.db.execute(f"INSERT INTO {tier}.slab VALUES(?,?,?,?,?,?,?)", row)

    def forget(self, tier: str, last: int, slabs_max: int = -1) -> None:
        """Delete the slabs up to a seq, no more than so many; -1 = all."""
        oldest = f"SELECT last FROM {tier}.slab WHERE last <= ? ORDER BY last LIMIT ?"
        query = f"DELETE FROM {tier}.slab WHERE last <= (SELECT max(last) FROM ({oldest}))"
        self.db.execute(query, (last, slabs_max))

    def replace(self, tier: str, group: Sequence[Slab], slab: Slab) -> None:
        """Put one slab in the place of some; one that holds nothing is left out."""
        for each in group:
            self.delete(tier, each.last)
        if slab.holes < len(slab.numbers):
            self.insert(tier, slab)

    def delete(self, tier: str, last: int) -> None:
        """Delete one slab."""
        self._cache.pop(last, None)
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
        for table in ("slab", "channel", "account", "rejected", "retried", "meta"):
            self.db.execute(f"DELETE FROM hot.{table}")

    def unsettled(self, tier: str, boot: str | None) -> Iterator[Slab]:
        """Yield the slabs whose rows wait for their time, and those that `boot` let go marked, in
        order; each may be changed meanwhile. Unreadable ones are noted."""
        query = (
            f"SELECT last FROM {tier}.slab INDEXED BY slab_boot "
            f"WHERE boot IS NOT NULL AND ({WAITING} OR boot = ?) ORDER BY last"
        )
        for (last,) in self.db.execute(query, (f"{MARK}{boot}",)).fetchall():
            slab = None if last in self.moved else self.find(tier, last)
            if slab is not None:
                yield slab

    def find(self, tier: str, last: int) -> Slab | None:
        """Return the slab that ends with a seq."""
        with closing(self.read(tier, last - 1)) as slabs:
            slab = next(slabs, None)
        return slab if slab is not None and slab.last == last else None

    def waiting_boots(self) -> dict[str, int]:
        """Return the boots of which rows wait for their time, and the last row of each."""
        found: dict[str, int] = {}
        for tier in ("main", "hot"):
            query = f"SELECT boot, max(last) FROM {tier}.slab WHERE {WAITING} GROUP BY boot"
            for boot, last in self.db.execute(query):
                found[boot] = max(last, found.get(boot, 0))
        return found

    def put(self, tier: str, slab: Slab, moved: Slab) -> bool:
        """Write what a slab has become; returns whether there was something to write. Where only
        its head changed the columns stay packed as they are."""
        if moved is slab:
            return False
        if moved.times is slab.times:
            self._write_head(tier, moved)
        else:
            self.replace(tier, (slab,), moved)
        return True

    def _write_head(self, tier: str, slab: Slab) -> None:
        self._cache.pop(slab.last, None)
        query = f"SELECT body FROM {tier}.slab WHERE last = ?"
        (body,) = self.db.execute(query, (slab.last,)).fetchone()
        self.db.execute(
            f"UPDATE {tier}.slab SET base_ms=?, boot=?, offset_ms=?, body=? WHERE last=?",
            (slab.base_ms, slab.boot, slab.offset_ms, resealed(slab.head, body), slab.last),
        )

    def show(self, slab: Slab, moved: Slab) -> bool:
        """Have a slab of the card read as what it has become, though that cannot be written."""
        if moved is slab:
            return False
        is_plain = moved.times is slab.times
        self.moved[slab.last] = Moved(
            (slab.first, slab.boot),
            (moved.base_ms, moved.boot, moved.offset_ms),
            None if is_plain else (moved.times, moved.qualities),
        )
        self._cache.pop(slab.last, None)
        return True

    def write_moved(self, last: int) -> bool:
        """Write what a slab is read as, if it is still there and still reads so."""
        slab, moved = self.find("main", last), self.moved[last]
        if slab is None or (slab.base_ms, slab.boot, slab.offset_ms) != moved.head:
            return False
        if moved.columns is not None:
            self.replace("main", (slab,), slab)
            return True
        self._write_head("main", slab)
        return True

    def rows_after(self, tier: str, seq: int) -> int:
        """Count the rows after a seq, decoding one slab at the most: the one that holds it."""
        query = (
            f"SELECT sum(last + 1 - first - holes) FROM {tier}.slab WHERE last > ? AND first > ?"
        )
        count = self.one(query, seq, seq)
        with closing(self.read(tier, seq)) as slabs:
            first = next(slabs, None)
        if first is not None and first.first <= seq:
            count += sum(number != HOLE for number in first.numbers[seq + 1 - first.first :])
        return count

    def names(self, tier: str) -> list[ChannelId]:
        """Return the channel table; a channel's number is its place.

        A name that is damaged or gone becomes one that no channel has.
        """
        names: list[ChannelId] = []
        query = f"SELECT number, name, seal FROM {tier}.channel ORDER BY number"
        for number, name, seal in self.db.execute(query):
            if not isinstance(number, int) or not 0 <= number <= CHANNELS_MAX:
                continue
            names += [ChannelId(f"?{place}") for place in range(len(names), number)]
            is_right = isinstance(name, str) and seal in (None, seal_of(number, name))
            names.append(ChannelId(name if is_right else f"?{number}"))
        # A number whose name is gone must never be given to another channel.
        told = min(self.number(tier, "names"), CHANNELS_MAX)
        return names + [ChannelId(f"?{place}") for place in range(len(names), told)]

    def save_names(self, tier: str, names: Sequence[ChannelId], start: int) -> None:
        """Write the channel table from a place on."""
        rows = [(at, name, seal_of(at, name)) for at, name in enumerate(names[start:], start)]
        self.db.executemany(f"INSERT OR REPLACE INTO {tier}.channel VALUES(?,?,?)", rows)
        self.set_meta(tier, "names", len(names))

    def accounts(self, tier: str) -> dict[str, Account]:
        """Return the counters of every uplink; damaged ones are passed over, see `is_damaged`."""
        accounts = {}
        for uplink, *row in self.db.execute(f"SELECT * FROM {tier}.account"):
            cursor, accepted, delivered, dropped, wanted, offered, repeated, seal = row
            sealed = (uplink, cursor, accepted, delivered, dropped, offered, repeated)
            names, tally = _unsealed(wanted), _tally(dropped)
            if names is None or tally is None or seal not in (None, seal_of(*sealed)):
                self.is_damaged = True
                continue
            accounts[uplink] = Account(cursor, accepted, delivered, tally, names, offered, repeated)
        return accounts

    def save_accounts(self, tier: str, accounts: Mapping[str, Account]) -> None:
        """Write all there is of some uplinks' accounts."""
        rows = []
        for uplink, a in accounts.items():
            *counters, seal = _counters(uplink, a)
            wanted = as_json(sorted(a.wanted))
            rows.append(
                (uplink, *counters[:4], f"{seal_of(wanted):08x}{wanted}", *counters[4:], seal)
            )
        self.db.executemany(
            f"INSERT OR REPLACE INTO {tier}.account VALUES(?,?,?,?,?,?,?,?,?)", rows
        )

    def save_counters(self, accounts: Iterable[tuple[str, Account]]) -> None:
        """Write what a batch changes of some uplinks' accounts, in the hot tier."""
        self.db.executemany(
            "UPDATE hot.account SET cursor=?, accepted=?, delivered=?, dropped=?, offered=?, "
            "repeated=?, seal=? WHERE uplink=?",
            [(*_counters(uplink, account), uplink) for uplink, account in accounts],
        )

    def number(self, tier: str, name: str) -> int:
        """Return a named whole number; what is missing or damaged is 0."""
        value = self.meta(tier, name)
        if isinstance(value, int):
            return value
        text = str(value)
        return int(text) if text.isdecimal() and len(text) < DIGITS_MAX else 0

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


def _counters(uplink: str, a: Account) -> tuple[object, ...]:
    dropped = as_json(a.dropped)
    row = (a.cursor, a.accepted, a.delivered, dropped, a.offered, a.repeated)
    return (*row, seal_of(uplink, *row))


def _tally(text: object) -> dict[str, int] | None:
    """Return the counts by reason that a row holds, None for a damaged one."""
    try:
        found = orjson.loads(text)  # type: ignore[arg-type]  # What is no text is refused.
    except (ValueError, TypeError):
        return None
    is_sound = isinstance(found, dict) and all(isinstance(each, int) for each in found.values())
    return found if is_sound else None


def _unsealed(wanted: object) -> frozenset[ChannelId] | None:
    """Return an uplink's channels, or None if the text is damaged: one bit makes it a blob."""
    if not isinstance(wanted, str):
        return None
    if not wanted.startswith("["):
        seal, wanted = wanted[:8], wanted[8:]
        if seal != f"{seal_of(wanted):08x}":
            return None
    try:
        return frozenset(map(ChannelId, orjson.loads(wanted)))
    except (ValueError, TypeError):
        return None
