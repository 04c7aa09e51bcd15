"""The ledger: it holds at every instant, whatever happens to configuration, files and clouds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatewayd.model import Batch, ChannelId, Quality, Reading, Value
from gatewayd.outbox import Outbox, new_outbox, open_outbox
from gatewayd.outbox.files import CARD_NAME, COUNTERS_NAME, HOT_NAME
from gatewayd.outbox.rejects import REASON_MAX
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A, B, C = ChannelId("boiler/a"), ChannelId("boiler/b"), ChannelId("boiler/c")
WANTED = {"one": frozenset({A, B}), "two": frozenset({A})}


def readings(count: int, start: int = 0, channels: Sequence[ChannelId] = (A, B)) -> list[Reading]:
    return [
        Reading(channels[n % len(channels)], START_MS + n, float(n))
        for n in range(start, start + count)
    ]


async def take(outbox: Outbox, uplink: str, limit: int = 1000) -> Batch:
    batch = await outbox.next_batch(uplink, outbox.accounts[uplink].cursor, limit)
    assert batch is not None
    await outbox.offer(batch)
    return batch


async def values(outbox: Outbox, uplink: str) -> list[Value | None]:
    """Drain an uplink."""
    got: list[Value | None] = []
    while batch := await outbox.next_batch(uplink, outbox.accounts[uplink].cursor, 7):
        got += [reading.value for reading in batch.readings]
        await outbox.ack(uplink, batch.through, len(batch))
    return got


async def refuse(outbox: Outbox, uplink: str, count: int, why: str = "no such sensor") -> None:
    """Have a cloud refuse the next readings."""
    batch = await take(outbox, uplink, count)
    rows = [(seq, r, why) for seq, r in zip(batch.seqs, batch.readings, strict=True)]
    await outbox.ack(uplink, batch.through, 0, rows)


async def assert_balanced(outbox: Outbox) -> None:
    for uplink, line in (await outbox.balance()).items():
        assert line.is_balanced, (uplink, line)
    assert await outbox.audit() == []


def card_of(folder: Path) -> Path:
    return folder / "card" / CARD_NAME


# What was rejected


def test_rejected_rows_stand_with_the_answer_and_go_again_in_order(tmp_path: Path) -> None:
    """Only to the uplink whose cloud refused them; rejected becomes pending, the sum stays."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(readings(10))
            await refuse(outbox, "one", 4)
            await values(outbox, "two")
            found = await outbox.rejected("one")
            assert [each.reading.value for each in found] == [0.0, 1.0, 2.0, 3.0]
            assert {each.reason for each in found} == {"no such sensor"}
            assert await outbox.rejected("two") == []
            assert await outbox.retry("one") == 4
            assert outbox.accounts["one"].dropped == {}
            assert outbox.accounts["one"].accepted == 10
            assert await outbox.rejected("one") == []
            await assert_balanced(outbox)
            await outbox.append(readings(2, 10))
            assert await values(outbox, "one") == [4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 10, 11]
            assert await values(outbox, "two") == [10]
            assert outbox.accounts["one"].delivered == 12
            await assert_balanced(outbox)

    run_simulated(main())


@pytest.mark.parametrize("ending", ["closed", "killed", "power cut"])
def test_rejected_rows_and_their_return_survive(tmp_path: Path, ending: str) -> None:
    """On the card with the next commit; those that went out again are not kept a second time."""

    async def main() -> None:
        clock, hot = SimulatedClock(), tmp_path / "hot"
        hot.mkdir()

        async def reopen(outbox: Outbox | None) -> Outbox:
            if outbox is not None and ending == "closed":
                await outbox.close()
            elif outbox is not None:
                await outbox.commit()
                outbox._store.abandon()
            if ending == "power cut":
                for file in hot.iterdir():
                    file.unlink()
            again = new_outbox(tmp_path / "card", hot, clock)
            await again.open()
            await again.subscribe(WANTED)
            await assert_balanced(again)
            return again

        outbox = await reopen(None)
        await outbox.append([*readings(6), Reading(A, START_MS + 6, None, Quality.FAULT)])
        await refuse(outbox, "one", 7)
        outbox = await reopen(outbox)
        found = await outbox.rejected("one")
        assert [each.reading.value for each in found] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, None]
        assert found[-1].reading.quality is Quality.FAULT
        assert await outbox.retry("one") == 7
        outbox = await reopen(outbox)
        assert await outbox.rejected("one") == []
        assert await outbox.retry("one") == 0
        assert len(await values(outbox, "one")) == 7
        assert outbox.accounts["one"].dropped == {}
        await assert_balanced(outbox)
        await outbox.close()

    run_simulated(main())


def test_a_row_that_is_refused_again_is_rejected_again(tmp_path: Path) -> None:
    """The fix was none."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(readings(2))
            for why in ("no such sensor", "x" * 5000):
                await refuse(outbox, "one", 2, why)
                assert outbox.accounts["one"].dropped == {"rejected": 2}
                [one, other] = await outbox.rejected("one")
                assert one.reason == other.reason == why[:REASON_MAX]
                assert await outbox.retry("one") == 2
            await assert_balanced(outbox)

    run_simulated(main())


def test_what_an_uplink_no_longer_wants_does_not_go_again(tmp_path: Path) -> None:
    """Its channel was taken from the configuration; the rows stay rejected."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(readings(4))
            await refuse(outbox, "one", 4)
            await outbox.subscribe({"one": frozenset({B}), "two": frozenset({A})})
            assert await outbox.retry("one") == 2
            assert outbox.accounts["one"].dropped == {"rejected": 2}
            assert await values(outbox, "one") == [1.0, 3.0]
            await assert_balanced(outbox)

    run_simulated(main())


# What was sent twice


def test_what_is_offered_again_is_counted(tmp_path: Path) -> None:
    """The first answer never came: the cloud may have it twice, and the ledger says so."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(readings(10))
            await take(outbox, "one", 6)
            batch = await take(outbox, "one", 8)
            await outbox.ack("one", batch.through, len(batch))
            await take(outbox, "two")
            assert outbox.accounts["one"].repeated == 6
            assert outbox.accounts["two"].repeated == 0
            assert (await outbox.balance())["one"].repeated == 6

    run_simulated(main())


# Configuration and files


def test_it_holds_over_every_change_of_configuration(tmp_path: Path) -> None:
    """Uplinks and channels come and go between lives, with a backlog."""
    plans: list[dict[str, frozenset[ChannelId]]] = [
        {"one": frozenset({A, B}), "two": frozenset({A})},
        {"one": frozenset({A}), "two": frozenset({A, B, C})},
        {"two": frozenset({C})},
        {"one": frozenset({A, B, C}), "three": frozenset({B})},
        {},
        {"one": frozenset({B}), "two": frozenset({A})},
    ]

    async def main() -> None:
        clock, at = SimulatedClock(), 0
        for plan in plans:
            async with open_outbox(tmp_path / "card", tmp_path, clock) as outbox:
                await outbox.subscribe(plan)
                await assert_balanced(outbox)
                await outbox.append(readings(9, at, (A, B, C)))
                at += 9
                for uplink in plan:
                    batch = await take(outbox, uplink, 2)
                    await outbox.ack(uplink, batch.through, len(batch))
                await assert_balanced(outbox)
                await outbox.commit()
                await outbox.subscribe(plans[0])
                await assert_balanced(outbox)

    run_simulated(main())


@pytest.mark.parametrize("was_closed", [True, False])
def test_a_card_that_was_taken_away_is_counted(tmp_path: Path, was_closed: bool) -> None:
    """A new file begins; what was in the old one is dropped by name, and nothing is forgotten."""

    async def main() -> None:
        clock = SimulatedClock()
        outbox = new_outbox(tmp_path / "card", tmp_path, clock)
        await outbox.open()
        await outbox.subscribe(WANTED)
        await outbox.append(readings(10))
        await outbox.ack("one", (await take(outbox, "one", 4)).through, 4)
        if was_closed:
            await outbox.close()
        else:
            await outbox.commit()
            outbox._store.abandon()
        for file in (tmp_path / "card").glob(f"{CARD_NAME}*"):
            file.unlink()
        async with open_outbox(tmp_path / "card", tmp_path, clock) as again:
            await again.subscribe(WANTED)
            one = again.accounts["one"]
            assert (one.accepted, one.delivered, one.dropped) == (10, 4, {"corrupt": 6})
            await again.append(readings(3, 10))
            assert await values(again, "one") == [10.0, 11.0, 12.0]
            await assert_balanced(again)
        assert (tmp_path / "card" / COUNTERS_NAME).exists()

    run_simulated(main())


def test_counters_that_do_not_match_the_rows_are_found(tmp_path: Path) -> None:
    """As if we had miscounted: somebody takes rows out behind our back."""

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path / "hot", SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(readings(10))
            await outbox.commit()
            assert await outbox.audit() == []
            with sqlite3.connect(card_of(tmp_path)) as other:
                other.execute("DELETE FROM slab")
            other.close()
            assert await outbox.audit() == [
                "one: the ledger says 10 pending, the log holds 0",
                "two: the ledger says 5 pending, the log holds 0",
            ]
            with sqlite3.connect(card_of(tmp_path)) as other:
                assert not (await outbox.balance())["one"].is_balanced
            other.close()

    (tmp_path / "hot").mkdir()
    run_simulated(main())


def test_losses_before_the_log_are_kept_by_reason(tmp_path: Path) -> None:
    """Over a kill, an orderly end, and a power cut after a commit of the counters."""

    async def main() -> None:
        clock = SimulatedClock()
        outbox = new_outbox(tmp_path / "card", tmp_path, clock)
        await outbox.open()
        await outbox.subscribe(WANTED)
        await outbox.lose("bus", 5)
        await outbox.lose("outbox", 2)
        await outbox.lose("bus", 1)
        outbox._store.abandon()
        for _ in range(2):
            async with open_outbox(tmp_path / "card", tmp_path, clock) as again:
                assert again.losses == {"bus": 6, "outbox": 2}

    run_simulated(main())


OLD = """
CREATE TABLE slab(last INTEGER PRIMARY KEY, first INTEGER NOT NULL, base_ms INTEGER NOT NULL,
  boot TEXT, offset_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE channel(number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE account(uplink TEXT PRIMARY KEY, cursor INTEGER NOT NULL,
  accepted INTEGER NOT NULL, delivered INTEGER NOT NULL, dropped TEXT NOT NULL,
  wanted TEXT NOT NULL);
CREATE TABLE rejected(uplink TEXT NOT NULL, seq INTEGER NOT NULL,
  channel TEXT NOT NULL, time_ms INTEGER NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL,
  UNIQUE(uplink, seq));
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('store','abc'), ('reserved', 1048576), ('counted', 4);
INSERT INTO channel VALUES(0, 'boiler/a');
INSERT INTO account VALUES('one', 2, 4, 2, '{}', '["boiler/a"]');
INSERT INTO slab VALUES(4, 1, 1795000000000, NULL, 0, '[[0,0,0,0],[0,1,2,3],[1,2,3,4],null]');
INSERT INTO rejected VALUES('one', 1, 'boiler/a', 1795000000000, '1.0', 'no');
"""


def test_a_file_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """Columns that it lacks are added, rows without a checksum are taken as they are."""
    (tmp_path / "card").mkdir()
    with sqlite3.connect(card_of(tmp_path)) as old:
        old.executescript(OLD.replace("'[[", "CAST('[[").replace("null]')", "null]' AS BLOB))"))
    old.close()

    async def main() -> None:
        async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            await assert_balanced(outbox)
            # The counters of a file may be older than its rejected rows, after a power cut.
            assert await outbox.retry("one") == 1
            await assert_balanced(outbox)
            assert await values(outbox, "one") == [3, 4, 1]
            assert outbox.accounts["one"].dropped == {}

    run_simulated(main())
    assert not (tmp_path / HOT_NAME).exists()
