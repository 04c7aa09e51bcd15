"""Everything the sandbox received, in order, and its counts."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.kept import Kept

MAILS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Received:
    """One write as it came; `verdict` says what became of it.

    `way` is http, mqtt, app or panel; `thing` its id, empty where the token is of none.
    """

    number: int
    time_ms: int
    way: str
    thing: str
    payload: bytes
    accepted: int
    duplicates: int
    verdict: str


class Journal:
    """The newest writes, all counts, and the mails that a real cloud would have sent."""

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self.messages = Kept[Received](messages_max, bytes_max)
        self.mails: deque[Document] = deque(maxlen=MAILS_MAX)
        self.counts: Counter[str] = Counter()

    def clear(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self.mails.clear()
        self.counts.clear()

    def keep(self, message: Received) -> None:
        """Add a write and count it."""
        self.messages.add(message, len(message.payload))
        self.counts["bytes"] += len(message.payload)
        self.counts["points_accepted"] += message.accepted
        self.counts["duplicates"] += message.duplicates
        self.counts["malformed"] += not message.accepted
        self.counts["forgotten"] = self.messages.forgotten

    def next_number(self) -> int:
        """Return the number of the write that is being received now."""
        self.counts["messages"] += 1
        return self.counts["messages"]
