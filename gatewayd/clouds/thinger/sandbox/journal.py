"""Everything the sandbox received, in order, and its counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gatewayd.sandbox.kept import Kept


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came.

    Attributes:
        way: `classic`, `iotmp`, `mqtt`, `callback` or `rest`.
        what: what it is: `Call WRITE_BUCKET`, `Answer`, a topic, a method and a path.
        content: what it says, as JSON.
        verdict: in a word or sentence what became of it.
    """

    number: int
    time_ms: int
    way: str
    user: str
    device: str
    what: str
    content: object
    verdict: str = ""


class Journal:
    """The newest messages, all counts.

    Characteristics: in: messages · buffered: by number and bytes · when full: the oldest go,
    counted in `forgotten` · ordered by arrival · not durable.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self.messages = Kept[Received](messages_max, bytes_max)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.messages.clear()
        self.counts: Counter[str] = Counter()

    def next_number(self) -> int:
        """Return the number of the message that is being received now."""
        self.counts["messages"] += 1
        return self.counts["messages"]

    def keep(self, message: Received, size: int) -> None:
        """Add a message of so many bytes."""
        self.counts["bytes"] += size
        self.messages.add(message, size + len(message.what))
        self.counts["forgotten"] = self.messages.forgotten
