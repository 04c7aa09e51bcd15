"""The one thread under a blocking wire.

Strategy: the event loop hands the thread one job at a time and hands over the next one only when
the thread has really come back. Whoever stops waiting (cancelled, out of time) leaves, but the
job on the wire runs to its end first: half a transaction on a bus is worse than a late one.

Characteristics: in a function and its arguments · out its result or its exception · buffered
`QUEUE_MAX` waiting callers · when full refuses with DeviceTimeout · ordered first come, first
served · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gatewayd.errors import DeviceAbsent, DeviceTimeout

T = TypeVar("T")

QUEUE_MAX = 64
"""Callers waiting for one wire. A wire carries a few dozen devices at most, each waiting once;
more means that the thread hangs, and then a quick refusal is the honest answer."""

CLOSE_S = 2.0
"""How long `close` waits for the thread, so that who opens the wire next finds it free. Longer
would only hold up the shutdown: the thread ends by itself when the hardware lets go of it."""


class Worker:
    """One thread that belongs to one wire."""

    def __init__(self, name: str) -> None:
        """Make the worker of the wire `name` (`i2c:1`); its thread starts with the first job."""
        self._name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        # Not a lock around hardware: the turn ends when the thread is back, never because
        # somebody stopped waiting.
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._is_closed = False

    async def run(self, job: Callable[..., T], *args: object, timeout_s: float) -> T:
        """Return `job(*args)`, run in the thread after all who asked before.

        Args:
            job: blocking code with its own end; it is never interrupted.
            timeout_s: for waiting and running together. A job whose time runs out before its
                turn never runs; one that is running goes on, its result unseen.

        Raises:
            DeviceTimeout: out of time, or too many are waiting.
            DeviceAbsent: the wire is closed.
        """
        if self._waiting >= QUEUE_MAX:
            raise DeviceTimeout(f"{self._name} is stuck: {self._waiting} callers are waiting")
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._turn.acquire()
                return await asyncio.shield(self._submit(job, args))
        except TimeoutError as error:
            raise DeviceTimeout(f"{self._name}: not done within {timeout_s:g} s") from error
        finally:
            self._waiting -= 1

    async def close(self, last: Callable[[], object] = lambda: None) -> None:
        """Run `last` (let go of the hardware) after the job on the wire, and end the thread.

        Waits at most `CLOSE_S`; never raises, whatever `last` does.
        """
        if self._is_closed:
            return
        self._is_closed = True
        done = asyncio.get_running_loop().run_in_executor(self._thread, last)
        done.add_done_callback(_retrieve)
        self._thread.shutdown(wait=False)
        await asyncio.wait([done], timeout=CLOSE_S)

    def _submit(self, job: Callable[..., T], args: tuple[object, ...]) -> asyncio.Future[T]:
        if self._is_closed:
            self._turn.release()
            raise DeviceAbsent(f"{self._name} is closed")
        done = asyncio.get_running_loop().run_in_executor(self._thread, job, *args)
        done.add_done_callback(self._finish)
        return done

    def _finish(self, done: asyncio.Future[T]) -> None:
        self._turn.release()
        _retrieve(done)


def _retrieve(done: asyncio.Future[T]) -> None:
    """Look at the exception of a job that nobody waits for any more, lest asyncio logs it."""
    if not done.cancelled():
        done.exception()
