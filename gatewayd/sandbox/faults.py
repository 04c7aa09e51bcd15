"""Faults of the REST side: wrong answers, late ones, none at all; and a rate limit."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

FAULTS_MAX = 100


@dataclass(slots=True)
class RestFault:
    """What goes wrong with the next requests that fit.

    Attributes:
        path: what the path must contain; empty fits all. `method` likewise.
        times: how many requests it strikes, -1 = until it is cleared.
        status: answer with this status and, if named, this error code; None = answer as usual.
        delay_s: wait first.
        after: carry the request out, and only then spoil the answer: a lost acknowledgement.
        hang: do not answer until the faults are cleared. `cut`: close the connection instead.
    """

    path: str = ""
    method: str = ""
    times: int = 1
    status: int | None = None
    code: str | None = None
    message: str = "a fault of the sandbox's own"
    retry_after_s: int | None = None
    delay_s: float = 0.0
    after: bool = False
    hang: bool = False
    cut: bool = False


@dataclass(slots=True)
class RateLimit:
    """At most `count` requests in `window_s` seconds; 0 = no limit."""

    count: int = 0
    window_s: float = 60.0


class RestFaults:
    """The faults that wait for their requests, and the rate limit."""

    def __init__(self) -> None:
        self.rate_limit = RateLimit()
        self._faults: list[RestFault] = []
        self._recent: deque[float] = deque()
        self._cleared = asyncio.Event()

    def add(self, fault: RestFault) -> None:
        """Arm a fault; of several that fit, the oldest strikes."""
        self._faults.append(fault)
        del self._faults[:-FAULTS_MAX]

    def clear(self) -> None:
        """Disarm everything and let go of the requests that hang."""
        self._faults.clear()
        self.rate_limit = RateLimit()
        self._recent.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def armed(self) -> list[RestFault]:
        """Return the faults that have strikes left."""
        return list(self._faults)

    def strike(self, method: str, path: str) -> RestFault | None:
        """Return the fault that this request meets, and count it down."""
        for fault in self._faults:
            if fault.path in path and fault.method in ("", method):
                fault.times -= fault.times > 0
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    def retry_after_s(self, now_s: float) -> int | None:
        """Count a request; return how long to wait if it was one too many, else None."""
        limit, recent = self.rate_limit, self._recent
        if limit.count <= 0:
            return None
        while recent and recent[0] <= now_s - limit.window_s:
            recent.popleft()
        if len(recent) >= limit.count:
            return max(1, round(recent[0] + limit.window_s - now_s))
        recent.append(now_s)
        return None

    async def wait_cleared(self) -> None:
        """Return when the faults are cleared."""
        await self._cleared.wait()
