"""Tells a log the time as soon as it is known, and which boot this is."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from gatewayd.clock import Clock
from gatewayd.errors import OutboxError
from gatewayd.outbox.intake import Dated
from gatewayd.outbox.store import Store
from gatewayd.outbox.tables import translated


@dataclass(slots=True)
class Teller:
    """`is_marking` says that rows leave marked while nobody knows the time, and do not wait."""

    clock: Clock
    is_marking: bool
    is_dated: bool = field(init=False)
    """Whether rows are dated by a clock that is right; becomes true once, when those before them
    are dated too."""
    _is_begun: bool = False
    _trouble: str | None = None

    def __post_init__(self) -> None:
        self.is_dated = self.clock.is_synchronised()

    @property
    def is_due(self) -> bool:
        """Whether there is something to tell."""
        return not self._is_begun or (not self.is_dated and self.clock.is_synchronised())

    @property
    def offset_ms(self) -> int:
        """Wall time minus time since boot."""
        return self.clock.now_ms() - self.clock.boottime_ms()

    def find_offset_ms(self) -> int | None:
        """Return that for as long as the clock is not to be believed, else None."""
        return None if self.is_dated else self.offset_ms

    def dated(self) -> Dated:
        """Return by what readings of now are dated."""
        return (None, 0) if self.is_dated else (self.clock.boot_id(), self.offset_ms)

    def tell(self, store: Store) -> None:
        """Give the rows that wait their time, if it is known.

        Where memory is full that cannot be written: then they wait for the next commit.
        """
        is_known, count = self.is_dated or self.clock.is_synchronised(), 0
        boot = self.clock.boot_id()
        try:
            with translated():
                if not self._is_begun:
                    store.dating.begin(boot, is_marking=self.is_marking)
                if is_known:
                    count = store.dating.settle(boot, self.offset_ms)
                elif self.is_marking and not self._is_begun:
                    store.dating.release()
        except OutboxError as error:
            if not isinstance(error.__cause__, sqlite3.OperationalError):
                raise
            if str(error) != self._trouble:
                store.events.append(f"readings wait to be dated: {error}")
            self._trouble, self.is_dated = str(error), False
            return
        self._is_begun, self.is_dated = True, is_known
        if count:
            store.events.append(f"the clock is synchronised, {count} slabs were re-dated")

    def tell_anew(self, store: Store) -> None:
        """Do so for other files than before."""
        self._is_begun = False
        self.tell(store)
