"""The conduit."""

from __future__ import annotations

import asyncio

from gatewayd.bus import MANY, WAITING_MAX, Bus
from gatewayd.model import ChannelId, Reading
from gatewayd.testing.clock import run_simulated

READING = Reading(ChannelId("a/b"), 1, 1.0)


def test_readings_are_gathered_for_a_moment_and_taken_together() -> None:
    """What is published within the moment comes in one piece, in order."""

    async def main() -> None:
        bus, loop = Bus(), asyncio.get_running_loop()
        for i in range(5):
            loop.call_later(i * 0.01, bus.publish, [READING._replace(time_ms=i)])
        taken = await bus.take(gather_s=1.0)
        assert [r.time_ms for r in taken] == [0, 1, 2, 3, 4]
        assert loop.time() >= 1.0

    run_simulated(main())


def test_an_urgent_reading_and_a_crowd_wait_for_nobody() -> None:
    """Alarms and floods end the gathering."""

    async def main() -> None:
        bus, loop = Bus(), asyncio.get_running_loop()
        bus.publish([READING])
        loop.call_later(0.1, lambda: bus.publish([READING], is_urgent=True))
        assert len(await bus.take(gather_s=60)) == 2
        bus.publish([READING] * MANY)
        await bus.take(gather_s=60)
        assert loop.time() < 1

    run_simulated(main())


def test_a_full_bus_loses_the_newest_and_counts_them() -> None:
    """Publishing never blocks; what finds no room is counted."""

    async def main() -> None:
        bus = Bus()
        bus.publish([READING] * WAITING_MAX)
        bus.publish([READING] * 3)
        assert bus.lost == 3
        assert len(bus.take_now()) == WAITING_MAX

    run_simulated(main())


def test_an_alarm_is_urgent_and_remembered_until_the_next_taking() -> None:
    """So that who takes it can bring it to the card at once."""

    async def main() -> None:
        bus = Bus()
        bus.publish([READING])
        bus.publish([READING], is_alarm=True)
        assert len(await bus.take(gather_s=60)) == 2
        assert bus.took_alarm
        assert asyncio.get_running_loop().time() < 1
        bus.publish([READING], is_urgent=True)
        await bus.take(gather_s=60)
        assert not bus.took_alarm

    run_simulated(main())
