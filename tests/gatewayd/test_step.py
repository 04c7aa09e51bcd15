"""A clock that is set while readings are on their way."""

from __future__ import annotations

import asyncio

from gatewayd.model import ChannelId, Reading
from gatewayd.step import ClockStep
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A = ChannelId("boiler/temperature")
YEARS_MS = 50 * 365 * 86_400_000


def test_readings_before_and_after_the_step_are_dated_alike() -> None:
    """Those that carry the old time are moved; those that carry the new one are not."""

    async def main() -> None:
        clock = SimulatedClock(start_ms=START_MS - YEARS_MS)
        step, last = ClockStep(clock), {A: clock.now_ms() - 10}
        assert step.mend([Reading(A, clock.now_ms(), 0.0)], {}) == [Reading(A, clock.now_ms(), 0.0)]
        old = Reading(A, clock.now_ms(), 1.0)
        await asyncio.sleep(0.05)
        clock.jump(YEARS_MS)
        new = Reading(A, clock.now_ms(), 2.0)
        got = step.mend([old, new], last)
        assert [reading.time_ms for reading in got] == [START_MS, START_MS + 50]
        assert last == {A: START_MS - 10}
        assert step.mend(got, last) is got

    run_simulated(main())


def test_a_clock_that_is_set_back_moves_them_back() -> None:
    """As one that woke up in the future."""

    async def main() -> None:
        clock = SimulatedClock()
        step = ClockStep(clock)
        step.mend([], {})
        old = Reading(A, clock.now_ms(), 1.0)
        clock.jump(-YEARS_MS)
        assert step.mend([old], {}) == [Reading(A, START_MS - YEARS_MS, 1.0)]

    run_simulated(main())


def test_a_clock_that_is_slewed_moves_nothing() -> None:
    """A reading keeps the time at which it was taken."""

    async def main() -> None:
        clock = SimulatedClock()
        step, readings = ClockStep(clock), [Reading(A, START_MS, 1.0)]
        step.mend([], {})
        clock.jump(500)
        assert step.mend(readings, {}) is readings

    run_simulated(main())
