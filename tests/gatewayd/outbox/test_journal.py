"""What waits on the bus outlives the process, and comes into the log once."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from gatewayd.board import Board
from gatewayd.bus import Bus
from gatewayd.model import ChannelId, Quality, Reading, Value
from gatewayd.outbox import Outbox, open_outbox
from gatewayd.outbox.journal import BEGIN, GAP_S, NAMES, WRITES_MAX, Journal
from gatewayd.recorder import GATHER_S, Recorder
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A = ChannelId("boiler/temperature")


def say(*numbers: int) -> list[Reading]:
    return [Reading(A, START_MS + number, float(number)) for number in numbers]


def opened(
    folder: Path, taken: int = BEGIN, offset_ms: int = 0, dated: int | None = None
) -> Journal:
    return Journal(folder, taken, offset_ms, lambda: dated)


def test_what_was_not_taken_is_there_again(tmp_path: Path) -> None:
    """Value for value, in order, also what the recorder had in its hands; not what the log has."""
    values: list[Value | None] = [20.0, 7, True, "open", {"lat": 1.0, "lng": 2.5}, None]
    qualities = [Quality.GOOD, Quality.UNCERTAIN, Quality.GOOD, Quality.GOOD, Quality.GOOD]
    one = [
        Reading(A, START_MS + i, value, quality)
        for i, (value, quality) in enumerate(zip(values, [*qualities, Quality.FAULT], strict=True))
    ]
    journal = opened(tmp_path)
    journal.add(say(1, 2))
    journal.turn()
    assert journal.last == BEGIN + 2
    journal.add(one)
    journal.turn()
    journal.add(say(11))
    journal.add(say(12))
    again = opened(tmp_path, BEGIN + 2)
    assert again.restored == [*one, *say(11, 12)]
    assert [type(each.value) for each in again.restored[:6]] == [type(value) for value in values]
    assert again.last == journal.last
    assert opened(tmp_path, journal.last).restored == []


def test_a_file_holds_no_more_than_one_turn(tmp_path: Path) -> None:
    """Memory that nobody empties would fill."""
    journal = opened(tmp_path)
    for number in range(100):
        journal.add(say(number))
        journal.turn()
    assert sum((tmp_path / name).stat().st_size for name in NAMES) < 100


def test_a_flood_is_written_together_or_not_at_all(tmp_path: Path) -> None:
    """After some writes there is a pause; what the recorder takes meanwhile is never written."""

    async def main() -> None:
        journal = opened(tmp_path)
        for number in range(WRITES_MAX + 50):
            journal.add(say(number))
        assert len(opened(tmp_path).restored) == WRITES_MAX
        await asyncio.sleep(GAP_S * 1.1)
        assert len(opened(tmp_path).restored) == WRITES_MAX + 50
        journal.turn()
        for number in range(WRITES_MAX + 50):
            journal.add(say(number))
        journal.turn()
        await asyncio.sleep(GAP_S * 1.1)
        journal.turn()
        assert opened(tmp_path).restored == []

    run_simulated(main())


@pytest.mark.parametrize("cut", range(1, 90, 7))
def test_a_line_that_was_cut_short_costs_no_other(tmp_path: Path, cut: int) -> None:
    """The kill came in the middle of a write, or memory was full and room again later."""
    journal = opened(tmp_path)
    journal.add(say(1))
    size = (tmp_path / NAMES[0]).stat().st_size
    journal.add(say(2))
    os.truncate(tmp_path / NAMES[0], max(size, 2 * size - cut))
    journal.add(say(3))
    journal.add(say(4))
    assert opened(tmp_path).restored == say(1, 3, 4)


def test_another_logs_files_are_not_read(tmp_path: Path) -> None:
    """Where the log knows of no number, whatever stands there is not its own."""
    opened(tmp_path).add(say(1))
    assert opened(tmp_path, 0).restored == []
    assert opened(tmp_path).restored == []


def test_a_clock_that_was_set_between_two_lives_moves_what_it_had_dated(tmp_path: Path) -> None:
    """Wall time less time since boot was known to be 0 and is 5 s; the other line was right."""
    opened(tmp_path, dated=0).add(say(1))
    assert opened(tmp_path, offset_ms=5000).restored == [Reading(A, START_MS + 5001, 1.0)]


def test_where_nothing_can_be_written_readings_go_their_way(tmp_path: Path) -> None:
    """Full memory is told by the log, which has a remedy."""
    journal = opened(tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._files[0])
    os.close(full)
    journal.add(say(1))
    journal.turn()
    journal.add(say(2))
    assert opened(tmp_path, BEGIN + 1).restored == say(2)


async def start(outbox: Outbox) -> tuple[Bus, asyncio.Future[None]]:
    """Begin a process's life on a log."""
    await outbox.subscribe({"one": frozenset({A})})
    bus = Bus()
    bus.keep(await outbox.open_journal())
    return bus, asyncio.ensure_future(Recorder(bus, Board(), outbox, 1.0).run())


def test_a_kill_at_any_moment_costs_nothing_that_was_published(tmp_path: Path) -> None:
    """Each reading is in the log once after many lives, whatever moment ended them."""

    async def main() -> None:
        clock, number = SimulatedClock(), 0
        for life in range(21):
            folder = tmp_path / str(life)
            (folder / "hot").mkdir(parents=True, exist_ok=True)
            async with open_outbox(folder / "card", folder / "hot", clock) as outbox:
                bus, task = await start(outbox)
                for _ in range(life % 7):
                    number += 1
                    bus.publish([Reading(A, clock.now_ms(), float(number))])
                    await asyncio.sleep(GATHER_S * (life % 5) / 3)
                # What a kill leaves; this life may then end as it likes.
                shutil.copytree(folder, tmp_path / str(life + 1))
                task.cancel()
                await asyncio.wait([task])
            assert not list(folder.glob("hot/waiting*"))
        folder = tmp_path / "21"
        async with open_outbox(folder / "card", folder / "hot", clock) as outbox:
            _, task = await start(outbox)
            await asyncio.sleep(1)
            batch = await outbox.next_batch("one", 0, 1000)
            assert batch
            assert [each.value for each in batch.readings] == list(range(1, number + 1))
            assert outbox.accounts["one"].accepted == number
            task.cancel()
            await asyncio.wait([task])

    run_simulated(main())
