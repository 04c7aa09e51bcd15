"""The one loop in which retrying lives."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.errors import DeviceAbsent, LinkDenied, LinkLost, Throttled
from gatewayd.supervise import CRASHES_MAX, PARKED_S, Backoff, supervise
from gatewayd.testing.clock import run_simulated


class Enough(Exception):
    """The test has seen what it wants."""


def waits_of(error: Exception, runs: int, run_s: float = 0.0) -> list[float]:
    """Return how long was waited after each of some runs that all end with one error."""
    waits: list[float] = []

    async def run() -> None:
        await asyncio.sleep(run_s)
        raise error

    async def main() -> None:
        def ended(_: Exception | None, wait_s: float) -> None:
            waits.append(wait_s)
            if len(waits) == runs:
                raise Enough

        with pytest.raises(Enough):
            await supervise("test", run, Backoff(random=lambda: 1.0), ended)

    run_simulated(main())
    return waits


def test_waits_double_up_to_the_cap() -> None:
    """Expected trouble is tried again with back-off, for ever."""
    assert waits_of(DeviceAbsent("no"), 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_good_run_begins_again_from_the_bottom() -> None:
    """A minute of life was a success."""
    assert waits_of(DeviceAbsent("no"), 3, run_s=61) == [1, 1, 1]


def test_a_denied_link_waits_long_from_the_first_time() -> None:
    """A wrong key is not hammered."""
    assert waits_of(LinkDenied("bad key"), 2) == [PARKED_S, PARKED_S]


def test_a_throttled_link_waits_as_long_as_it_was_asked_to() -> None:
    """At least the back-off, and not for ever."""
    assert waits_of(Throttled("slow down", 42), 2) == [42, 42]
    assert waits_of(Throttled("slow down", 0), 2) == [1, 2]
    assert waits_of(Throttled("slow down", 1e9), 1) == [PARKED_S]


def test_a_bug_is_parked_after_it_repeats() -> None:
    """Unexpected exceptions are lived through, and slowed down when they do not stop."""
    waits = waits_of(ZeroDivisionError(), CRASHES_MAX)
    assert max(waits[:-1]) < 60
    assert waits[-1] == PARKED_S


def test_a_bug_in_a_core_task_is_raised() -> None:
    """The core may not fail: its end is the end of the process."""

    async def run() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_simulated(supervise("core", run, is_core=True))


def test_who_is_woken_tries_at_once_and_begins_the_back_off_anew() -> None:
    """An adapter that was plugged in is not punished for the hours that it was away."""
    waits: list[float] = []

    async def run() -> None:
        raise DeviceAbsent("no")

    async def pause(wait_s: float) -> bool:
        waits.append(wait_s)
        if len(waits) == 6:
            raise Enough
        return len(waits) == 4

    with pytest.raises(Enough):
        run_simulated(supervise("test", run, Backoff(random=lambda: 1.0), pause=pause))
    assert waits == [1, 2, 4, 8, 1, 2]


def test_a_floor_is_waited_in_any_case() -> None:
    """A cloud's own minimum is added to the jitter."""
    assert Backoff(floor_s=10, random=lambda: 0.0).next_s(0) == 10


def test_a_cancellation_in_the_moment_of_a_failure_is_not_lost() -> None:
    """A link that dies as the gateway is told to stop: nobody tries again, the gateway ends."""

    async def main() -> None:
        runs: list[int] = []

        async def fail() -> None:
            await asyncio.sleep(1)
            task.cancel()
            raise LinkLost("gone")

        async def run() -> None:
            runs.append(len(runs))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail())

        task = asyncio.ensure_future(supervise("test", run))
        await asyncio.wait([task], timeout=100)
        assert task.cancelled()
        assert len(runs) == 1

    run_simulated(main())


def test_a_group_that_fails_while_it_waits_is_tried_again() -> None:
    """Nobody cancelled it, whatever marks its task group leaves behind."""

    async def main() -> None:
        runs: list[int] = []

        async def fail() -> None:
            await asyncio.sleep(1)
            raise LinkLost("gone")

        async def run() -> None:
            runs.append(len(runs))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail())

        task = asyncio.ensure_future(supervise("test", run))
        await asyncio.wait([task], timeout=100)
        assert not task.done()
        assert len(runs) > 2
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    run_simulated(main())
