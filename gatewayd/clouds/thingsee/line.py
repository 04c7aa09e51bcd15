"""The one way out of a connection: whatever is said leaves here, each message with its own time.

Reports come with theirs (dating). Announcements and answers are dated as they are made, to the
millisecond, and two of one instant are set apart here; they are never made again, so that needs to
be known no longer than the connection lasts.

Source: Haltian developer site, best practices: a message is known by thing, id and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from gatewayd.clouds.thingsee.codec import Event, Message
from gatewayd.clouds.thingsee.dating import ASIDE_US, seconds_of

ASIDE = frozenset({Event.INFO_RESPONSE, Event.DIAGNOSTICS_RESPONSE, Event.ERROR})
"""What may have the id, and the instant, of a report."""

STEP_US, SECOND_US = 1000, 1_000_000


class Carrier(Protocol):
    """How bytes leave."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when the other side has taken all of them.

        Raises:
            LinkLost, LinkDenied, Throttled, BatchRefused: see errors.
        """
        ...


class Collected:
    """A carrier to nowhere else: keeps what is said for who asked and waits for it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, messages: Sequence[Message]) -> None:
        """Keep messages."""
        self.messages += messages


class Line:
    """One carrier, and the times of what it carried; without a carrier nothing is said."""

    def __init__(self, carrier: Carrier | None, group: str = "") -> None:
        """`group` is put into every message, as the customer's stream has it; empty = not."""
        self._carrier = carrier
        self._group = group
        self._last_us: dict[tuple[str, int], int] = {}

    @property
    def is_mute(self) -> bool:
        """Whether there is no way out."""
        return self._carrier is None

    def stamped(self, message: Message) -> Message:
        """Return a message that is no report with a time that no other of its thing and id has."""
        if message.time_s is None:
            return message
        time_us = round(message.time_s * 1_000_000)
        if message.event in ASIDE:
            time_us += ASIDE_US
        key = (message.thing, message.id)
        last_us = self._last_us.get(key)
        # What is much older tells of older readings, and has an instant of its own.
        if last_us is not None and last_us - SECOND_US < time_us <= last_us:
            time_us = last_us + STEP_US
        self._last_us[key] = time_us
        return replace(message, time_s=seconds_of(time_us))

    async def post(self, messages: Sequence[Message]) -> None:
        """Send messages as they are; see `Carrier.send`."""
        if self._carrier is None:
            return
        if self._group:
            messages = [replace(message, group=self._group) for message in messages]
        await self._carrier.send(messages)
