"""The one way out of a connection: whatever is said leaves here, each message with its own time.

Source: Haltian developer site, best practices: a message is known by thing, id and time, so two
answers within one second would be taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.report import Marks, seconds_of, unique_ms


class Carrier(Protocol):
    """How bytes leave."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when the other side has taken all of them.

        Raises:
            LinkLost, LinkDenied, Throttled, BatchRefused: see errors.
        """
        ...


class Line:
    """One carrier, and the times of what it carried; without a carrier nothing is said."""

    def __init__(self, carrier: Carrier | None, group: str = "") -> None:
        """`group` is put into every message, as the customer's stream has it; empty = not."""
        self._carrier = carrier
        self._group = group
        self.marks = Marks()

    @property
    def is_mute(self) -> bool:
        """Whether there is no way out."""
        return self._carrier is None

    def stamped(self, message: Message) -> Message:
        """Return a message with a time that no other of its thing and id has."""
        if message.time_s is None:
            return message
        key = (message.thing, message.id)
        sent_ms = unique_ms(round(message.time_s * 1000), self.marks.times_ms.get(key))
        self.marks.times_ms[key] = sent_ms
        return replace(message, time_s=seconds_of(sent_ms))

    async def post(self, messages: Sequence[Message]) -> None:
        """Send messages as they are; see `Carrier.send`."""
        if self._carrier is None:
            return
        if self._group:
            messages = [replace(message, group=self._group) for message in messages]
        await self._carrier.send(messages)
