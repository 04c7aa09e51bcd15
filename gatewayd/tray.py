"""The orders that wait for one actuator: first come, first served, none before its moment.

An order that has to wait (for a dead time, for its place in the order of starting) lets those for
other outputs pass. A later one for the same output takes its place.

Characteristics: in requests · out the next whose moment has come · buffered `REQUESTS_MAX` ·
when full refuses all but forced ones · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from gatewayd.clock import Clock
from gatewayd.model import Outcome, Status, Times
from gatewayd.output import Order, Output

REQUESTS_MAX = 16
"""Orders waiting for one device. A person sends one, a cloud's rule a few; more is a loop in
somebody's app, and its orders would be stale when their turn comes."""

Reply = asyncio.Future[Outcome]

REPLACED = "a later command took its place while it waited to start"


def wall_ms(clock: Clock, moment_s: float | None) -> int | None:
    """Return the wall time (UTC ms) of a moment just past of the loop's clock."""
    if moment_s is None:
        return None
    return clock.now_ms() - round((asyncio.get_running_loop().time() - moment_s) * 1000)


def at_once(now_s: float) -> float:
    """Return now: what waits for nobody."""
    return now_s


@dataclass(eq=False, slots=True)
class Request:
    """One order on its way, and who is told what became of it.

    Attributes:
        start_s: returns the loop time from which it may be carried out, as it looks now.
        is_forced: it waits for nothing, no `min_on` either.
        accepted_ms, applied_ms, verified_ms: UTC ms; None until it has come so far.
    """

    output: Output
    order: Order
    reply: Reply
    accepted_ms: int
    is_forced: bool = False
    start_s: Callable[[float], float] = at_once
    applied_ms: int | None = None
    verified_ms: int | None = None

    def answer(self, outcome: Outcome) -> None:
        """Tell what became of it, once."""
        if not self.reply.done():
            times = Times(self.accepted_ms, self.applied_ms, self.verified_ms)
            self.reply.set_result(replace(outcome, times=times))


@dataclass(slots=True)
class Tray:
    """What waits."""

    _requests: deque[Request] = field(default_factory=deque)

    def put(self, request: Request, now_s: float) -> bool:
        """Take a request, or return False where there are too many."""
        for waiting in [each for each in self._requests if each.output is request.output]:
            if waiting.start_s(now_s) > now_s:
                self._requests.remove(waiting)
                waiting.answer(Outcome(Status.REFUSED, REPLACED))
        if len(self._requests) >= REQUESTS_MAX and not request.is_forced:
            return False
        self._requests.append(request)
        return True

    def take(self, now_s: float) -> Request | None:
        """Return the first whose moment has come."""
        for request in self._requests:
            if request.start_s(now_s) <= now_s:
                self._requests.remove(request)
                return request
        return None

    def next_s(self, now_s: float) -> float | None:
        """Return when one has to be looked at again, or None."""
        return min((each.start_s(now_s) for each in self._requests), default=None)

    def empty(self) -> Iterator[Request]:
        """Yield and forget everything."""
        while self._requests:
            yield self._requests.popleft()
