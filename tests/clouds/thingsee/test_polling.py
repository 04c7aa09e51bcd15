"""Commands out of the command log: each once, however often the log is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.polling import PATIENCE_S, TAKEN_MAX, CommandLog, poll
from gatewayd.errors import LinkLost, Throttled
from gatewayd.testing.clock import SimulatedClock, run_simulated


def command(time_s: float, transaction: int = 0) -> Message:
    fields = {"transactionId": transaction}
    return Message(id=1500, event=30, time_s=time_s, destination="T", fields=fields)


def test_a_command_is_taken_once() -> None:
    """Also when two came in the same second, the second one late, and when clocks are set back."""
    log = CommandLog()
    assert log.fresh([command(100, 1)]) == [command(100, 1)]
    assert log.fresh([command(100, 1), command(100, 2)]) == [command(100, 2)]
    assert log.fresh([command(100, 2), command(105, 3)]) == [command(105, 3)]
    assert log.fresh([command(50, 4)]) == [command(50, 4)]
    assert not log.fresh([command(100, 1), command(105, 3)])


def test_what_was_taken_is_remembered_within_bounds() -> None:
    """What the window still shows is kept longest."""
    log = CommandLog()
    old = command(0)
    log.fresh([old])
    for start in range(0, 2 * TAKEN_MAX, TAKEN_MAX // 2):
        assert not log.fresh([old])
        log.fresh([command(1, number) for number in range(start, start + TAKEN_MAX // 2)])
    assert not log.fresh([old])
    assert log.fresh([command(1, 0)])


class Log:
    """A cloud's command log of two things; fails where it is told to."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.asked: list[tuple[str, int]] = []
        self.failures: list[Exception] = []
        self.taken: list[Message] = []

    async def fetch(self, thing: str, since_s: int) -> Sequence[Message]:
        self.asked.append((thing, since_s))
        if self.failures:
            raise self.failures.pop()
        return [command(self.clock.now_ms() // 1000)] if thing == "T" else []

    async def take(self, message: Message) -> None:
        self.taken.append(message)


def test_every_thing_is_asked_at_intervals() -> None:
    """From five minutes back on."""

    async def main() -> Log:
        log = Log(SimulatedClock())
        with suppress(TimeoutError):
            async with asyncio.timeout(40):
                await poll(["T", "U"], 15, log.clock, log.fetch, log.take)
        return log

    log = run_simulated(main())
    assert [thing for thing, _ in log.asked] == ["T", "U"] * 3
    start_s = log.clock.now_ms() // 1000 - 40
    asked = [since_s for thing, since_s in log.asked if thing == "U"]
    assert asked == [start_s + age_s - PATIENCE_S for age_s in (0, 15, 30)]
    assert len(log.taken) == 3


def test_without_the_time_nothing_is_asked() -> None:
    """Nobody would know what is old."""

    async def main() -> Log:
        log = Log(SimulatedClock())
        log.clock.synchronised = False
        asyncio.get_running_loop().call_later(60, setattr, log.clock, "synchronised", True)
        with suppress(TimeoutError):
            async with asyncio.timeout(70):
                await poll(["T"], 15, log.clock, log.fetch, log.take)
        return log

    assert len(run_simulated(main()).asked) == 1


def test_a_cloud_that_asks_for_patience_gets_it() -> None:
    """And is asked again; any other failure ends the link."""

    async def main() -> Log:
        log = Log(SimulatedClock())
        log.failures = [LinkLost("gone"), Throttled("busy", 100)]
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(LinkLost):
            await poll(["T"], 15, log.clock, log.fetch, log.take)
        assert asyncio.get_running_loop().time() - began_s == 115
        return log

    assert len(run_simulated(main()).asked) == 2
