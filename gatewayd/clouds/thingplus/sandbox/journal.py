"""Everything the sandbox received, in order, with what was dropped and why; and its counts."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from gatewayd.model import Value
from gatewayd.sandbox.kept import Kept
from gatewayd.sandbox.violations import VIOLATIONS_MAX, Violation

DROPS_MAX = 10_000
"""The newest are kept; the counts know of all."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came; `verdict` says in a word or sentence what became of it."""

    number: int
    time_ms: int
    way: str
    gateway: str
    topic: str
    payload: bytes
    qos: int
    is_retained: bool
    is_duplicate: bool
    accepted: int
    dropped: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """One point that was not taken; `message` is the number of the message it came in."""

    message: int
    gateway: str
    sensor: str
    time_ms: int
    value: Value
    reason: str


class Journal:
    """The newest messages and drops, all counts.

    Characteristics: in: messages, drops, violations · buffered: by number and bytes · when full:
    the oldest go, counted in `forgotten` · ordered by arrival · not durable.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self.messages = Kept[Received](messages_max, bytes_max)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self.drops: deque[Dropped] = deque(maxlen=DROPS_MAX)
        self.violations: deque[Violation] = deque(maxlen=VIOLATIONS_MAX)
        self.counts: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def next_number(self) -> int:
        """Return the number of the message that is being received now."""
        self.counts["messages"] += 1
        return self.counts["messages"]

    def keep(self, message: Received) -> None:
        """Add a message and count it."""
        self.counts["bytes"] += len(message.payload)
        self.counts["points_accepted"] += message.accepted
        self.counts["points_dropped"] += message.dropped
        self.messages.add(message, _size(message))
        self.counts["forgotten"] = self.messages.forgotten

    def drop(self, drop: Dropped) -> None:
        """Add a point that was not taken and count its reason."""
        self.drops.append(drop)
        self.dropped[drop.reason] += 1

    def blame(self, violation: Violation) -> None:
        """Add a violation and count its rule."""
        self.violations.append(violation)
        self.counts["notes" if violation.is_note else "violations"] += 1


def _size(message: Received) -> int:
    """Return the bytes that a message's sender decides on."""
    return len(message.topic) + len(message.payload)
