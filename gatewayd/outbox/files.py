"""The two files of the log: opened, checked, set aside when they are beyond repair.

Both tiers have one schema and hang on one connection: `main` is the card, `hot` is a file on
tmpfs, or memory where there is no tmpfs.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from gatewayd.errors import OutboxError
from gatewayd.outbox.places import name_trouble, private_folder
from gatewayd.outbox.rescue import COLUMNS, has_schema, lenient, put_rows, rescue
from gatewayd.outbox.tables import Tables
from gatewayd.small_files import DAMAGE, replace_file

CARD_NAME, HOT_NAME = "outbox.db", "outbox-hot.db"

COUNTERS_NAME = "outbox.counters"
"""From an orderly end to the next start, the counters stand here too: if the card's file is beyond
rescue by then, or gone, what was in it can still be counted as lost; if only an uplink's row in it
is damaged, its cursor and counters go on."""

COUNTERS = ("meta", "channel", "account")

QUICK_CHECK_BYTES_MAX = 64 * 2**20
"""Above this the check at start would hold up the outputs for seconds; SQLite still notices a
broken page when it reads it."""

PAGE_BYTES = 1024
"""A commit of a second's readings fills one small page and not a quarter of a large one. Measured
in an outage at 100 readings/s: 512 writes 62 kB per 1,000 readings, 1024 66, 2048 77, 4096 98."""

WAL_PAGES = 2000
"""2 MiB of WAL before it is folded into the file: a page that fills up over many commits is then
written to the file once. Smaller writes pages twice, larger costs only disk space."""

BUSY_S = 1.0
"""For somebody else who has locked a file: a tool for backups. Python's 5 s, waited for twice at
every try, are as long as SIGTERM gives us."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS {tier}.slab(
  last INTEGER PRIMARY KEY, first INTEGER NOT NULL, base_ms INTEGER NOT NULL,
  boot TEXT, offset_ms INTEGER NOT NULL, body BLOB NOT NULL, holes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS {tier}.slab_boot ON slab(boot) WHERE boot IS NOT NULL;
CREATE TABLE IF NOT EXISTS {tier}.channel(number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL,
  seal INTEGER);
CREATE TABLE IF NOT EXISTS {tier}.account(uplink TEXT PRIMARY KEY, cursor INTEGER NOT NULL,
  accepted INTEGER NOT NULL, delivered INTEGER NOT NULL, dropped TEXT NOT NULL,
  wanted TEXT NOT NULL, offered INTEGER NOT NULL DEFAULT 0, repeated INTEGER NOT NULL DEFAULT 0,
  seal INTEGER);
CREATE TABLE IF NOT EXISTS {tier}.rejected(uplink TEXT NOT NULL, seq INTEGER NOT NULL,
  channel TEXT NOT NULL, time_ms INTEGER NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL,
  quality INTEGER NOT NULL DEFAULT 0, UNIQUE(uplink, seq));
CREATE TABLE IF NOT EXISTS {tier}.retried(uplink TEXT NOT NULL, seq INTEGER NOT NULL,
  UNIQUE(uplink, seq));
CREATE TABLE IF NOT EXISTS {tier}.meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""

LATER = {
    "slab": {"holes": "INTEGER NOT NULL DEFAULT 0"},
    "channel": {"seal": "INTEGER"},
    "account": {
        "offered": "INTEGER NOT NULL DEFAULT 0",
        "repeated": "INTEGER NOT NULL DEFAULT 0",
        "seal": "INTEGER",
    },
    "rejected": {"quality": "INTEGER NOT NULL DEFAULT 0"},
}
"""Columns that files of earlier versions lack."""

Carried = Mapping[str, Sequence[tuple[object, ...]]]
"""The rows of a tier that was in the process's memory, by table."""


@dataclass(slots=True)
class Files:
    """An open connection to both tiers, and what had to be done to get it."""

    db: sqlite3.Connection
    is_card_fresh: bool
    is_hot_fresh: bool
    is_rescued: bool
    events: list[str]


def open_files(
    state_dir: Path,
    hot_dir: Path | None,
    *,
    is_suspect: bool = False,
    carried: Carried | None = None,
) -> Files:
    """Open both tiers. One that is broken is set aside, and what can be read of it goes on.

    Args:
        is_suspect: SQLite has found one of them broken: if the check finds neither, the card's is.
        carried: what the tier in the process's memory held.

    Raises:
        OutboxError: even a fresh file cannot be made (read-only or full disk).
    """
    events: list[str] = []
    card = state_dir / CARD_NAME
    hot = hot_dir / HOT_NAME if hot_dir else None
    is_card_fresh = not card.exists()
    is_hot_fresh = carried is None if hot is None else not hot.exists()
    aside: dict[str, Path] = {}
    db: sqlite3.Connection | None = None
    try:
        bad = _broken(card, hot, is_suspect=is_suspect)
        for tier, path in bad.items():
            aside[tier] = set_aside(path)
            events.append(f"{path} was unreadable, set aside as {aside[tier].name}")
        is_card_fresh |= "main" in bad
        state_dir.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(card, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        db.text_factory = lenient
        _prepare_card(db)
        db.execute("ATTACH ? AS hot", (str(hot) if hot else ":memory:",))
        db.execute("PRAGMA hot.journal_mode=WAL")
        db.execute("PRAGMA hot.synchronous=OFF")
        _make_tables(db, "hot")
        for table, rows in (carried or {}).items():
            put_rows(db, "hot", table, rows)
        for tier, kept in aside.items():
            events.append(rescue(kept, db, tier))
        second = take_counters(state_dir)
        for table, rows in (second if is_card_fresh else {}).items():
            put_rows(db, "main", table, rows)
        if is_mended := _mend(db, second):
            events.append("the card's counters of an uplink were damaged; the second copy goes on")
        (state_dir / COUNTERS_NAME).unlink(missing_ok=True)
        # Only now: what was rescued brings the mark by which the two files know each other. A
        # card without one is new, or was torn back to its beginning.
        query = "INSERT OR IGNORE INTO main.meta VALUES('store', ?)"
        is_card_fresh |= db.execute(query, (secrets.token_hex(8),)).rowcount > 0
    except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
        if db is not None:
            db.close()  # Else the card could not be unmounted to be mended.
        trouble = name_trouble(state_dir, error)
        raise OutboxError(f"the log cannot be opened in {state_dir}: {trouble}") from error
    return Files(db, is_card_fresh, is_hot_fresh, bool(aside) or is_mended, events)


def _broken(card: Path, hot: Path | None, *, is_suspect: bool) -> dict[str, Path]:
    tiers = {"main": card, "hot": hot}
    bad = {
        tier: path
        for tier, path in tiers.items()
        if path and path.exists() and not _is_readable(path, is_thorough=is_suspect)
    }
    return {"main": card} if is_suspect and not bad and card.exists() else bad


def _prepare_card(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA page_size={PAGE_BYTES}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
    db.execute("PRAGMA journal_size_limit=2097152")
    _make_tables(db, "main")


def _make_tables(db: sqlite3.Connection, tier: str) -> None:
    db.executescript(SCHEMA.format(tier=tier))
    for table, columns in LATER.items():
        known = {row[1] for row in db.execute(f"PRAGMA {tier}.table_info({table})")}
        for column, kind in columns.items():
            if column not in known:
                db.execute(f"ALTER TABLE {tier}.{table} ADD COLUMN {column} {kind}")


def _is_readable(path: Path, *, is_thorough: bool = False) -> bool:
    try:
        db = sqlite3.connect(path, timeout=BUSY_S)
        try:
            db.text_factory = lenient
            if is_thorough or path.stat().st_size <= QUICK_CHECK_BYTES_MAX:
                told = db.execute("PRAGMA quick_check(1)").fetchone()[0]
                return bool(told == "ok") and has_schema(db)
            return has_schema(db)
        finally:
            db.close()
    except sqlite3.OperationalError:
        return True  # Full or read-only is not broken; opening it for real will tell.
    except (sqlite3.Error, UnicodeDecodeError):  # The latter where an error quotes rubbish.
        return False


def set_aside(path: Path) -> Path:
    """Rename a broken database with its WAL, and return the new name. Only the last is kept."""
    kept = path.with_name(path.name + ".corrupt")
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        kept.with_name(kept.name + suffix).unlink(missing_ok=True)
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        wal.replace(kept.with_name(kept.name + "-wal"))
    path.replace(kept)
    return kept


def dump(db: sqlite3.Connection, tier: str) -> Carried:
    """Return all rows of a tier, for `open_files`; of what cannot be read, nothing."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for table in COLUMNS:
        with suppress(sqlite3.Error):
            found[table] = db.execute(f"SELECT * FROM {tier}.{table}").fetchall()
    return found


def keep_counters(db: sqlite3.Connection, state_dir: Path) -> None:
    """Write the counters into a file of their own, at an orderly end."""
    rows = {
        table: list(filter(_is_row, db.execute(f"SELECT * FROM main.{table}").fetchall()))
        for table in COUNTERS
    }
    with suppress(OSError):  # No room is no error: it is a second copy.
        replace_file(state_dir / COUNTERS_NAME, orjson.dumps(rows))


def take_counters(state_dir: Path) -> Carried:
    """Return what `keep_counters` wrote last, by table and columns, as `put_rows` takes it.

    What is missing or damaged is nothing; an earlier version wrote fewer columns.
    """
    rows: dict[str, list[tuple[object, ...]]] = {}
    try:
        found = orjson.loads((state_dir / COUNTERS_NAME).read_bytes())
        for table in COUNTERS:
            for row in filter(_is_row, found[table]):
                columns = COLUMNS[table][: len(row)]
                rows.setdefault(f"{table}({','.join(columns)})", []).append(row[: len(columns)])
    except DAMAGE:
        return {}
    return rows


def _mend(db: sqlite3.Connection, second: Carried) -> bool:
    """Put what `keep_counters` wrote last in the place of an uplink's damaged counters on the
    card. Whether that is right, its own seal tells. Returns whether there was one to put."""
    tables = Tables(db)
    readable = tables.accounts("main")
    count = 0
    for table, rows in second.items() if tables.is_damaged else ():
        if table.startswith("account("):
            better = [row for row in rows if row[0] not in readable]
            count += put_rows(db, "main", table, better, is_better=True)
    return count > 0


def _is_row(row: object) -> bool:
    """Return whether a table can take this; which, it says itself. A blob is a damaged text."""
    if not isinstance(row, list | tuple):
        return False
    return bool(row) and all(cell is None or isinstance(cell, str | int | float) for cell in row)


def put_back(db: sqlite3.Connection, state_dir: Path) -> None:
    """Write the card's file again that was removed while it is open: all of it can be read still.

    Raises:
        OSError, sqlite3.OperationalError: it cannot be written there.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    made = state_dir / f"{CARD_NAME}.new"
    made.unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        (state_dir / (CARD_NAME + suffix)).unlink(missing_ok=True)
    db.execute("VACUUM main INTO ?", (str(made),))
    made.replace(state_dir / CARD_NAME)


def remove_hot(state_dir: Path, hot_dir: Path) -> None:
    """Leave no files in memory after an orderly end; the card has everything then.

    The folder goes too if `find_tmpfs` made it; any other is its owner's to remove.
    """
    for suffix in ("", "-wal", "-shm"):
        (hot_dir / (HOT_NAME + suffix)).unlink(missing_ok=True)
    if hot_dir == private_folder(state_dir):
        with suppress(OSError):
            hot_dir.rmdir()


def find_newest_ms(state_dir: Path, hot_dir: Path) -> int:
    """Return what files that cannot be opened to write say is newest; 0 = they tell nothing."""
    found = [0]
    for path in (state_dir / CARD_NAME, hot_dir / HOT_NAME):
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db,
        ):
            rows = db.execute("SELECT value FROM meta WHERE name = 'newest'").fetchall()
            found += [value for (value,) in rows if isinstance(value, int)]
    return max(found)
