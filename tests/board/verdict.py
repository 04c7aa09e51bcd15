"""What stood on a disk after a cut, held against what the world had seen before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from gatewayd.audit import SYNC_S
from gatewayd.totals import HOT_S
from tests.board.doomed import ALARM, COMMIT_S, LEVEL, SAVE_S
from tests.board.reopened import Reopened, Waiting
from tests.board.witness import Row, Seen, Witness
from tests.gatewayd.outbox.story import WANTED, channel_of, numbers_in, say

T = TypeVar("T")

SLACK_S = 0.5
"""For a commit itself, and the way to the witness."""

LATE_S = 1.0
"""What happened before a cut is seen so long after it at the most."""

MENDED = ("unreadable", "damaged", "gone from the log", "rescued", "were not counted")
"""What the log says when it was broken. A cut alone breaks nothing."""

Numbers = dict[int, Row]
"""Every number of a log that any cut showed, and what it stands for."""


@dataclass(slots=True)
class Verdict:
    """What is wrong after one cut, and what it cost.

    Attributes:
        wrong: sentences; none is as promised.
        lost: how many readings were not there any more, rightly or wrongly.
        oldest_s: how old the oldest of them was.
    """

    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    oldest_s: float = 0.0

    def say(self, *sentences: str) -> None:
        """Add what is wrong."""
        self.wrong += sentences


def look_over(reopened: Reopened, numbers: Numbers) -> Verdict:
    """Judge a log by itself: it balances, nothing is dropped, no number stands for two readings."""
    verdict = Verdict()
    verdict.say(*(event for event in reopened.events if any(each in event for each in MENDED)))
    for each in reopened.waiting.values():
        verdict.say(*each.wrong)
        if each.dropped:
            verdict.say(f"dropped: {each.dropped}")
        if list(each.batch.seqs) != sorted(set(each.batch.seqs)):
            verdict.say("numbers are not in order")
        for seq, row in zip(each.batch.seqs, rows_of(each), strict=True):
            if numbers.setdefault(seq, row) != row:
                verdict.say(f"number {seq} stands for {numbers[seq]} and for {row}")
    return verdict


def find_reused(numbers: Numbers, fresh: int, known: Iterable[Row]) -> list[str]:
    """Return what is wrong with the first number after a cut, where `known` was accepted before:
    much of that was only in memory, but its numbers are used."""
    used = {row: seq for seq, row in numbers.items()}
    highest = max((used[row] for row in known if row in used), default=0)
    return [f"{fresh} is given again, numbers up to {highest} are used"] if fresh <= highest else []


def judge_repeats(each: Waiting, had: Set[T], rows: Iterable[T]) -> list[str]:
    """Return what is wrong with the count of what the cloud `had` and is sent again."""
    again = len(had & set(rows))
    return [f"{again} are sent again, {each.repeated} counted"] if again > each.repeated else []


# A scribe's log


@dataclass(slots=True)
class Told:
    """What a scribe had said before a cut.

    Attributes:
        taken: what was appended.
        safe: what a commit had returned for.
        had: by cloud, what it had for sure, and perhaps.
    """

    taken: set[int] = field(default_factory=set)
    safe: set[int] = field(default_factory=set)
    had: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in WANTED})
    perhaps: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in WANTED})

    @property
    def rows(self) -> list[Row]:
        """What was appended, as rows."""
        return [(r.channel, r.time_ms, r.value) for n in self.taken for r in say(n, 1)]


def told_by(witness: Witness, scribe: str, cut: int) -> Told:
    """Return what a scribe had said before a cut."""
    told, end_s = Told(), witness.end_s(cut)
    for line, seen in witness.heard[scribe]:
        word, *rest = line.split(" ")
        is_before = seen.entries <= cut
        if word == "t" and is_before:
            told.taken |= set(range(int(rest[0]), int(rest[0]) + int(rest[1])))
        elif word == "c" and is_before:
            told.safe = {number for number in told.taken if number <= int(rest[0])}
        elif word == "g" and rest[1] and seen.at_s <= end_s + LATE_S:
            numbers = {int(number) for number in rest[1].split(",")}
            told.perhaps[rest[0]] |= numbers
            told.had[rest[0]] |= numbers if is_before else set()
    return told


def judge_scribe(told: Told, reopened: Reopened, numbers: Numbers) -> Verdict:
    """Judge a scribe's log: what a commit had returned for is there or was delivered."""
    verdict = look_over(reopened, numbers)
    for uplink, each in reopened.waiting.items():
        waiting = numbers_in(each.batch)
        owed = {number for number in told.safe if channel_of(number) in WANTED[uplink]}
        lost = owed - set(waiting) - told.perhaps[uplink]
        verdict.lost += len(lost)
        if lost:
            verdict.say(f"{uplink}: {len(lost)} of {len(owed)} lost, {min(lost)} … {max(lost)}")
        if waiting != sorted(set(waiting)):
            verdict.say(f"{uplink}: not in order")
        verdict.say(*judge_repeats(each, told.had[uplink], waiting))
    return verdict


# The daemon's


@dataclass(frozen=True, slots=True)
class Bounds:
    """How old what is lost may be, by what was announced.

    Attributes:
        stall_s: how long the machine stood still.
    """

    stall_s: float

    @property
    def reading_s(self) -> float:
        return COMMIT_S + SLACK_S + self.stall_s

    @property
    def alarm_s(self) -> float:
        return SLACK_S + self.stall_s

    @property
    def total_s(self) -> float:
        return SAVE_S + HOT_S + SLACK_S + self.stall_s

    @property
    def command_s(self) -> float:
        return SYNC_S + SLACK_S + self.stall_s


def crossings(rows: Iterable[Row]) -> set[Row]:
    """Return the readings that told that the threshold was crossed: alarm, and the level then."""
    alarms = sorted((row for row in rows if row[0] == ALARM), key=lambda row: row[1])
    found = {new for old, new in pairwise(alarms) if old[2] != new[2]}
    times = {row[1] for row in found}
    return found | {row for row in rows if row[0] == LEVEL and row[1] in times}


def judge_daemon(
    witness: Witness, cut: int, reopened: Reopened, numbers: Numbers, bounds: Bounds
) -> Verdict:
    """Judge the daemon's log: what is older than announced is there or was delivered."""
    end_s = witness.end_s(cut)
    known = before(witness.rows["witness"], cut)
    verdict = look_over(reopened, numbers)
    waiting = rows_of(reopened.waiting["owed"])
    arrived = {row for row, seen in witness.rows["owed"].items() if seen.at_s <= end_s + LATE_S}
    alarms = crossings(known)
    for row in known.keys() - set(waiting) - arrived:
        age_s = witness.lived_s(end_s) - witness.lived_s(known[row].at_s)
        verdict.lost += 1
        verdict.oldest_s = max(verdict.oldest_s, age_s)
        if age_s > (bounds.alarm_s if row in alarms else bounds.reading_s):
            verdict.say(f"{row} was accepted {age_s:.2f} s before and is lost")
    for uplink, each in reopened.waiting.items():
        rows, had = rows_of(each), before(witness.rows[uplink], cut)
        verdict.say(*judge_repeats(each, had.keys(), rows))
        verdict.say(*disorder(rows, had))
    return verdict


def before(rows: Mapping[Row, Seen], cut: int) -> dict[Row, Seen]:
    """Return what had surely been seen when the log had so many entries."""
    return {row: seen for row, seen in rows.items() if seen.entries <= cut}


def rows_of(each: Waiting) -> list[Row]:
    """Return what an uplink was owed, in order."""
    return [(reading.channel, reading.time_ms, reading.value) for reading in each.batch.readings]


def disorder(rows: Iterable[Row], had: Iterable[Row]) -> list[str]:
    """Return what is sent behind something later of its channel, apart from what is repeated."""
    had, wrong = set(had), []
    last: dict[str, int] = {}
    for channel, time_ms, _ in had:
        last[channel] = max(last.get(channel, 0), time_ms)
    for row in rows:
        channel, time_ms, _ = row
        if row not in had:
            if time_ms <= last.get(channel, 0):
                wrong.append(f"{row} comes after {last[channel]}")
            last[channel] = time_ms
    return wrong
