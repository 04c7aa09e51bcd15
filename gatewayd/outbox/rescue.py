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
from contextlib import closing, suppress
from pathlib import Path

RESCUE_S = 10.0
"""Longer than this nobody waits for a broken file: outputs and commands begin after it."""

GROUP = 64
"""Rows written in one transaction."""

KEY_MAX = 2**62

COLUMNS = {
    "meta": ("name", "value"),
    "channel": ("number", "name", "seal"),
    "account": (
        *("uplink", "cursor", "accepted", "delivered", "dropped", "wanted"),
        *("offered", "repeated", "seal"),
    ),
    "rejected": ("uplink", "seq", "channel", "time_ms", "value", "reason", "quality"),
    "retried": ("uplink", "seq"),
    "slab": ("last", "first", "base_ms", "boot", "offset_ms", "body", "holes"),
}
"""The tables in the order of their worth, with their columns. Files of earlier versions lack some
of the last ones."""


def has_schema(db: sqlite3.Connection) -> bool:
    """Return whether the tables of a file are called as they should be: a bit that turned in
    their declaration leaves a valid file."""
    for table, columns in COLUMNS.items():
        found = [str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")]
        if tuple(found) != columns[: len(found)]:
            return False
    return True


def rescue(kept: Path, db: sqlite3.Connection, tier: str) -> str:
    """Copy what can be read of a database that was set aside into a tier; return what that was."""
    end_s = time.monotonic() + RESCUE_S
    counts = dict.fromkeys(COLUMNS, 0)
    try:
        with closing(sqlite3.connect(kept, isolation_level=None)) as broken:
            broken.text_factory = lenient
            for table, columns in COLUMNS.items():
                width = len(broken.execute(f"PRAGMA table_info({table})").fetchall())
                into = f"{table}({','.join(columns[:width])})"
                group: list[tuple[object, ...]] = []
                for row in _rows(broken, table, end_s):
                    group.append(row)
                    if len(group) >= GROUP:
                        counts[table] += put_rows(db, tier, into, group)
                        group = []
                counts[table] += put_rows(db, tier, into, group)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return f"of {kept.name} {counts['slab']} slabs were rescued, then: {error}"
    return f"of {kept.name} {counts['slab']} slabs and {counts['account']} accounts were rescued"


def put_rows(
    db: sqlite3.Connection,
    tier: str,
    table: str,
    rows: Sequence[tuple[object, ...]],
    *,
    is_better: bool = False,
) -> int:
    """Write rows as they are; one that its table does not take is left out. Returns how many.

    Args:
        table: its name, with its columns in parentheses if they are not all or in another order.
        is_better: they take the place of those that are there; else those stay.
    """
    count, verb = 0, "REPLACE" if is_better else "IGNORE"
    db.execute("BEGIN")
    try:
        for row in rows:
            places = ",".join("?" * len(row))
            try:
                db.execute(f"INSERT OR {verb} INTO {tier}.{table} VALUES({places})", row)
                count += 1
            except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError):
                continue
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return count


def _rows(broken: sqlite3.Connection, table: str, end_s: float) -> Iterator[tuple[object, ...]]:
    if table == "meta":  # It has no numbers to go by, and is one page.
        with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
            yield from broken.execute("SELECT * FROM meta")
        return
    after, step = -KEY_MAX, 1
    while time.monotonic() < end_s and after < KEY_MAX:
        before = after
        query = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid"
        try:
            with closing(broken.execute(query, (after,))) as rows:
                for row in rows:
                    if isinstance(row[0], int):
                        after = max(after, row[0])
                    yield tuple(row[1:])
                return
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            step = 1 if after > before else step * 2
            after = max(after, 0) + step


def lenient(raw: bytes) -> str:
    """Return text whatever bytes it has; whether it is what was written, its row's seal tells."""
    return raw.decode(errors="replace")
