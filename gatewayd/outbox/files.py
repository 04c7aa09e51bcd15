"""The two files of the log: opened, checked, set aside when they are beyond repair.

Both tiers have one schema and hang on one connection: `main` is the card, `hot` is a file on
tmpfs, or memory where there is no tmpfs.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gatewayd.errors import OutboxError

CARD_NAME, HOT_NAME, BALLAST_NAME = "outbox.db", "outbox-hot.db", "outbox.ballast"

SHM = Path("/dev/shm")  # noqa: S108  # A tmpfs on purpose; what is made there is private.

BALLAST_BYTES = 256 * 1024
"""Deleting needs space too (the WAL grows): on a full disk this file makes room for it."""

QUICK_CHECK_BYTES_MAX = 64 * 2**20
"""Above this the check at start would hold up the outputs for seconds; SQLite still notices a
broken page when it reads it."""

PAGE_BYTES = 1024
"""A commit of a second's readings fills one small page and not a quarter of a large one. Measured
in an outage at 100 readings/s: 512 writes 62 kB per 1,000 readings, 1024 66, 2048 77, 4096 98."""

WAL_PAGES = 2000
"""2 MiB of WAL before it is folded into the file: a page that fills up over many commits is then
written to the file once. Smaller writes pages twice, larger costs only disk space."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS {tier}.slab(
  last INTEGER PRIMARY KEY, first INTEGER NOT NULL, base_ms INTEGER NOT NULL,
  boot TEXT, offset_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS {tier}.channel(number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS {tier}.account(uplink TEXT PRIMARY KEY, cursor INTEGER NOT NULL,
  accepted INTEGER NOT NULL, delivered INTEGER NOT NULL, dropped TEXT NOT NULL,
  wanted TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS {tier}.rejected(uplink TEXT NOT NULL, seq INTEGER NOT NULL,
  channel TEXT NOT NULL, time_ms INTEGER NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL,
  UNIQUE(uplink, seq));
CREATE TABLE IF NOT EXISTS {tier}.meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""


@dataclass(slots=True)
class Files:
    """An open connection to both tiers, and what had to be done to get it."""

    db: sqlite3.Connection
    is_card_fresh: bool
    is_hot_fresh: bool
    events: list[str]


def find_tmpfs(state_dir: Path, given: Path | None = None) -> Path | None:
    """Return a folder in memory that outlives this process, made where it is missing, or None.

    Args:
        given: the folder that systemd made (`RuntimeDirectory=`) or the owner named; where it is
            not in memory or there is none, a private folder under /dev/shm is taken.
    """
    if given and is_tmpfs(given):
        with suppress(OSError):
            given.mkdir(mode=0o750, exist_ok=True)
        if given.is_dir() and os.access(given, os.W_OK):
            return given
    if not is_tmpfs(SHM):
        return None
    folder = _private_folder(state_dir)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if is_ours and not found.st_mode & 0o077 else None


def _private_folder(state_dir: Path) -> Path:
    tag = hashlib.sha256(bytes(state_dir.resolve())).hexdigest()[:16]
    return SHM / f"gatewayd-{os.getuid()}-{tag}"


def is_tmpfs(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Return whether a path is, or would be, in memory."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        _, point, type_, *_ = line.split(" ")
        if len(point) >= len(best) and path.is_relative_to(point):
            best, kind = point, type_
    return kind in ("tmpfs", "ramfs")


def open_files(state_dir: Path, hot_dir: Path | None) -> Files:
    """Open both tiers; one that cannot be read is set aside and begun anew.

    Raises:
        OutboxError: even a fresh file cannot be made (read-only or full disk).
    """
    events: list[str] = []
    card = state_dir / CARD_NAME
    hot = hot_dir / HOT_NAME if hot_dir else None
    is_card_fresh = not card.exists()
    is_hot_fresh = hot is None or not hot.exists()
    for path, name in ((card, "card"), (hot, "memory")):
        if path and path.exists() and not _is_readable(path):
            events.append(f"{path} was unreadable, set aside as {set_aside(path).name}")
            is_card_fresh, is_hot_fresh = (
                is_card_fresh or name == "card",
                is_hot_fresh or (name == "memory"),
            )
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(card, isolation_level=None, check_same_thread=False)
        _prepare_card(db)
        db.execute("ATTACH ? AS hot", (str(hot) if hot else ":memory:",))
        db.execute("PRAGMA hot.journal_mode=WAL")
        db.execute("PRAGMA hot.synchronous=OFF")
        db.executescript(SCHEMA.format(tier="hot"))
    except sqlite3.Error as error:
        raise OutboxError(f"the log cannot be opened in {state_dir}: {error}") from error
    return Files(db, is_card_fresh, is_hot_fresh, events)


def _prepare_card(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA page_size={PAGE_BYTES}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
    db.execute("PRAGMA journal_size_limit=2097152")
    db.executescript(SCHEMA.format(tier="main"))
    db.execute("INSERT OR IGNORE INTO main.meta VALUES('store', ?)", (secrets.token_hex(8),))


def _is_readable(path: Path) -> bool:
    try:
        db = sqlite3.connect(path)
        try:
            if path.stat().st_size <= QUICK_CHECK_BYTES_MAX:
                return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return True
        finally:
            db.close()
    except sqlite3.OperationalError:
        return True  # Full or read-only is not broken; opening it for real will tell.
    except sqlite3.Error:
        return False


def set_aside(path: Path) -> Path:
    """Rename a broken database with its WAL, and return the new name. Only the last is kept."""
    kept = path.with_name(path.name + ".corrupt")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.replace(kept)
    return kept


def lay_ballast(state_dir: Path) -> None:
    """Reserve room for the deletes that a full disk will need; no room is no error."""
    ballast = state_dir / BALLAST_NAME
    if ballast.exists() and ballast.stat().st_size == BALLAST_BYTES:
        return
    try:
        ballast.write_bytes(os.urandom(BALLAST_BYTES))
    except OSError:
        ballast.unlink(missing_ok=True)


def drop_ballast(state_dir: Path) -> bool:
    """Give the reserved room back; returns whether there was any."""
    ballast = state_dir / BALLAST_NAME
    if not ballast.exists():
        return False
    ballast.unlink()
    return True


def remove_hot(state_dir: Path, hot_dir: Path) -> None:
    """Leave no files in memory after an orderly end; the card has everything then.

    The folder goes too if `find_tmpfs` made it; any other is its owner's to remove.
    """
    for suffix in ("", "-wal", "-shm"):
        (hot_dir / (HOT_NAME + suffix)).unlink(missing_ok=True)
    if hot_dir == _private_folder(state_dir):
        with suppress(OSError):
            hot_dir.rmdir()
