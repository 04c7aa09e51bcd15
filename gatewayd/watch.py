"""Watches every edge's progress, ends those that stopped without a word, and says who will not end.

Strategy: what stopped is reported and cured from the inside outwards. First the edge's session is
ended with the reason, as if its device or its cloud had failed; the supervisor opens it again, and
the ladder knows stronger remedies each time. An edge that does not even end (somebody swallowed
the cancellation) can only be cured with the whole process: that is an ailment, the watchdog is no
longer fed, and the service manager starts the gateway anew with its outputs safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from gatewayd.errors import DeviceTimeout, LinkLost
from gatewayd.health import STUCK_S, Edge
from gatewayd.progress import LOOK_S, DeviceProgress, DrainProgress, Sight

PAUSE_LOOKS = 5.0
"""Looks that were missed before the whole program is taken to have stood still: stopped by a
debugger, a full memory, a virtual machine that moved. Nobody is to blame for that time."""

Note = Callable[..., object]


class Watched(Protocol):
    """One edge as the watch sees it."""

    edge: Edge

    def find_stop(self, now_s: float) -> str | None:
        """Return how it has stopped although it is connected, or None. Looks every `LOOK_S`."""
        ...

    def forgive(self, pause_s: float) -> None:
        """Leave out a time in which the whole program stood still."""
        ...


@dataclass(slots=True)
class WatchedDevice:
    """A sensor, by the answers that it gave; `sight` looks at it."""

    edge: Edge
    sight: Callable[[float], Sight]
    progress: DeviceProgress

    def find_stop(self, now_s: float) -> str | None:
        """Return how it has fallen silent, or None."""
        return self.progress.look(self.sight(now_s))

    def forgive(self, pause_s: float) -> None:
        """Leave out a time."""
        self.progress.forgive(pause_s)


@dataclass(slots=True)
class WatchedUplink:
    """A cloud, by what its drain is at."""

    edge: Edge
    progress: DrainProgress
    pending: Callable[[], int]
    """Readings that the log holds for it."""

    def find_stop(self, now_s: float) -> str | None:
        """Return how its drain is stuck, or None."""
        return self.progress.look(self.pending(), now_s)

    def forgive(self, pause_s: float) -> None:
        """Leave out a time."""
        self.progress.forgive(pause_s)


@dataclass(slots=True)
class _Case:
    """One edge, its session's scope, and what is wrong with it."""

    watched: Watched
    scope: asyncio.Timeout | None = None
    stop: str = ""
    ended_s: float | None = None
    """When its session was told to end; None while none is ending."""


@dataclass(slots=True)
class Watch:
    """All edges. `stop` and `went_on` of an edge are told to `note`."""

    note: Note
    _cases: dict[str, _Case] = field(default_factory=dict)

    def add(self, name: str, watched: Watched) -> None:
        """Watch one more edge, by a name such as `device boiler`."""
        self._cases[name] = _Case(watched)

    @asynccontextmanager
    async def session(self, name: str) -> AsyncIterator[None]:
        """Let one life of an edge be ended by the watch.

        Raises:
            DeviceTimeout, LinkLost: the watch ended it; the words are the reason.
        """
        case = self._cases[name]
        try:
            async with asyncio.timeout(None) as scope:
                case.scope = scope
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            failure = LinkLost if isinstance(case.watched, WatchedUplink) else DeviceTimeout
            raise failure(case.stop) from error
        finally:
            case.scope = case.ended_s = None

    async def run(self) -> None:
        """Look, for ever."""
        loop = asyncio.get_running_loop()
        looked_s = loop.time()
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = loop.time()
            if now_s - looked_s > PAUSE_LOOKS * LOOK_S:
                self._forgive(now_s - looked_s - LOOK_S)
            looked_s = now_s
            for name, case in self._cases.items():
                self._look(name, case, now_s)

    def find_stop(self) -> str | None:
        """Return which edge has stopped without a word, as a sentence, or None."""
        stops = (f"{name} is {case.stop}" for name, case in self._cases.items() if case.stop)
        return next(stops, None)

    def stop_of(self, name: str) -> str:
        """Return how one edge has stopped, empty if it has not."""
        return self._cases[name].stop if name in self._cases else ""

    def find_immortal(self) -> str | None:
        """Return which edge was told to end and does not, as a sentence, or None."""
        now_s = asyncio.get_running_loop().time()
        for name, case in self._cases.items():
            if case.ended_s is not None and now_s - case.ended_s > STUCK_S:
                return f"{name} is {case.stop}, and does not end"
        return None

    def failed(self, name: str, error: Exception | None) -> None:
        """Note why an edge ended: one that says itself why it is away is no silent stop."""
        case = self._cases.get(name)
        if case is not None and case.stop and str(error) != case.stop:
            case.stop = ""

    def _look(self, name: str, case: _Case, now_s: float) -> None:
        if not case.watched.edge.is_up or case.ended_s is not None:
            return
        stop = case.watched.find_stop(now_s)
        if stop is not None and case.scope is not None:
            case.stop, case.ended_s = stop, now_s
            self.note("silent stop", edge=name, reason=stop)
            case.scope.reschedule(now_s)
        elif stop is None and case.stop and _has_moved(case.watched):
            case.stop = ""
            self.note("moves again", edge=name)

    def _forgive(self, pause_s: float) -> None:
        for case in self._cases.values():
            case.watched.forgive(pause_s)
            if case.ended_s is not None:
                case.ended_s += pause_s


def _has_moved(watched: Watched) -> bool:
    """Return whether an edge did something since it was opened again."""
    if isinstance(watched, WatchedDevice):
        return watched.progress.has_moved
    return True
