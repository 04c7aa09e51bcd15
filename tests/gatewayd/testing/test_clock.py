"""Simulated time."""

from __future__ import annotations

import asyncio
import time

import pytest

from gatewayd.testing.clock import SimulatedClock, SimulatedLoop, run_simulated


def test_a_day_passes_in_a_moment() -> None:
    """Sleeping moves the loop's time and the wall clock, and nobody waits."""

    async def main() -> tuple[float, int]:
        clock = SimulatedClock()
        before = clock.now_ms()
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time(), clock.now_ms() - before

    began = time.perf_counter()
    assert run_simulated(main()) == (86_400.0, 86_400_000)
    assert time.perf_counter() - began < 5


@pytest.mark.timeout(10)
def test_time_passes_after_a_century_too() -> None:
    """Where a nanosecond is less than a float of seconds can tell."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        loop.advance(100 * 365 * 86400.0)
        began_s = loop.time()
        for _ in range(1000):
            await asyncio.sleep(0.001)
        return loop.time() - began_s

    assert run_simulated(main()) == pytest.approx(1.0, abs=0.01)


def test_a_jump_moves_the_wall_and_not_the_time_since_boot() -> None:
    """NTP steps one clock and not the other."""

    async def main() -> tuple[int, int]:
        clock = SimulatedClock(start_ms=0)
        clock.jump(-3_600_000)
        await asyncio.sleep(1)
        return clock.now_ms(), clock.boottime_ms()

    assert run_simulated(main()) == (-3_599_000, 1000)


def test_a_program_that_waits_for_nothing_is_told_so() -> None:
    """A deadlock is an error in simulated time, not a hang."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="stands still"):
        run_simulated(main())


def test_blocking_work_runs_inline() -> None:
    """An executor job is done when its future is awaited, and its error is raised there."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 // 0)
        return await loop.run_in_executor(None, lambda: 7)

    assert run_simulated(main()) == 7
