"""What time it is at the cloud, as the Date of its answers tells.

Rows and commands carry the cloud's time. Whether one was written before or after something that
happened here, or how old it is, is asked of the cloud's own clock: a gateway whose clock is half a
minute off would otherwise carry out one command twice, one an hour off none at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from gatewayd.clock import Clock

MINUTE_MS = 60_000

DATE_MS = 500
"""A Date has whole seconds, so the time is on average half a second more."""


class CloudTime:
    """The cloud's clock; ours until the cloud has told its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now_s = asyncio.get_running_loop().time
        self._said: tuple[int, float] | None = None

    def note(self, headers: Mapping[str, str]) -> None:
        """Take the Date of an answer; names of headers in lower case."""
        try:
            date = parsedate_to_datetime(headers["date"])
            self._said = (round(date.timestamp() * 1000) + DATE_MS, self._now_s())
        except (KeyError, TypeError, ValueError, OverflowError):
            return

    def now_ms(self) -> int:
        """Return the time at the cloud, about a second at the most away from it."""
        if self._said is None:
            return self._clock.now_ms()
        said_ms, at_s = self._said
        return said_ms + round((self._now_s() - at_s) * 1000)

    def is_synchronised(self) -> bool:
        """Return whether our own clock is set, which in the end everything is compared with."""
        return self._clock.is_synchronised()

    def ahead_ms(self) -> int:
        """Return how much later it is there than here, in whole minutes.

        A few seconds are the way and the Date's rounding, and would be others every time.
        """
        ahead_ms = self.now_ms() - self._clock.now_ms()
        return round(ahead_ms / MINUTE_MS) * MINUTE_MS
