"""The one thread under a blocking wire, and the turns that its callers take.

Strategy: a wire carries one transaction at a time, and the next one begins only when the last is
really over. Whoever stops waiting (cancelled, out of time) leaves, but the transaction runs to
its end first: half of one on a bus is worse than a late one.

Characteristics: in a function and its arguments · out its result or its exception · buffered
`QUEUE_MAX` waiting callers · when full refuses with DeviceTimeout · ordered first come, first
served · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from gatewayd.errors import DeviceAbsent, DeviceTimeout

T = TypeVar("T")

QUEUE_MAX = 64
"""Callers waiting for one wire. A wire carries a few dozen devices at most, each waiting once;
more means that the wire hangs, and then a quick refusal is the honest answer."""

CLOSE_S = 2.0
"""How long `close` waits for the wire, so that who opens it next finds it free. Longer would
only hold up the shutdown: a thread ends by itself when the hardware lets go of it."""


STUCK_MAX = 3
"""Threads of one wire that may hang in the kernel at once. A wedged adapter holds an `open` or
`close` for half a minute; one that never lets go must not eat a thread at every attempt."""


class Turns:
    """Lets callers on a wire one after the other; a turn ends with its transaction, never before.

    Not a lock around hardware: who gave up waiting cannot free the wire, only its end can.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closed = False

    async def run(self, start: Callable[[], asyncio.Future[T]], *, timeout_s: float) -> T:
        """Return the result of the transaction that `start` begins, after all who asked before.

        Args:
            start: begins a transaction that ends by itself; it is never cancelled from here.
            timeout_s: for waiting and running together. A transaction whose time runs out before
                its turn never begins; one that is running goes on, its result unseen.

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
                return await asyncio.shield(self._begin(start))
        except TimeoutError as error:
            raise DeviceTimeout(f"{self._name}: not done within {timeout_s:g} s") from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Refuse all who wait and all who come; the transaction that is running runs to its end."""
        self._is_closed = True

    async def wait_idle(self, timeout_s: float = CLOSE_S) -> None:
        """Wait until the running transaction is over, but not longer than `timeout_s`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_s)

    def _begin(self, start: Callable[[], asyncio.Future[T]]) -> asyncio.Future[T]:
        if self._is_closed:
            self._turn.release()
            raise DeviceAbsent(f"{self._name} is closed")
        done = start()
        self._idle.clear()
        done.add_done_callback(self._finish)
        return done

    def _finish(self, done: asyncio.Future[T]) -> None:
        self._idle.set()
        self._turn.release()
        _retrieve(done)


class Worker:
    """One thread that belongs to one wire."""

    def __init__(self, name: str) -> None:
        """Make the worker of the wire `name` (`i2c:1`); its thread starts with the first job."""
        self._name = name
        self._turns = Turns(name)
        self._is_started = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._is_closed = False

    async def run(self, job: Callable[..., T], *args: object, timeout_s: float) -> T:
        """Return `job(*args)`, run in the thread after all who asked before.

        Args:
            job: blocking code with its own end; it is never interrupted.
            timeout_s: for waiting and running together. A job whose time runs out before its
                turn never runs; one that is running goes on, its result unseen.

        Raises:
            DeviceTimeout: out of time, too many are waiting, or earlier threads still hang.
            DeviceAbsent: the wire is closed.
        """
        loop = asyncio.get_running_loop()
        if not self._is_started:
            self._refuse_stuck()
            self._is_started = True
        return await self._turns.run(
            lambda: loop.run_in_executor(self._thread, job, *args), timeout_s=timeout_s
        )

    def _refuse_stuck(self) -> None:
        mine = [thread.name.rpartition("_")[0] == self._name for thread in threading.enumerate()]
        if sum(mine) >= STUCK_MAX:
            raise DeviceTimeout(f"{self._name} hangs: {sum(mine)} attempts before have not ended")

    async def close(self, last: Callable[[], object] = lambda: None) -> None:
        """Run `last` (let go of the hardware) after the job on the wire, and end the thread.

        Waits at most `CLOSE_S`; never raises, whatever `last` does.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._turns.close()
        done = asyncio.get_running_loop().run_in_executor(self._thread, last)
        done.add_done_callback(_retrieve)
        self._thread.shutdown(wait=False)
        await asyncio.wait([done], timeout=CLOSE_S)


def _retrieve(done: asyncio.Future[T]) -> None:
    """Look at the exception of what nobody waits for any more, lest asyncio logs it."""
    if not done.cancelled():
        done.exception()
