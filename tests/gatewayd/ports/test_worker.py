"""The one thread under a blocking wire."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from gatewayd.errors import DeviceAbsent, DeviceTimeout
from gatewayd.ports import worker as module
from gatewayd.ports.worker import Worker

DEADLINE_S = 5.0


class Gate:
    """A job that holds the thread until it is opened."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._opened = threading.Event()

    def __call__(self) -> str:
        self._entered.set()
        assert self._opened.wait(DEADLINE_S)
        return "through"

    async def wait_entered(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not self._entered.is_set():  # noqa: ASYNC110 — the other side is a thread.
                await asyncio.sleep(0)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker("wire:1")
    yield worker
    await worker.close()


async def test_a_job_runs_in_the_wires_own_thread(worker: Worker) -> None:
    """Every job of a wire runs in the same thread, which is not the loop's."""
    first = await worker.run(threading.get_ident, timeout_s=DEADLINE_S)
    second = await worker.run(threading.get_ident, timeout_s=DEADLINE_S)
    assert first == second != threading.get_ident()


async def test_a_job_raises_where_it_was_awaited(worker: Worker) -> None:
    """What the hardware raises arrives at the caller unchanged."""
    with pytest.raises(OSError, match="gone"):
        await worker.run(_raise, OSError("gone"), timeout_s=DEADLINE_S)


async def test_jobs_run_in_the_order_they_came(worker: Worker) -> None:
    """First come, first served."""
    order: list[int] = []
    gate = Gate()
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        group.create_task(worker.run(gate, timeout_s=DEADLINE_S))
        await gate.wait_entered()
        for number in range(5):
            group.create_task(worker.run(order.append, number, timeout_s=DEADLINE_S))
        gate.open()
    assert order == [0, 1, 2, 3, 4]


async def test_a_cancelled_caller_does_not_free_the_wire(worker: Worker) -> None:
    """The next job starts only when the thread is back from the abandoned one."""
    gate, order = Gate(), list[str]()
    abandoned = asyncio.create_task(worker.run(gate, timeout_s=DEADLINE_S))
    await gate.wait_entered()
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    following = asyncio.create_task(worker.run(order.append, "next", timeout_s=DEADLINE_S))
    await asyncio.wait([following], timeout=0.02)
    assert order == []
    gate.open()
    await following
    assert order == ["next"]


async def test_a_job_out_of_time_is_a_timeout_and_keeps_the_wire(worker: Worker) -> None:
    """Running out of time ends the waiting, not the transaction."""
    gate = Gate()
    with pytest.raises(DeviceTimeout, match=r"wire:1: not done within 0\.01 s"):
        await worker.run(gate, timeout_s=0.01)
    with pytest.raises(DeviceTimeout):
        await worker.run(_raise, AssertionError("ran"), timeout_s=0.01)
    gate.open()
    assert await worker.run(lambda: "free", timeout_s=DEADLINE_S) == "free"


async def test_a_job_whose_caller_left_before_its_turn_never_runs(worker: Worker) -> None:
    """A command that was given up must not move anything later."""
    gate, moved = Gate(), list[int]()
    busy = asyncio.create_task(worker.run(gate, timeout_s=DEADLINE_S))
    await gate.wait_entered()
    with pytest.raises(DeviceTimeout):
        await worker.run(moved.append, 1, timeout_s=0.01)
    gate.open()
    await busy
    await worker.run(lambda: None, timeout_s=DEADLINE_S)
    assert moved == []


async def test_a_full_queue_refuses_at_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that hangs does not collect callers without end."""
    monkeypatch.setattr(module, "QUEUE_MAX", 2)
    gate = Gate()
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(gate, timeout_s=DEADLINE_S))
        group.create_task(worker.run(lambda: None, timeout_s=DEADLINE_S))
        await gate.wait_entered()
        with pytest.raises(DeviceTimeout, match="stuck: 2 callers"):
            await worker.run(lambda: None, timeout_s=DEADLINE_S)
        gate.open()
    assert await worker.run(lambda: "free", timeout_s=DEADLINE_S) == "free"


async def test_closing_runs_the_last_job_after_the_one_on_the_wire() -> None:
    """The hardware is let go of by the thread that used it, and only then."""
    worker, gate, order = Worker("wire:1"), Gate(), list[str]()
    busy = asyncio.create_task(worker.run(gate, timeout_s=DEADLINE_S))
    await gate.wait_entered()
    closing = asyncio.create_task(worker.close(lambda: order.append("closed")))
    await asyncio.wait([closing], timeout=0.02)
    assert order == []
    gate.open()
    await closing
    assert (await busy, order) == ("through", ["closed"])


async def test_closing_does_not_wait_for_a_thread_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wire stuck in the kernel must not hold up the shutdown."""
    monkeypatch.setattr(module, "CLOSE_S", 0.02)
    worker, gate = Worker("wire:1"), Gate()
    with pytest.raises(DeviceTimeout):
        await worker.run(gate, timeout_s=0.01)
    async with asyncio.timeout(DEADLINE_S):
        await worker.close()
    gate.open()


async def test_closing_never_raises() -> None:
    """Hardware that is gone cannot be closed properly, and that is nobody's trouble."""
    worker = Worker("wire:1")
    await worker.close(lambda: _raise(OSError("gone")))
    await worker.close()


async def test_a_closed_wire_refuses_those_who_waited_and_those_who_come() -> None:
    """Nobody hangs on a closed wire, and nobody mistakes it for a cancellation."""
    worker, gate = Worker("wire:1"), Gate()
    busy = asyncio.create_task(worker.run(gate, timeout_s=DEADLINE_S))
    await gate.wait_entered()
    waiting = asyncio.create_task(worker.run(lambda: None, timeout_s=DEADLINE_S))
    await asyncio.sleep(0)
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(busy, closing)
    with pytest.raises(DeviceAbsent, match="wire:1 is closed"):
        await waiting
    with pytest.raises(DeviceAbsent, match="wire:1 is closed"):
        await worker.run(lambda: None, timeout_s=DEADLINE_S)


def _raise(error: Exception) -> None:
    raise error


async def test_a_wire_that_never_lets_go_eats_no_thread_at_each_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a few that hang, attempts are refused at once, until one has come back."""
    monkeypatch.setattr(module, "CLOSE_S", 0.01)
    gates = [Gate() for _ in range(module.STUCK_MAX)]
    for gate in gates:
        worker = Worker("wedged")
        with pytest.raises(DeviceTimeout):
            await worker.run(gate, timeout_s=0.01)
        await worker.close()
    with pytest.raises(DeviceTimeout, match="wedged hangs: 3 attempts"):
        await Worker("wedged").run(int, timeout_s=DEADLINE_S)
    other = Worker("other")
    assert await other.run(int, timeout_s=DEADLINE_S) == 0
    await other.close()
    for gate in gates:
        gate.open()
    async with asyncio.timeout(DEADLINE_S):
        while any(thread.name.startswith("wedged_") for thread in threading.enumerate()):  # noqa: ASYNC110 — Threads.
            await asyncio.sleep(0)
    again = Worker("wedged")
    assert await again.run(int, timeout_s=DEADLINE_S) == 0
    await again.close()
