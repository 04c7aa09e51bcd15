"""From the bus to the board and the outbox."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from gatewayd.board import Board
from gatewayd.bus import WAITING_MAX, Bus
from gatewayd.card import OWN_FACTOR, Endurance
from gatewayd.model import ChannelId, Quality, Reading
from gatewayd.outbox import new_outbox, open_outbox
from gatewayd.recorder import ALARM_REST_S, AUDIT_S, Recorder, in_order, pause_s
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.wear import Wear

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


def test_what_happens_to_the_files_is_told_and_recording_goes_on(tmp_path: Path) -> None:
    """As at the first synchronisation of the clock, when the rows so far are dated anew."""

    async def main() -> list[MutableMapping[str, Any]]:
        bus, clock = Bus(), SimulatedClock()
        clock.synchronised = False
        with capture_logs() as logs:
            async with open_outbox(tmp_path, None, clock) as outbox:
                await outbox.subscribe({"one": frozenset({A})})
                task = asyncio.ensure_future(Recorder(bus, Board(), outbox, 1.0).run())
                bus.publish([Reading(A, 1, 1.0)])
                await asyncio.sleep(2)
                clock.synchronised = True
                await asyncio.sleep(2)
                bus.publish([Reading(A, 2, 2.0)])
                await asyncio.sleep(2)
                assert not task.done()
                assert outbox.accounts["one"].accepted == 2
                task.cancel()
                await asyncio.wait([task])
        return logs

    (log,) = run_simulated(main())
    assert log["event"] == "outbox"
    assert "the clock is synchronised" in log["what"]


def test_what_the_log_cannot_take_is_counted_by_place(tmp_path: Path) -> None:
    """A bus that overflows, and files that cannot be written; the board goes on all the same."""

    async def main() -> None:
        bus, board = Bus(), Board()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            recorder = Recorder(bus, board, outbox, 1.0)
            task = asyncio.ensure_future(recorder.run())
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
            try:  # pytest's own capture is a file, too: the log must not go there meanwhile.
                bus.publish([Reading(A, n, float(n)) for n in range(1, 5001)])
                await asyncio.sleep(1)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert recorder.losses.outbox == 5000
            assert board.latest(A) == Reading(A, 5000, 5000.0)
            bus.publish([Reading(A, 6000 + n, 1.0) for n in range(WAITING_MAX)])
            bus.publish([Reading(A, 5, 1.0)] * 7)
            task.cancel()
            await asyncio.wait([task])
            assert outbox.losses == {"outbox": 5000, "bus": 7}
            assert outbox.accounts["one"].accepted == WAITING_MAX

    with capture_logs() as logs:
        run_simulated(main())
    assert logs[0]["event"] == "readings lost"


def test_a_ledger_that_does_not_balance_is_told_at_the_highest_level(tmp_path: Path) -> None:
    """Once, and again when it changes; found by counting the rows every minute."""

    async def main() -> list[MutableMapping[str, Any]]:
        bus = Bus()
        with capture_logs() as logs:
            async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
                await outbox.subscribe({"one": frozenset({A})})
                recorder = Recorder(bus, Board(), outbox, 1.0)
                task = asyncio.ensure_future(recorder.run())
                bus.publish([Reading(A, START_MS + n, float(n)) for n in range(10)])
                await asyncio.sleep(AUDIT_S + 5)
                told = [recorder.mismatch]
                with sqlite3.connect(tmp_path / "card" / "outbox.db") as other:
                    other.execute("DELETE FROM slab")
                other.close()
                await asyncio.sleep(3 * AUDIT_S)
                told.append(recorder.mismatch)
                assert told == [None, "one: the ledger says 10 pending, the log holds 0"]
                task.cancel()
                await asyncio.wait([task])
        return logs

    (log,) = run_simulated(main())
    assert (log["log_level"], log["event"]) == ("critical", "the ledger does not balance")


def test_an_alarm_is_on_the_card_at_once_and_the_next_one_soon(tmp_path: Path) -> None:
    """Others wait for the commit; alarms that come in a row rest a second in between."""

    async def main() -> list[float]:
        bus, clock, loop = Bus(), SimulatedClock(), asyncio.get_running_loop()
        commits: list[float] = []
        async with open_outbox(tmp_path, None, clock) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            recorder = Recorder(bus, Board(), outbox, 60.0, lambda: commits.append(loop.time()))
            task = asyncio.ensure_future(recorder.run())
            bus.publish([Reading(A, 1, 1.0)], is_urgent=True)
            await asyncio.sleep(5)
            for number in range(4):
                bus.publish([Reading(A, number + 2, 1.0)], is_alarm=True)
                await asyncio.sleep(0.4)
            await asyncio.sleep(70)
            task.cancel()
            await asyncio.wait([task])
        return commits

    start, first, second, third, *_ = run_simulated(main())
    assert (start, first) == (0, 5)
    assert second == 5 + ALARM_REST_S
    assert third == 5 + 2 * ALARM_REST_S


def test_commits_are_an_interval_apart_from_beginning_to_beginning() -> None:
    """However long one takes; a slow card leaves half of the time to others."""
    assert pause_s(60.0, 0.0) == 60.0
    assert pause_s(60.0, 20.0) == 40.0
    assert pause_s(60.0, 55.0) == pause_s(60.0, 500.0) == 30.0


def test_what_a_killed_life_left_in_memory_is_on_the_card_at_once(tmp_path: Path) -> None:
    """A daemon that never lives through one interval would else never bring anything there."""
    card, hot = tmp_path / "card", tmp_path / "hot"
    hot.mkdir()

    async def one_life(number: int) -> None:
        outbox = new_outbox(card, hot, SimulatedClock())
        await outbox.open()
        await outbox.subscribe({"one": frozenset({A})})
        bus = Bus()
        task = asyncio.ensure_future(Recorder(bus, Board(), outbox, 60.0).run())
        await asyncio.sleep(1)
        bus.publish([Reading(A, START_MS + number, float(number))])
        await asyncio.sleep(1)
        outbox._store.abandon()
        task.cancel()
        await asyncio.wait([task])

    async def main() -> list[object]:
        for number in range(3):
            await one_life(number)
        for file in hot.iterdir():
            file.unlink()
        async with open_outbox(card, hot, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            batch = await outbox.next_batch("one", 0, 10)
            assert batch is not None
            return [reading.value for reading in batch.readings]

    assert run_simulated(main()) == [0.0, 1.0]


def test_commits_are_spaced_to_keep_to_the_budget_and_alarms_are_not(tmp_path: Path) -> None:
    """20 kB a commit and 86.4 MB a day are one commit in twenty seconds; an alarm goes at once."""
    io = tmp_path / "io"
    written = 0

    def tell_written(more: int) -> None:
        nonlocal written
        written += more
        io.write_text(f"write_bytes: {written}\n")

    async def main() -> None:
        bus, loop, at_s = Bus(), asyncio.get_running_loop(), list[float]()

        def committed() -> None:
            at_s.append(loop.time())
            tell_written(int(20_000 / OWN_FACTOR))

        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            tell_written(0)
            recorder = Recorder(bus, Board(), outbox, 1.0, committed)
            recorder.wear = Wear(None, Endurance(86.4e6 * 365.25, 1, 1), 1.0, 60.0, io)
            task = asyncio.ensure_future(recorder.run())
            await asyncio.sleep(600)
            assert 28 <= len(at_s) <= 33
            before, raised_s = len(at_s), loop.time()
            bus.publish([Reading(A, 1, 1.0)], is_alarm=True)
            await asyncio.sleep(0.5)
            assert len(at_s) == before + 1
            assert at_s[-1] - raised_s < 0.1
            task.cancel()
            await asyncio.wait([task])

    run_simulated(main())
