"""How long readings wait for company."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gatewayd.clouds.thingsee.adjusting import INTERVALS
from gatewayd.clouds.thingsee.gathering import Gathering
from gatewayd.clouds.thingsee.kept import Kept
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.testing.clock import SimulatedClock, run_simulated

A, B, DOOR = ChannelId("a/t"), ChannelId("b/t"), ChannelId("a/door")
PLACES = {
    A: Place(A, "A", 12100, "temp"),
    B: Place(B, "B", 12100, "temp"),
    DOOR: Place(DOOR, "A", 12101, "hall"),
}
NAMES = Names("GW", PLACES, {"A": frozenset({"a"}), "B": frozenset({"b"})})


class Waiting:
    """A gathering with its clock, and rows that come in."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.kept = Kept()
        self.gathering = Gathering(NAMES, OwnSettings(NAMES, self.kept, {}, 60), self.clock)
        self.seq = 0

    def wait_s(self, *channels: ChannelId, age_s: float = 0) -> float:
        first, self.seq = self.seq + 1, self.seq + len(channels)
        time_ms = self.clock.now_ms() - round(age_s * 1000)
        readings: Sequence[Reading] = [Reading(name, time_ms, 1.0) for name in channels]
        return self.gathering.wait_s(Batch("up", range(first, self.seq + 1), readings, self.seq))


def test_each_thing_has_its_interval() -> None:
    """The first report goes at once; the next when its thing is due, whoever comes along."""

    async def main() -> list[float]:
        waiting = Waiting()
        waiting.kept.take("B", INTERVALS, {"measurementInterval": 1, "reportInterval": 20})
        waits = [waiting.wait_s(A, B)]
        waiting.gathering.sent(["A", "B"])
        await asyncio.sleep(5)
        waits += [waiting.wait_s(A), waiting.wait_s(A, B)]
        await asyncio.sleep(15)
        waits.append(waiting.wait_s(A, B))
        waiting.gathering.sent(["A", "B"])
        waits.append(waiting.wait_s(A))
        return waits

    assert run_simulated(main()) == [0, 55, 15, 0, 40]


def test_a_state_never_waits_and_neither_does_a_backlog() -> None:
    """Nor what nobody hears of: it costs nothing to be done with it."""

    async def main() -> list[float]:
        waiting = Waiting()
        waiting.gathering.sent(["A", "B"])
        return [
            waiting.wait_s(A, DOOR),
            waiting.wait_s(A, age_s=61),
            waiting.wait_s(ChannelId("x/y")),
            waiting.wait_s(),
        ]

    assert run_simulated(main()) == [0, 0, 0, 0]


def test_a_new_interval_holds_at_once() -> None:
    """Counted from the last report."""

    async def main() -> list[float]:
        waiting = Waiting()
        waiting.gathering.sent(["A"])
        await asyncio.sleep(5)
        waits = [waiting.wait_s(A)]
        waiting.kept.take("GW", INTERVALS, {"measurementInterval": 1, "reportInterval": 10})
        return [*waits, waiting.wait_s(A)]

    assert run_simulated(main()) == [55, 5]
