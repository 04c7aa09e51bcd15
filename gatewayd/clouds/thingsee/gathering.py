"""How long readings wait for company: each thing has its report interval, states and failures none.

Strategy: the log is one and in order, so when one thing is due, everything that waits goes with
it; a thing's values may be reported more often than it was asked to, never less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gatewayd.clock import Clock
from gatewayd.clouds.thingsee.names import Names
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.clouds.thingsee.report import is_urgent
from gatewayd.model import Batch


class Gathering:
    """When the readings of one connection are due."""

    def __init__(self, names: Names, own: OwnSettings, clock: Clock) -> None:
        self._names = names
        self._own = own
        self._clock = clock
        self._now_s = asyncio.get_running_loop().time
        self._reported_s: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._scanned = 0

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait; 0 = send them now."""
        if not pending.readings or self._has_urgent(pending):
            return 0.0
        due_s = min(map(self._due_s, self._waiting), default=0.0)
        wait_s = due_s - self._now_s()
        first = pending.readings[0]
        place = self._names.places.get(first.channel)
        if wait_s <= 0 or place is None:
            return 0.0
        # A backlog has waited long enough; only what is new gathers for the next report.
        age_s = (self._clock.now_ms() - first.time_ms) / 1000
        return 0.0 if age_s >= self._own.report_interval_s(place.thing) else wait_s

    def sent(self, things: Iterable[str]) -> None:
        """Note that everything that waited is sent; a thing that was due has its next report."""
        now_s = self._now_s()
        for thing in things:
            if now_s >= self._due_s(thing):
                self._reported_s[thing] = now_s
        self._waiting.clear()

    def _due_s(self, thing: str) -> float:
        """Return when (loop time) a thing's next report is due; a new interval holds at once."""
        reported_s = self._reported_s.get(thing)
        return 0.0 if reported_s is None else reported_s + self._own.report_interval_s(thing)

    def _has_urgent(self, pending: Batch) -> bool:
        """Look through what was not looked through before; what was urgent has been sent."""
        for seq, reading in zip(reversed(pending.seqs), reversed(pending.readings), strict=True):
            if seq <= self._scanned:
                break
            place = self._names.places.get(reading.channel)
            if is_urgent(reading, place):
                return True
            if place is not None:
                self._waiting.add(place.thing)
        self._scanned = pending.through
        return False
