"""The conduit of readings inside the process: many in, one out.

Characteristics: in readings, in groups · out everything that waits, at once · buffered
`WAITING_MAX` readings · when full the new ones are lost and counted · ordered · event loop only ·
durable over the death of the process where it has a journal. It holds what was published within
the last tenth of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from gatewayd.model import Reading

if TYPE_CHECKING:
    from gatewayd.outbox.journal import Journal

WAITING_MAX = 100_000
"""About 20 MiB. The recorder empties the bus ten times a second; only a disk that hangs for
minutes lets it fill, and then losing the newest keeps every channel's past in order."""

MANY = 4096
"""Enough to be written together: more company makes no reading cheaper."""


class Bus:
    """Many publishers, one taker."""

    def __init__(self) -> None:
        self.journal: Journal | None = None
        """Where what waits outlives the process, if anywhere."""
        self.lost = 0
        """Readings that found no room."""
        self._waiting: list[Reading] = []
        self._is_urgent = False
        self._has_alarm = False
        self.took_alarm = False
        """Whether there was an alarm in what was taken last."""
        self.taken = 0
        """The journal's number of the last reading that was taken; 0 without one."""
        self._arrived = asyncio.Event()
        self._ripe = asyncio.Event()
        """What waits shall wait for no more company."""
        self._emptied = asyncio.Event()
        self._emptied.set()

    @property
    def waiting(self) -> int:
        """Readings that nobody has taken yet."""
        return len(self._waiting)

    def keep(self, journal: Journal | None) -> None:
        """Have what waits now, and what comes, outlive the process."""
        self.journal = journal
        if journal is not None and self._waiting:
            journal.add(self._waiting)

    def publish(
        self, readings: Sequence[Reading], *, is_urgent: bool = False, is_alarm: bool = False
    ) -> None:
        """Put readings on the bus; never blocks.

        Urgent ones are recorded without delay; alarms are that, and brought to the card at once.
        """
        if len(self._waiting) + len(readings) > WAITING_MAX:
            self.lost += len(readings)
            return
        self._waiting += readings
        if is_urgent or is_alarm:
            self._is_urgent = True
            self._has_alarm |= is_alarm
        if self._is_urgent or len(self._waiting) >= MANY:
            self._ripe.set()
        if self.journal is not None:
            self.journal.add(readings)
        self._arrived.set()
        self._emptied.clear()

    async def take(self, gather_s: float) -> list[Reading]:
        """Return all that waits as soon as there is something, gathered for a moment.

        Args:
            gather_s: how long company is waited for; urgent readings end the wait.
        """
        await self._arrived.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(gather_s):
                await self._ripe.wait()
        return self.take_now()

    def take_now(self) -> list[Reading]:
        """Return all that waits, which may be nothing."""
        taken, self._waiting = self._waiting, []
        self.took_alarm, self._has_alarm, self._is_urgent = self._has_alarm, False, False
        self._arrived.clear()
        self._ripe.clear()
        self._emptied.set()
        if self.journal is not None:
            self.journal.turn()
            self.taken = self.journal.last
        return taken

    async def wait_emptied(self) -> None:
        """Return when the recorder has taken what was there: how a fast sensor keeps its pace."""
        await self._emptied.wait()
