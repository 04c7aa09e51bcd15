"""Faults that wait for their requests, and the rate limit."""

from __future__ import annotations

import asyncio

from gatewayd.sandbox.faults import FAULTS_MAX, RateLimit, RestFault, RestFaults


async def test_the_oldest_fault_that_fits_strikes_so_often_as_it_says() -> None:
    """Path and method must fit; -1 strikes for ever."""
    faults = RestFaults()
    faults.add(RestFault("/a", "GET", times=2, status=500))
    faults.add(RestFault(times=-1, status=503))
    struck = [faults.strike("GET", "/x/a") for _ in range(3)]
    assert [fault.status for fault in struck if fault] == [500, 500, 503]
    other = faults.strike("PUT", "/a")
    assert other is not None
    assert other.status == 503


async def test_a_fault_that_does_not_fit_waits() -> None:
    """For another path."""
    faults = RestFaults()
    faults.add(RestFault("/a"))
    assert faults.strike("GET", "/b") is None
    assert len(faults.armed()) == 1


async def test_clearing_lets_go_of_what_hangs() -> None:
    """And disarms all."""
    faults = RestFaults()
    faults.add(RestFault())
    async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(faults.wait_cleared())
        await asyncio.sleep(0)
        assert not waiting.done()
        faults.clear()
    assert faults.armed() == []


async def test_faults_are_not_gathered_for_ever() -> None:
    """The newest are kept."""
    faults = RestFaults()
    for number in range(FAULTS_MAX + 5):
        faults.add(RestFault(status=200 + number))
    assert len(faults.armed()) == FAULTS_MAX
    assert faults.armed()[0].status == 205


async def test_a_rate_limit_counts_a_sliding_window() -> None:
    """One too many is told how long to wait; without a limit nobody is."""
    faults = RestFaults()
    assert [faults.retry_after_s(0.0) for _ in range(9)] == [None] * 9
    faults.rate_limit = RateLimit(2, 10)
    assert [faults.retry_after_s(now_s) for now_s in (0, 4, 5, 10, 11)] == [None, None, 5, None, 3]
