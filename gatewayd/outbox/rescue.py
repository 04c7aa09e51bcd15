"""What can still be read of a broken database goes into a fresh one, row by row.

Strategy: a row's place in the file is found through pages that may be broken themselves. Rows are
read in the order of their keys; where that ends in an error, reading goes on behind it, with
steps that double until something can be read again. Whether a row is what was written, its own
checksum tells whoever reads it next.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

RESCUE_S = 10.0
"""Longer than this nobody waits for a broken file: outputs and commands begin after it."""

GROUP = 64
"""Rows written in one transaction."""

KEY_MAX = 2**62

KEYS = {
    "meta": "name",
    "channel": "number",
    "account": "rowid",
    "rejected": "rowid",
    "retried": "rowid",
    "slab": "last",
}
"""The tables in the order of their worth, with the keys by which they lie in the file."""


def rescue(kept: Path, db: sqlite3.Connection, tier: str) -> str:
    """Copy what can be read of a database that was set aside into a tier; return what that was."""
    end_s = time.monotonic() + RESCUE_S
    counts = dict.fromkeys(KEYS, 0)
    try:
        with closing(sqlite3.connect(kept, isolation_level=None)) as broken:
            broken.text_factory = _lenient
            for table, key in KEYS.items():
                columns = [row[1] for row in broken.execute(f"PRAGMA table_info({table})")]
                into, group = f"{table}({','.join(columns)})", list[tuple[object, ...]]()
                for row in _rows(broken, table, key, end_s):
                    group.append(row)
                    if len(group) >= GROUP:
                        counts[table] += put_rows(db, tier, into, group)
                        group = []
                counts[table] += put_rows(db, tier, into, group)
    except sqlite3.DatabaseError as error:
        return f"of {kept.name} {counts['slab']} slabs were rescued, then: {error}"
    return f"of {kept.name} {counts['slab']} slabs and {counts['account']} accounts were rescued"


def put_rows(
    db: sqlite3.Connection, tier: str, table: str, rows: Sequence[tuple[object, ...]]
) -> int:
    """Write rows as they are; one that its table does not take is left out. Returns how many.

    Args:
        table: its name, with its columns in parentheses if they are not all or in another order.
    """
    count = 0
    db.execute("BEGIN")
    try:
        for row in rows:
            places = ",".join("?" * len(row))
            try:
                db.execute(f"INSERT OR IGNORE INTO {tier}.{table} VALUES({places})", row)
                count += 1
            except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError):
                continue
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return count


def _rows(
    broken: sqlite3.Connection, table: str, key: str, end_s: float
) -> Iterator[tuple[object, ...]]:
    if key == "name":
        yield from _readable(broken, f"SELECT * FROM {table}", ())
        return
    after, step = -KEY_MAX, 1
    while time.monotonic() < end_s and after < KEY_MAX:
        before = after
        query = f"SELECT {key}, * FROM {table} WHERE {key} > ? ORDER BY {key}"
        try:
            with closing(broken.execute(query, (after,))) as rows:
                for row in rows:
                    if isinstance(row[0], int):
                        after = max(after, row[0])
                    yield tuple(row[1:])
                return
        except sqlite3.DatabaseError:
            step = 1 if after > before else step * 2
            after = max(after, 0) + step


def _readable(
    broken: sqlite3.Connection, query: str, values: tuple[int, ...]
) -> Iterator[tuple[object, ...]]:
    try:
        yield from broken.execute(query, values)
    except sqlite3.DatabaseError:
        return


def _lenient(raw: bytes) -> str:
    return raw.decode(errors="replace")
