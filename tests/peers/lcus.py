"""An LCUS relay board: listens to `A0 channel operation sum`, keeps its relays, says nothing."""

from __future__ import annotations


class LcusBoard:
    """A board with CH340 adapter; `relays` is what a person would see and hear."""

    def __init__(self, relays: int = 4) -> None:
        self.relays = [False] * relays
        self.nonsense = 0
        self._rest = b""

    def receive(self, data: bytes) -> bytes:
        """Do what complete frames say."""
        self._rest += data
        while len(self._rest) >= 4:
            head, channel, operation, check = self._rest[:4]
            is_right = (head + channel + operation) & 0xFF == check
            if head == 0xA0 and is_right and 1 <= channel <= len(self.relays) and operation < 2:
                self.relays[channel - 1] = operation == 1
            else:
                self.nonsense += 1
            self._rest = self._rest[4:]
        return b""
