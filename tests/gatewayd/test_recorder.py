"""From the bus to the board and the outbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gatewayd.board import Board
from gatewayd.bus import Bus
from gatewayd.model import ChannelId, Quality, Reading
from gatewayd.outbox import open_outbox
from gatewayd.recorder import Recorder, in_order
from gatewayd.testing.clock import SimulatedClock, run_simulated

A, B = ChannelId("boiler/temperature"), ChannelId("pump/relay")


def test_time_never_runs_backwards_within_a_channel() -> None:
    """A repeated or slightly older time is put behind the one before; other channels are free."""
    last: dict[ChannelId, int] = {}
    got = in_order([Reading(A, 100, 1.0), Reading(A, 100, 2.0), Reading(B, 50, 3.0)], last)
    assert [r.time_ms for r in got] == [100, 101, 50]
    assert [r.time_ms for r in in_order([Reading(A, 40, 4.0)], last)] == [102]
    assert all(r.quality is Quality.GOOD for r in got)


def test_a_clock_that_went_far_back_leaves_uncertain_readings() -> None:
    """Nobody knows which side of the jump was right, and the reading says so."""
    got = in_order([Reading(A, 1_000, 1.0)], {A: 3_600_000})
    assert got == [Reading(A, 3_600_001, 1.0, Quality.UNCERTAIN)]


def test_what_is_published_reaches_board_and_outbox_also_at_the_end(tmp_path: Path) -> None:
    """The recorder empties the bus once more when it is ended."""

    async def main() -> None:
        bus, board = Bus(), Board()
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            task = asyncio.ensure_future(Recorder(bus, board, outbox, 1.0).run())
            bus.publish([Reading(A, 1, 1.0)])
            await asyncio.sleep(0.2)
            assert outbox.accounts["one"].accepted == 1
            bus.publish([Reading(A, 2, 2.0)])
            task.cancel()
            await asyncio.wait([task])
            assert outbox.accounts["one"].accepted == 2
            assert board.latest(A) == Reading(A, 2, 2.0)

    run_simulated(main())
