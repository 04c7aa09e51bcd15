"""A full log: thinned first, the oldest dropped last, all of it counted, no commit held up."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Bounds, Outbox, open_outbox
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A, ALARM, TEXT = ChannelId("boiler/a"), ChannelId("boiler/a_alarm"), ChannelId("boiler/text")
ALL = frozenset({A, ALARM, TEXT})
CHANCE = random.Random(5)


async def values(outbox: Outbox, uplink: str) -> list[Reading]:
    """Drain an uplink."""
    got: list[Reading] = []
    while batch := await outbox.next_batch(uplink, outbox.accounts[uplink].cursor, 1000):
        got += batch.readings
        await outbox.ack(uplink, batch.through, len(batch))
    return got


async def assert_balanced(outbox: Outbox) -> None:
    for uplink, balance in (await outbox.balance()).items():
        assert balance.is_balanced, (uplink, balance)


def curve(at: int, count: int) -> list[Reading]:
    """Readings at one every ten seconds, most of them repeats, and some alarms."""
    rows: list[Reading] = []
    for number in range(at, at + count):
        time_ms = START_MS + number * 10_000
        rows.append(Reading(A, time_ms, 20.0 + (number // 8) % 50))
        if number % 500 == 0:
            rows.append(Reading(ALARM, time_ms, number % 1000 == 0))
    return rows


async def fill(outbox: Outbox, rounds: int, rows: int = 200) -> list[Reading]:
    sent: list[Reading] = []
    for at in range(rounds):
        part = curve(at * rows, rows)
        await outbox.append(part)
        await outbox.commit()
        sent += part
    return sent


def is_in_order(got: Sequence[Reading], sent: Sequence[Reading]) -> bool:
    """Return whether `got` is `sent` with some left out."""
    rest = iter(sent)
    return all(any(reading == other for other in rest) for reading in got)


def test_a_full_log_is_thinned_before_anything_is_dropped(tmp_path: Path) -> None:
    """Repeats go first; what is left arrives in order, alarms whole; each loss has its reason."""

    async def main() -> None:
        bounds = Bounds(size_max=100_000)
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock(), bounds) as outbox:
            await outbox.subscribe({"one": ALL, "part": frozenset({ALARM})}, frozenset({ALARM}))
            sent = await fill(outbox, 200)
            dropped = outbox.accounts["one"].dropped
            assert set(dropped) == {"thinned/repeats"}, dropped
            await assert_balanced(outbox)
            assert outbox.accounts["part"].dropped == {}
            got = await values(outbox, "one")
            assert len(got) + sum(dropped.values()) == len(sent)
            assert is_in_order(got, sent)
            alarms = [reading for reading in sent if reading.channel == ALARM]
            assert await values(outbox, "part") == alarms
            assert [reading for reading in got if reading.channel == ALARM] == alarms
            await assert_balanced(outbox)

    run_simulated(main())


def test_what_cannot_be_thinned_is_dropped_the_alarms_last(tmp_path: Path) -> None:
    """Texts that all differ: the oldest go as `full`, the alarms between them stay."""

    async def main() -> None:
        bounds = Bounds(size_max=150_000)
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock(), bounds) as outbox:
            await outbox.subscribe({"one": ALL}, frozenset({ALARM}))
            for at in range(100):
                rows = [
                    Reading(TEXT, START_MS + at * 100 + n, CHANCE.randbytes(60).hex())
                    for n in range(40)
                ]
                alarm = Reading(ALARM, START_MS + at * 100 + 50, at % 2 == 0)
                await outbox.append([*rows, alarm])
                await outbox.commit()
            dropped = outbox.accounts["one"].dropped
            assert set(dropped) == {"full"}
            got = await values(outbox, "one")
            assert len(got) + dropped["full"] == 4100
            assert sum(reading.channel == ALARM for reading in got) == 100
            assert got[-2].value == rows[-1].value
            await assert_balanced(outbox)

    run_simulated(main())


def test_what_is_on_its_way_while_it_is_dropped_is_delivered(tmp_path: Path) -> None:
    """A batch in the hands of a link is counted once, as what it became."""

    async def main() -> None:
        bounds = Bounds(size_max=60_000)
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock(), bounds) as outbox:
            await outbox.subscribe({"one": ALL}, frozenset({ALARM}))
            await fill(outbox, 3)
            batch = await outbox.next_batch("one", outbox.accounts["one"].cursor, 300)
            assert batch
            await outbox.offer(batch)
            await fill(outbox, 200)
            dropped = sum(outbox.accounts["one"].dropped.values())
            await outbox.ack("one", batch.through, len(batch))
            assert outbox.accounts["one"].delivered == 300
            assert sum(outbox.accounts["one"].dropped.values()) < dropped
            await assert_balanced(outbox)
            await values(outbox, "one")
            await assert_balanced(outbox)
            assert outbox.accounts["one"].repeated == 0

    run_simulated(main())


def test_a_thinned_log_is_the_same_after_a_kill(tmp_path: Path) -> None:
    """Holes, counters and order are in the files."""

    async def main() -> None:
        bounds, clock = Bounds(size_max=60_000), SimulatedClock()
        outbox = await open_outbox(tmp_path / "card", tmp_path, clock, bounds).__aenter__()
        await outbox.subscribe({"one": ALL}, frozenset({ALARM}))
        await fill(outbox, 150)
        was = await outbox.balance()
        async with open_outbox(tmp_path / "card", tmp_path, clock, bounds) as again:
            await again.subscribe({"one": ALL}, frozenset({ALARM}))
            assert await again.balance() == was
            assert len(await values(again, "one")) == was["one"].pending
            await assert_balanced(again)

    run_simulated(main())


COMMIT_S_MAX = 0.25
"""Some 30 ms on an idle machine; the tests share theirs."""


def test_no_commit_of_a_full_log_takes_long(tmp_path: Path) -> None:
    """Thinning goes in steps: of a thousand slabs, a few each time."""

    async def main() -> list[float]:
        took: list[float] = []
        bounds = Bounds(size_max=1_500_000)
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock(), bounds) as outbox:
            await outbox.subscribe({"one": ALL}, frozenset({ALARM}))
            for at in range(150):
                time_ms = START_MS + at * 2_000_000
                await outbox.append(
                    [Reading(A, time_ms + n * 1000, CHANCE.random()) for n in range(2000)]
                )
                begin_s = time.perf_counter()
                await outbox.commit()
                took.append(time.perf_counter() - begin_s)
            assert outbox.accounts["one"].dropped["thinned/5min"] > 10_000
            await assert_balanced(outbox)
        return took

    took = sorted(run_simulated(main()))
    assert took[len(took) * 9 // 10] < COMMIT_S_MAX
