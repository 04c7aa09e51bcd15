"""What time it surely is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Bounds, open_outbox
from gatewayd.outbox.ageing import REST_MS, STEP_MS, Ageing
from gatewayd.testing.clock import SimulatedClock, run_simulated

A = ChannelId("boiler/temperature")
DECADE_MS = 10 * 365 * 86_400_000


def test_a_clock_that_was_set_is_believed_after_a_while() -> None:
    """One that is corrected by seconds is believed all the time; one that is not right never."""

    async def main() -> None:
        clock = SimulatedClock()
        ageing = Ageing(clock)
        assert ageing.find_now_ms(is_dated=False) is None
        assert ageing.find_now_ms(is_dated=True) == clock.now_ms()
        clock.jump(STEP_MS - 1)
        assert ageing.find_now_ms(is_dated=True) == clock.now_ms()
        clock.jump(-STEP_MS)
        assert ageing.find_now_ms(is_dated=True) is None
        await asyncio.sleep(REST_MS / 1000 - 1)
        assert ageing.find_now_ms(is_dated=True) is None
        await asyncio.sleep(1)
        assert ageing.find_now_ms(is_dated=True) == clock.now_ms()

    run_simulated(main())


def test_no_reading_is_too_old_by_a_clock_that_jumped(tmp_path: Path) -> None:
    """Ten years ahead for ten minutes, with readings of a week's outage on the card."""

    async def main() -> None:
        clock = SimulatedClock()
        bounds = Bounds(age_max_s=30 * 86_400.0)
        async with open_outbox(tmp_path / "card", tmp_path, clock, bounds) as outbox:
            await outbox.subscribe({"away": frozenset({A})})
            await outbox.append([Reading(A, clock.now_ms(), 1.0)])
            await outbox.commit()
            await asyncio.sleep(7 * 86_400)
            clock.jump(DECADE_MS)
            for _ in range(60):
                await outbox.commit()
                await asyncio.sleep(10)
            clock.jump(-DECADE_MS)
            await outbox.commit()
            assert outbox.accounts["away"].pending == 1
            await asyncio.sleep(24 * 86_400)
            await outbox.commit()
            assert outbox.accounts["away"].dropped == {"aged": 1}, "it is now, by any clock"

    run_simulated(main())


def test_no_reading_is_too_old_by_a_clock_that_woke_in_the_future(tmp_path: Path) -> None:
    """A battery that is empty leaves any date; the rows of the last boot are dated right."""

    async def main() -> None:
        clock = SimulatedClock()
        async with open_outbox(tmp_path / "card", tmp_path, clock) as outbox:
            await outbox.subscribe({"away": frozenset({A})})
            await outbox.append([Reading(A, clock.now_ms(), 1.0)])
        clock.reboot()
        clock.jump(DECADE_MS)
        clock.synchronised = False
        async with open_outbox(tmp_path / "card", tmp_path, clock) as outbox:
            await outbox.subscribe({"away": frozenset({A})})
            await outbox.commit()
            clock.jump(-DECADE_MS)
            clock.synchronised = True
            await outbox.commit()
            assert outbox.accounts["away"].pending == 1

    run_simulated(main())
