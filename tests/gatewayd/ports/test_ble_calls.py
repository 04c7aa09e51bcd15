"""The hard deadline: calls that end, that hang, and that hang while they tidy up."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from gatewayd.ports.ble_calls import CANCELS_MAX, GRACE_S, Hung, within
from gatewayd.testing.simulated import simulated


async def stubborn(times: int) -> None:
    """Hang, and hang again while tidying up, so many times."""
    for _ in range(times):
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    await asyncio.Event().wait()


@simulated
async def test_a_call_that_ends_gives_its_result_or_error() -> None:
    """Whatever it is."""

    async def fail() -> None:
        raise LookupError("so")

    assert await within(1.0, asyncio.sleep(0.5, "done")) == "done"
    with pytest.raises(LookupError):
        await within(1.0, fail())


@simulated
async def test_a_call_that_hangs_is_left_in_time() -> None:
    """It tidies up at once: then it is the device that does not answer, and not BlueZ."""
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(Hung) as caught:
        await within(5.0, stubborn(0))
    assert not caught.value.is_stuck
    assert asyncio.get_running_loop().time() - began_s == 5.0


@pytest.mark.parametrize("times", [1, 2, 100])
def test_a_call_that_hangs_while_tidying_up_is_left_too(times: int) -> None:
    """A plain timeout would wait for ever."""

    @simulated
    async def main() -> None:
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(Hung) as caught:
            await within(5.0, stubborn(times))
        assert caught.value.is_stuck
        assert asyncio.get_running_loop().time() - began_s <= 5.0 + CANCELS_MAX * GRACE_S
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)

    main()


@simulated
async def test_who_is_cancelled_takes_the_call_along() -> None:
    """Nothing goes on behind anybody's back."""
    ended = asyncio.Event()

    async def call() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(within(60.0, call()))
    await asyncio.sleep(1.0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()
