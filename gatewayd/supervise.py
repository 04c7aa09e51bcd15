"""Restart for ever: the one loop in which retrying lives.

An edge task ends in three ways. A `GatewayError` is expected trouble: try again with back-off.
Any other exception is a bug: logged with its traceback, tried again, and parked for a long time
when it repeats, so that a bug in one driver does not eat the processor. `LinkDenied` waits long
from the first time, because hammering a cloud with a wrong key gets the key blocked; a cloud that
is `Throttled` while a link is opened says itself how long.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gatewayd.errors import GatewayError, LinkDenied, Throttled

log = structlog.get_logger()

GOOD_S = 60.0
"""A run this long was a success, and the back-off starts again from the bottom."""

CRASHES_MAX = 5
"""Unexpected exceptions in a row before a task is parked. One is an accident, five are a bug."""

PARKED_S = 900.0
"""How long a parked or denied task waits: often enough that a repaired account is noticed."""


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next try: doubling from `base_s` to `cap_s`, with jitter.

    Full jitter spreads a street of gateways that lost the same broker. `floor_s` is a minimum
    that a cloud asks for (Thing+: at least 10 s after the socket is closed).
    """

    base_s: float = 1.0
    cap_s: float = 60.0
    floor_s: float = 0.0
    random: Callable[[], float] = random.random
    _failures: int = field(default=0, init=False)

    def next_s(self, ran_s: float) -> float:
        """Return the wait after a run that lasted `ran_s` and failed."""
        if ran_s >= GOOD_S:
            self._failures = 0
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return self.floor_s + ceiling * self.random()

    def reset(self) -> None:
        """Begin again from the bottom."""
        self._failures = 0


Ended = Callable[[Exception | None, float], None]
Pause = Callable[[float], Awaitable[bool]]
"""Waits so long at the most; true when something happened that makes a try worthwhile now."""


async def wait_out(wait_s: float) -> bool:
    """Wait for the whole time, whatever happens."""
    await asyncio.sleep(wait_s)
    return False


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    backoff: Backoff | None = None,
    on_end: Ended | None = None,
    *,
    is_core: bool = False,
    pause: Pause = wait_out,
) -> None:
    """Run a task again and again, until cancelled.

    Args:
        name: for the log, such as `device boiler`.
        run: one life of the task; returning is an end like any other.
        on_end: told each time why it ended and after how many seconds it will be tried again;
            for status, and for publishing no-data with its reason.
        is_core: a bug in it is not lived through; it is raised and ends the process.
        pause: waits between two tries; one that is woken begins the back-off anew.
    """
    backoff = backoff or Backoff()
    loop = asyncio.get_running_loop()
    crashes, last_words = 0, ""
    while True:
        began_s = loop.time()
        ended: Exception | None = None
        try:
            await _live(run)
        except Exception as error:  # The one place that catches everything.
            ended = _root(error)
            if is_core and not isinstance(ended, GatewayError):
                raise
        ran_s = loop.time() - began_s
        wait_s = backoff.next_s(ran_s)
        is_expected = ended is None or isinstance(ended, GatewayError)
        crashes = 0 if is_expected or ran_s >= GOOD_S else crashes + 1
        if isinstance(ended, LinkDenied) or crashes >= CRASHES_MAX:
            wait_s = max(wait_s, PARKED_S)
        elif isinstance(ended, Throttled):
            wait_s = max(wait_s, min(ended.retry_after_s, PARKED_S))
        if on_end:
            on_end(ended, wait_s)
        words = f"{type(ended).__name__}: {ended}"
        if words != last_words or ran_s >= GOOD_S:
            _tell(name, ended, wait_s, is_expected=is_expected)
        last_words = words
        if await pause(wait_s):
            backoff.reset()


async def _live(run: Callable[[], Awaitable[None]]) -> None:
    """Live one life in a task of its own, and pass on a cancellation that it has swallowed.

    Before Python 3.13 a task group whose task fails in the very moment in which it is cancelled
    from outside tells of the failure alone, and whoever goes on then never ends; it also leaves
    marks of cancellations of its own on the task that it is in (gh-116720). Only a task without
    groups knows for certain whether it was told to end.
    """

    async def life() -> None:
        await run()

    living, own = asyncio.create_task(life()), asyncio.current_task()
    swallowed_by: Exception | None = None
    try:
        await living
    except Exception as error:
        swallowed_by = error
    if own is not None and own.cancelling():
        raise asyncio.CancelledError from swallowed_by
    if swallowed_by is not None:
        raise swallowed_by


def _root(error: Exception) -> Exception:
    """Return the one error that matters of a group that fell together."""
    while isinstance(error, ExceptionGroup):
        error = (
            next((e for e in error.exceptions if not isinstance(e, GatewayError)), None)
            or (error.exceptions[0])
        )
    return error


def _tell(name: str, ended: Exception | None, wait_s: float, *, is_expected: bool) -> None:
    facts = {"task": name, "retry_s": round(wait_s, 1)}
    if isinstance(ended, LinkDenied):
        log.error("access denied", reason=str(ended), **facts)
    elif is_expected:
        log.warning("task ended", reason=str(ended or "finished"), **facts)
    else:
        log.error("task crashed", exc_info=ended, **facts)
