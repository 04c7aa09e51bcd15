"""The sandbox's own small tasks."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.sandbox.errands import Errands, open_errands


async def test_an_errand_runs_beside_the_block() -> None:
    """Nobody waits for it."""
    done = asyncio.Event()

    async def errand() -> None:
        done.set()

    async with open_errands() as errands, asyncio.timeout(1):
        errands.send(errand())
        await done.wait()


async def test_what_is_under_way_at_the_end_is_given_up() -> None:
    """The block ends at once."""
    async with asyncio.timeout(1), open_errands() as errands:
        errands.send(asyncio.sleep(60))


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    """No group around it."""
    with pytest.raises(ZeroDivisionError):
        async with open_errands() as errands:
            errands.send(asyncio.sleep(60))
            raise ZeroDivisionError


async def test_too_many_errands_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """And leave no coroutine behind that nobody awaited."""
    monkeypatch.setattr(Errands, "RUNNING_MAX", 1)
    async with open_errands() as errands:
        errands.send(asyncio.sleep(60))
        errands.send(asyncio.sleep(60))
        assert len(errands._running) == 1
