"""Readings that a cloud refused for ever, kept with its answer until they are sent again.

Strategy: as with the other rows, they come into the hot tier first and move to the card with the
next commit. Which of them were sent again stands in the hot tier too, in the transaction that
put them back; the card forgets them when it gets their new rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from gatewayd.model import Quality, Reading, Value
from gatewayd.outbox.tables import Tables, as_json

REJECTED_MAX = 10_000
"""Rejected rows kept with the cloud's answer; older ones are forgotten, their count is not."""

REASON_MAX = 300
"""Letters kept of an answer: some clouds answer with a page of HTML."""

Rejection = tuple[int, Reading, str]
"""A row that a cloud will never take: its seq, the reading, the cloud's answer."""

KEPT = (
    "(SELECT * FROM main.rejected UNION SELECT * FROM hot.rejected) AS kept "
    "WHERE uplink = ? AND seq > ? AND NOT EXISTS"
    "(SELECT 1 FROM hot.retried AS r WHERE r.uplink = kept.uplink AND r.seq = kept.seq)"
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One reading that a cloud refused, and its answer."""

    seq: int
    reading: Reading
    reason: str


class Rejects:
    """The rejected rows of both tiers."""

    def __init__(self, tables: Tables) -> None:
        self._tables, self._db = tables, tables.db

    def add(self, uplink: str, rows: Sequence[Rejection]) -> None:
        """Keep rows, in the hot tier."""
        if not rows:
            return
        self._db.executemany(
            "INSERT OR IGNORE INTO hot.rejected VALUES(?,?,?,?,?,?,?)",
            [
                (uplink, seq, r.channel, r.time_ms, as_json(r.value), why[:REASON_MAX], r.quality)
                for seq, r, why in rows
            ],
        )
        self._cut("hot")

    def _cut(self, tier: str) -> None:
        query = f"DELETE FROM {tier}.rejected WHERE rowid <= "
        self._db.execute(f"{query}(SELECT max(rowid) - ? FROM {tier}.rejected)", (REJECTED_MAX,))

    @property
    def is_owed(self) -> bool:
        """Whether there is something that the card does not know yet."""
        return bool(
            self._tables.one("SELECT EXISTS(SELECT 1 FROM hot.rejected)")
            or self._tables.one("SELECT EXISTS(SELECT 1 FROM hot.retried)")
        )

    def move(self) -> None:
        """Bring everything to the card; the caller holds the transaction, and calls `moved`."""
        self._db.execute("INSERT OR IGNORE INTO main.rejected SELECT * FROM hot.rejected")
        self._db.execute(
            "DELETE FROM main.rejected WHERE (uplink, seq) IN (SELECT uplink, seq FROM hot.retried)"
        )
        self._cut("main")

    def moved(self) -> None:
        """Forget in memory what is on the card."""
        self._db.execute("DELETE FROM hot.rejected")
        self._db.execute("DELETE FROM hot.retried")

    def read(self, uplink: str, after: int, limit: int) -> list[Rejected]:
        """Return rows that an uplink's cloud refused, after a seq, the oldest first."""
        query = f"SELECT * FROM {KEPT} ORDER BY seq LIMIT ?"
        return [
            Rejected(seq, Reading(channel, time_ms, _value(value), _quality(quality)), reason)
            for _, seq, channel, time_ms, value, reason, quality in self._db.execute(
                query, (uplink, after, limit)
            )
        ]

    def retried(self, uplink: str, seqs: Sequence[int]) -> None:
        """Note that rows go out again; the caller holds the transaction of the hot tier."""
        rows = [(uplink, seq) for seq in seqs]
        self._db.executemany("INSERT OR IGNORE INTO hot.retried VALUES(?,?)", rows)
        self._db.executemany("DELETE FROM hot.rejected WHERE uplink = ? AND seq = ?", rows)


def _value(text: str) -> Value | None:
    value: Value | None = orjson.loads(text)
    return value


def _quality(number: int) -> Quality:
    return Quality(number) if 0 <= number <= max(Quality) else Quality.UNCERTAIN
