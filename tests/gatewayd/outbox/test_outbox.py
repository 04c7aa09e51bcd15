"""The log as the rest of the program sees it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatewayd.model import ChannelId, Quality, Reading
from gatewayd.outbox import Bounds, Outbox, open_outbox
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A, B = ChannelId("boiler/temperature"), ChannelId("pump/relay")
BOTH = {"one": frozenset({A, B}), "two": frozenset({B})}


def readings(count: int, channel: ChannelId = A, start: int = 0) -> list[Reading]:
    return [Reading(channel, START_MS + start + i, float(start + i)) for i in range(count)]


async def values(outbox: Outbox, uplink: str, limit: int = 1000) -> list[object]:
    """Drain an uplink, acknowledging each batch."""
    got: list[object] = []
    after = outbox.accounts[uplink].cursor
    while batch := await outbox.next_batch(uplink, after, limit):
        got += [r.value for r in batch.readings]
        after = batch.through
        await outbox.ack(uplink, after, len(batch))
    return got


async def assert_balanced(outbox: Outbox) -> None:
    for uplink, balance in (await outbox.balance()).items():
        assert balance.is_balanced, (uplink, balance)
        assert balance.pending == balance.held, (uplink, balance)


def test_each_uplink_reads_the_one_log_at_its_own_pace(tmp_path: Path) -> None:
    """One uplink drains, the other keeps everything; the ledger balances for both."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe(BOTH)
            await outbox.append([*readings(10), *readings(5, B, 10)])
            assert await values(outbox, "one", limit=4) == [float(i) for i in range(15)]
            assert outbox.accounts["two"].pending == 5
            await assert_balanced(outbox)

    run_simulated(main())


@pytest.mark.parametrize("ending", ["closed", "killed", "power cut"])
def test_what_was_appended_survives(tmp_path: Path, ending: str) -> None:
    """A clean end, a killed process (nothing is closed) and a power cut after a commit."""

    async def write(clock: SimulatedClock) -> None:
        context = open_outbox(tmp_path / "card", tmp_path / "hot", clock)
        outbox = await context.__aenter__()
        await outbox.subscribe(BOTH)
        await outbox.append(readings(100))
        batch = await outbox.next_batch("one", 0, 30)
        assert batch
        await outbox.ack("one", batch.through, len(batch))
        await outbox.commit()
        await outbox.append(readings(7, B, 100))
        if ending == "power cut":
            await outbox.commit()
        if ending == "closed":
            await context.__aexit__(None, None, None)

    async def main() -> None:
        (tmp_path / "hot").mkdir()
        clock = SimulatedClock()
        await write(clock)
        if ending == "power cut":
            for file in (tmp_path / "hot").iterdir():
                file.unlink()
        async with open_outbox(tmp_path / "card", tmp_path / "hot", clock) as outbox:
            await outbox.subscribe(BOTH)
            await assert_balanced(outbox)
            assert outbox.accounts["one"].accepted == 107
            assert await values(outbox, "one") == [float(i) for i in range(30, 107)]
            assert await values(outbox, "two") == [float(i) for i in range(100, 107)]
            await assert_balanced(outbox)

    run_simulated(main())


def test_a_healthy_day_never_touches_the_card(tmp_path: Path) -> None:
    """Acknowledged readings are forgotten in memory; the card's files do not change."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            await outbox.commit()

            def card() -> list[bytes]:
                return [
                    (tmp_path / "card" / name).read_bytes()
                    for name in ("outbox.db", "outbox.db-wal")
                ]

            before = card()
            for i in range(100):
                await outbox.append(readings(50, A, 50 * i))
                assert len(await values(outbox, "one")) == 50
                await outbox.commit()
            assert card() == before
            await assert_balanced(outbox)

    run_simulated(main())


def test_numbers_never_repeat_after_the_log_was_empty(tmp_path: Path) -> None:
    """A new start, of which the hot tier knows nothing, numbers higher than any before."""

    async def main() -> None:
        heads = []
        for _ in range(3):
            async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
                await outbox.subscribe({"one": frozenset({A})})
                await outbox.append(readings(3))
                assert len(await values(outbox, "one")) == 3
                heads.append(outbox.head)
            assert not (tmp_path / "outbox-hot.db").exists()
        assert heads == sorted(set(heads))

    run_simulated(main())


def test_an_uplink_without_channels_holds_nobody_up(tmp_path: Path) -> None:
    """Its cursor counts as the head; the rows of the others go when they are done with them."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A}), "none": frozenset()})
            await outbox.append(readings(20))
            await values(outbox, "one")
            await outbox.commit()
            assert await outbox.next_batch("none", 0, 10) is None

    run_simulated(main())


@pytest.mark.parametrize("limit", [1, 3, 5, 7, 50])
def test_an_uplink_that_wants_a_part_misses_nothing_of_it(tmp_path: Path, limit: int) -> None:
    """However its rows lie among the others', and whatever the limit."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe(BOTH)
            for start in (0, 40):
                few = {start + i for i in (0, 9, 10, 11, 30, 39)}
                await outbox.append(
                    [
                        readings(1, B if number in few else A, number)[0]
                        for number in range(start, start + 40)
                    ]
                )
            found = [float(start + i) for start in (0, 40) for i in (0, 9, 10, 11, 30, 39)]
            assert await values(outbox, "two", limit) == found
            await assert_balanced(outbox)

    run_simulated(main())


def test_a_new_configuration_is_settled_by_name(tmp_path: Path) -> None:
    """A channel taken from an uplink is dropped, one given to it is accepted, a removed uplink's
    backlog is dropped; the ledger says so and balances."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A}), "two": frozenset({A, B})})
            await outbox.append([*readings(10), *readings(4, B, 10)])
            await outbox.subscribe({"one": frozenset({B})})
            assert outbox.accounts["one"].dropped == {"unsubscribed": 10}
            assert outbox.accounts["two"].dropped == {"removed": 14}
            assert await values(outbox, "one") == [10.0, 11.0, 12.0, 13.0]
            await assert_balanced(outbox)

    run_simulated(main())


def test_a_refused_row_is_kept_with_the_answer_and_skipped(tmp_path: Path) -> None:
    """Rejected rows are counted as dropped, and the next batch goes on behind them."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            await outbox.append(readings(3))
            batch = await outbox.next_batch("one", 0, 10)
            assert batch
            refused = (batch.seqs[1], batch.readings[1], "no such sensor")
            await outbox.ack("one", batch.through, 2, [refused])
            assert outbox.accounts["one"].dropped == {"rejected": 1}
            await assert_balanced(outbox)

    run_simulated(main())


def test_a_full_log_drops_the_oldest_and_says_how_many(tmp_path: Path) -> None:
    """Beyond `size_max` the oldest rows go, counted against the uplink that still owed them."""

    async def main() -> None:
        bounds = Bounds(size_max=200_000)
        noise = os.urandom(90_000).hex()
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock(), bounds) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            for i in range(60):
                text = noise[i * 3000 : i * 3000 + 3000]
                rows = [Reading(A, START_MS + n, text[n * 30 : n * 30 + 30]) for n in range(100)]
                await outbox.append([*rows, *[Reading(A, START_MS, os.urandom(3000).hex())]])
                await outbox.commit()
            dropped = outbox.accounts["one"].dropped["full"]
            left = await values(outbox, "one")
            assert dropped > 0
            assert dropped + len(left) == 60 * 101
            await assert_balanced(outbox)

    run_simulated(main())


def test_old_rows_are_dropped_by_age(tmp_path: Path) -> None:
    """Beyond `age_max` rows go, counted as aged."""

    async def main() -> None:
        clock = SimulatedClock()
        bounds = Bounds(age_max_s=3600)
        async with open_outbox(tmp_path / "card", tmp_path, clock, bounds) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            await outbox.append([Reading(A, clock.now_ms(), 1.0)])
            await outbox.commit()
            await asyncio.sleep(4000)
            await outbox.append([Reading(A, clock.now_ms(), 2.0)])
            await outbox.commit()
            assert outbox.accounts["one"].dropped == {"aged": 1}
            assert await values(outbox, "one") == [2.0]

    run_simulated(main())


def damaged(path: Path, offsets: Sequence[int]) -> None:
    raw = bytearray(path.read_bytes())
    for offset in offsets:
        raw[offset % len(raw)] ^= 0xFF
    path.write_bytes(raw)


def test_a_corrupt_card_is_set_aside_and_what_is_in_memory_goes_on(tmp_path: Path) -> None:
    """The file is kept for inspection; rows of it are counted as corrupt, the others arrive."""

    async def main() -> None:
        clock = SimulatedClock()
        context = open_outbox(tmp_path / "card", tmp_path, clock)
        outbox = await context.__aenter__()
        await outbox.subscribe({"one": frozenset({A})})
        await outbox.append(readings(500))
        await outbox.commit()
        await outbox.append(readings(20, A, 500))
        card = tmp_path / "card" / "outbox.db"
        (tmp_path / "card" / "outbox.db-wal").unlink()
        damaged(card, range(0, 100_000, 97))
        async with open_outbox(tmp_path / "card", tmp_path, clock) as again:
            await again.subscribe({"one": frozenset({A})})
            assert again.accounts["one"].dropped == {"corrupt": 500}
            assert await values(again, "one") == [float(i) for i in range(500, 520)]
            assert (tmp_path / "card" / "outbox.db.corrupt").exists()
            assert any("set aside" in event for event in await again.commit())
            await assert_balanced(again)

    run_simulated(main())


def test_rows_of_an_unsynchronised_boot_are_redated_once(tmp_path: Path) -> None:
    """Started in 1970: when the clock is put right, the rows of this boot get their true time."""

    async def main() -> None:
        clock = SimulatedClock(start_ms=0)
        clock.synchronised = False
        async with open_outbox(tmp_path / "card", tmp_path, clock, holds_back=True) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            await asyncio.sleep(100)
            await outbox.append([Reading(A, clock.now_ms(), 1.0)])
            assert await outbox.next_batch("one", 0, 10) is None
            clock.jump(1_795_000_000_000)
            clock.synchronised = True
            await outbox.commit()
            batch = await outbox.next_batch("one", 0, 10)
            assert batch
            assert batch.readings == [Reading(A, 1_795_000_100_000, 1.0, Quality.GOOD)]

    run_simulated(main())


def test_rows_of_a_boot_that_never_knew_the_time_are_uncertain(tmp_path: Path) -> None:
    """After the next boot nobody can date them; they go out and say so."""

    async def main() -> None:
        clock = SimulatedClock(start_ms=5_000_000)
        clock.synchronised = False
        async with open_outbox(tmp_path / "card", tmp_path, clock, holds_back=True) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            await outbox.append([Reading(A, clock.now_ms(), 1.0)])
        clock.reboot()
        clock.synchronised = True
        async with open_outbox(tmp_path / "card", tmp_path, clock, holds_back=True) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            batch = await outbox.next_batch("one", 0, 10)
            assert batch
            assert batch.readings[0].quality is Quality.UNCERTAIN

    run_simulated(main())


async def test_waiting_for_more_ends_with_the_next_append(tmp_path: Path) -> None:
    """A drain at the end of the log is woken by the append, on a real loop and a real thread."""
    async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
        await outbox.subscribe({"one": frozenset({A})})
        waiting = asyncio.ensure_future(outbox.wait_changed(outbox.version))
        await outbox.append(readings(1))
        await asyncio.wait_for(waiting, 5)
        assert await values(outbox, "one") == [0.0]


def test_a_death_between_card_and_memory_leaves_no_row_twice(tmp_path: Path) -> None:
    """A move writes the card first; if the process dies before memory forgets, opening does."""

    async def main() -> None:
        clock, hot = SimulatedClock(), tmp_path / "hot"
        hot.mkdir()
        outbox = await open_outbox(tmp_path / "card", hot, clock).__aenter__()
        await outbox.subscribe({"one": frozenset({A})})
        await outbox.append(readings(50))
        before = {file.name: file.read_bytes() for file in hot.iterdir()}
        await outbox.commit()
        for name, data in before.items():
            (hot / name).write_bytes(data)
        async with open_outbox(tmp_path / "card", hot, clock) as again:
            await again.subscribe({"one": frozenset({A})})
            await assert_balanced(again)
            assert await values(again, "one") == [float(i) for i in range(50)]

    run_simulated(main())
