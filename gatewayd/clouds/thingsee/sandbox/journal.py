"""Everything the sandbox received, in order, what of it came twice, and its counts."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.sandbox.kept import Kept
from gatewayd.sandbox.violations import VIOLATIONS_MAX, Findings, Violation


@dataclass(frozen=True, slots=True)
class Received:
    """One publish or POST as it came; `verdict` says what became of it."""

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
    repeats: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message of a publish; a repeat is of the same thing, id and time as an earlier one."""

    number: int
    message: Message
    is_repeat: bool


class Journal:
    """The newest publishes, messages and violations, and all counts.

    Characteristics: buffered: by number and bytes · when full: the oldest go, counted in
    `forgotten` · ordered by arrival · not durable.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self.messages = Kept[Received](messages_max, bytes_max)
        self.arrivals = Kept[Arrival](20 * messages_max, 4 * bytes_max)
        self.violations: deque[Violation] = deque(maxlen=VIOLATIONS_MAX)
        self.counts: Counter[str] = Counter()

    def clear(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self.arrivals.clear()
        self.violations.clear()
        self.counts.clear()

    def next_number(self) -> int:
        """Return the number of the publish that is being received now."""
        self.counts["messages"] += 1
        return self.counts["messages"]

    def keep(self, received: Received) -> None:
        """Add a publish and count it."""
        self.counts["bytes"] += len(received.payload)
        self.counts["duplicates"] += received.is_duplicate
        self.messages.add(received, len(received.topic) + len(received.payload))
        self.counts["forgotten"] = self.messages.forgotten

    def arrive(self, arrival: Arrival, size: int) -> None:
        """Add a message of a publish, of about `size` bytes, and count it."""
        self.arrivals.add(arrival, size)
        self.counts["repeats" if arrival.is_repeat else "points_accepted"] += 1

    def blame(self, time_ms: int, gateway: str, findings: Findings, *, is_note: bool) -> None:
        """Add what a check has found."""
        for rule, text in findings:
            self.violations.append(Violation(time_ms, gateway, rule, text, is_note))
            self.counts["notes" if is_note else "violations"] += 1
