"""What became of every number that was said, by comparing it with what arrived; pure.

A device counts and never says a number twice, so the numbers themselves tell what was lost,
repeated or swapped. Of each connection the first numbers may be missing (the driver listens before
it believes), and where it was cut the last ones (they were on the wire, or in the last tenth of a
second, when the daemon was killed): how old those were is told, and held to `TAIL_S`. Every other
hole is a loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

TAIL_S = 2.0
"""A kill may cost a tenth of a second of gathering and what was on its way; on a Pi Zero that
starts and stops a Python beside it, some more."""

HEAD_NUMBERS = 100
"""Numbers at the beginning of a connection that a driver may take for proving the device."""

SHOWN = 3
"""Numbers that a sentence names."""


@dataclass(slots=True)
class Session:
    """One connection of the counting device.

    Attributes:
        first: the first number said on it.
        said: when (loop time) which number had been said.
        ended_s: when it ended, None while it stands.
    """

    first: int
    said: list[tuple[float, int]] = field(default_factory=list)
    ended_s: float | None = None

    @property
    def last(self) -> int:
        """The last number said on it."""
        return self.said[-1][1] if self.said else self.first - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One number as a cloud has it."""

    time_ms: int
    number: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the numbers in one cloud.

    Attributes:
        arrived: different numbers that it has.
        lost: numbers that were taken and are not there.
        repeated: numbers that it has more than once, as different values.
        swapped: numbers that it has before a smaller one.
        tail_s: how old the oldest number was that the end of a connection cost.
    """

    arrived: int
    lost: tuple[int, ...]
    repeated: tuple[int, ...]
    swapped: tuple[int, ...]
    tail_s: float

    def faults(self) -> list[str]:
        """Return what must not be, a sentence each."""
        found = [
            f"{len(numbers)} {word}: {', '.join(map(str, numbers[:SHOWN]))} …"
            for word, numbers in (
                ("lost", self.lost),
                ("stored twice", self.repeated),
                ("out of order", self.swapped),
            )
            if numbers
        ]
        if self.tail_s > TAIL_S:
            found.append(f"the last {self.tail_s:.1f} s before an end are missing")
        if not self.arrived:
            found.append("nothing arrived")
        return found


def tally(sessions: Sequence[Session], rows: Sequence[Row]) -> Tally:
    """Return what became of all that was said, from what a cloud has, in its order."""
    numbers = [row.number for row in rows]
    got = set(numbers)
    lost: list[int] = []
    tail_s = 0.0
    for session in sessions:
        mine = sorted(number for number in got if session.first <= number <= session.last)
        if not mine:
            tail_s = max(tail_s, _unheard_s(session))
            continue
        lost += [number for number in range(mine[0], mine[-1] + 1) if number not in got]
        if mine[0] - session.first > HEAD_NUMBERS:
            lost += range(session.first + HEAD_NUMBERS, mine[0])
        if session.ended_s is None:
            lost += range(mine[-1] + 1, session.last + 1)
        else:
            tail_s = max(tail_s, _tail_s(session, session.ended_s, mine[-1]))
    repeated = tuple(number for number, count in Counter(numbers).items() if count > 1)
    swapped = tuple(left for left, right in pairwise(numbers) if left > right)
    return Tally(len(got), tuple(lost), repeated, swapped, tail_s)


def _tail_s(session: Session, ended_s: float, last: int) -> float:
    """Return how long before its end the first number was said that is missing at the end."""
    missing_s = next((at_s for at_s, number in session.said if number > last), None)
    return 0.0 if missing_s is None else max(0.0, ended_s - missing_s)


def _unheard_s(session: Session) -> float:
    """Return how long a connection was spoken on of which nothing arrived, beyond its head."""
    heard = [at_s for at_s, number in session.said if number > session.first + HEAD_NUMBERS]
    return max(0.0, (session.ended_s or heard[-1]) - heard[0]) if heard else 0.0
