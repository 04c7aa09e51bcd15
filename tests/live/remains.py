"""What a dead daemon left in the files of its log, read from a copy, row by row.

Strategy: nothing of the outbox's own recovery is used, only its tables and slabs. What is on the
card counts, and of the memory what is newer than that.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.model import Value
from gatewayd.outbox.files import CARD_NAME, HOT_NAME
from gatewayd.outbox.tables import Tables

Row = tuple[str, int, Value]
"""Channel, time (UTC ms), value."""


@dataclass(slots=True)
class Remains:
    """The rows of one moment."""

    rows: dict[int, Row] = field(default_factory=dict)
    """Every row with a value, by its number."""
    cursor: int = 0
    """Up to where the uplink was done."""

    @property
    def owed(self) -> dict[int, Row]:
        """The rows that the uplink had not yet confirmed."""
        return {seq: row for seq, row in self.rows.items() if seq > self.cursor}


def find_remains(state: Path, hot: Path | None, uplink: str) -> Remains:
    """Read a copy of both tiers; `hot` None = the memory is gone."""
    remains = Remains()
    with tempfile.TemporaryDirectory(prefix="gatewayd-remains-") as place:
        folder = Path(place)
        tiers = [_copy(state / CARD_NAME, folder)]
        if hot is not None:
            tiers.append(_copy(hot / HOT_NAME, folder))
        for file in filter(None, tiers):
            with closing(sqlite3.connect(file)) as db:
                _read(Tables(db), uplink, remains)
    return remains


def _copy(file: Path, folder: Path) -> Path | None:
    """Copy a database with its WAL; the index of the WAL is made anew by whoever opens it."""
    if not file.exists():
        return None
    for suffix in ("", "-wal"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            shutil.copyfile(part, folder / part.name)
    return folder / file.name


def _read(tables: Tables, uplink: str, remains: Remains) -> None:
    is_made = tables.one("SELECT count(*) FROM sqlite_master WHERE name = 'slab'")
    if not is_made:
        return  # It was killed before it had made its tables.
    account = tables.accounts("main").get(uplink)
    if account is not None:
        remains.cursor = max(remains.cursor, account.cursor)
    names = tables.names("main")
    newest = max(remains.rows, default=0)
    for slab in tables.read("main", newest):
        assert slab.numbers
        readings = slab.readings(names, 0, len(slab.numbers))
        for seq, reading in enumerate(readings, slab.first):
            if reading.value is not None and seq > newest:
                remains.rows[seq] = (reading.channel, reading.time_ms, reading.value)
    assert not tables.broken
