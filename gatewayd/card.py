"""What an SD card can bear, and what the log asks of it; pure.

Strategy: a commit costs a card some 20 kB whatever it carries, so the one thing that a gateway
can choose is how many readings share a commit. The estimate errs on the dear side: every sample
is news, and where clouds gather for longer than a commit may wait, every reading goes to the card.

Source: the figures are measured (`python -m tests.bench.card_cost`, ext4, device counter).
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0
YEAR_DAYS = 365.25

WRITES = 1000
"""How often a card can be written from end to end. Makers of consumer cards promise nothing; TLC
flash bears 1,000 to 3,000 erasures, and a card that spreads small writes badly loses some of it.
Industrial cards (SLC, pSLC) state 20,000 and more in their data sheets."""

COMMIT_BYTES = 21_000.0
"""One commit with one reading, journal of the file system included; 18 to 21 kB were measured."""

READING_BYTES = 30.0
"""Each reading more; 12 to 28 B were measured."""

FILE_BYTES = 24_000.0
"""One small file that is written anew and renamed into place."""

OWN_FACTOR = 4.0
"""A commit at the device over what the kernel counts for the process: 3.7 to 4.0 were measured;
the rest is the file system's journal."""

OUTAGE_SHARE = 0.1
"""Clouds that answer leave nothing for the card. So much of the time, 2.4 hours a day, they are
taken to be away; the real share of a year is a tenth of that."""


@dataclass(frozen=True, slots=True)
class Endurance:
    """A card, and how long it shall last.

    Attributes:
        size_bytes: its size.
        writes: how often it can be written from end to end.
        years: how long it shall last.
    """

    size_bytes: float
    writes: float = WRITES
    years: float = 10.0

    @property
    def bytes_a_day(self) -> float:
        """What may be written in a day."""
        return self.size_bytes * self.writes / (self.years * YEAR_DAYS)

    def years_at(self, bytes_a_day: float) -> float | None:
        """Return how long a new card lasts at a rate; None = for ever, nothing is written."""
        if bytes_a_day <= 0:
            return None
        return self.size_bytes * self.writes / bytes_a_day / YEAR_DAYS


@dataclass(frozen=True, slots=True)
class Asked:
    """What a configuration asks of the card.

    Attributes:
        readings_a_day: samples of all channels that some uplink may want.
        share: of the readings that go to the card: 1 = all, see `OUTAGE_SHARE`.
        others_a_day: bytes besides the log: totals, counters, snapshots.
    """

    readings_a_day: float
    share: float
    others_a_day: float


def estimate_bytes_a_day(asked: Asked, interval_s: float) -> float:
    """Return what is written in a day when commits are so far apart."""
    commits = min(DAY_S / interval_s, asked.readings_a_day)
    log = commits * COMMIT_BYTES + asked.readings_a_day * READING_BYTES
    return asked.share * log + asked.others_a_day


def find_interval(asked: Asked, budget_a_day: float, floor_s: float) -> float | None:
    """Return the shortest commit interval, not under the floor, that fits the budget.

    None where none does: the readings themselves are too many, or the rest is.
    """
    if estimate_bytes_a_day(asked, floor_s) <= budget_a_day:
        return floor_s
    room = budget_a_day - asked.others_a_day - asked.share * asked.readings_a_day * READING_BYTES
    if room <= 0:
        return None
    return max(floor_s, DAY_S * asked.share * COMMIT_BYTES / room)


def choose_interval(commit_bytes: float, room_a_day: float, floor_s: float, most_s: float) -> float:
    """Return how long to wait before the next commit.

    Args:
        commit_bytes: what one commit was seen to cost the card; 0 = nothing goes there now.
        room_a_day: what the budget leaves for the log.
        floor_s: as long as the owner would have it.
        most_s: as long as the owner allows.
    """
    if commit_bytes <= 0:
        return floor_s
    if room_a_day <= 0:
        return most_s
    return min(max(DAY_S * commit_bytes / room_a_day, floor_s), most_s)
