"""The ledger of a log of days: counted beside the log's work, all of it of one instant."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.errors import OutboxError
from gatewayd.model import Reading
from gatewayd.outbox import Outbox, new_outbox
from gatewayd.outbox.books import AUDIT_SLABS
from gatewayd.outbox.census import Census
from gatewayd.outbox.files import CARD_NAME
from gatewayd.testing.clock import START_MS
from tests.gatewayd.outbox.test_large import ALL, PART, A, B, filled

SLABS = 40 * AUDIT_SLABS
WAIT_S = 30.0


async def ended(log: Outbox) -> None:
    """Wait until no long count is under way, nor anything that comes of it."""
    async with asyncio.timeout(WAIT_S):
        while log.counted is not None:  # noqa: ASYNC110  # nobody is told of it
            await asyncio.sleep(0)
    assert log._counting._task is not None
    await asyncio.wait([log._counting._task])


@asynccontextmanager
async def opened(folder: Path, slabs: int = SLABS) -> AsyncIterator[Outbox]:
    """A log with so many slabs of two readings, of which one uplink wants one."""
    filled(folder, slabs, PART).abandon()
    log = new_outbox(folder, None, SystemClock())
    await log.open()
    await log.subscribe(PART)
    try:
        yield log
    finally:
        await log.close()


async def begun(log: Outbox) -> float:
    """Wait until a long count is under way; return how far it is."""
    async with asyncio.timeout(WAIT_S):
        while (counted := log.counted) is None:  # noqa: ASYNC110  # nobody is told of it
            await asyncio.sleep(0)
    return counted


async def test_readings_come_and_go_while_a_long_log_is_counted(tmp_path: Path) -> None:
    """The ledger is that of its beginning; what came since is in the next."""
    async with opened(tmp_path) as log:
        counting = asyncio.create_task(log.balance())
        assert 0.0 <= await begun(log) < 1.0
        await log.append([Reading(A, START_MS, 1.0), Reading(B, START_MS, 2.0)])
        await log.ack("part", 200, 100)
        await log.commit()
        assert not counting.done()
        told = (await counting)["part"]
        assert (told.accepted, told.delivered, told.held) == (SLABS, 0, SLABS)
        assert told.is_balanced
        assert log.counted is None
        now = (await log.balance())["part"]
        assert (now.accepted, now.delivered, now.held) == (SLABS + 1, 100, SLABS - 99)
        assert now.is_balanced


async def test_who_asks_meanwhile_is_told_the_same_count(tmp_path: Path) -> None:
    """And who leaves takes it from nobody."""
    async with opened(tmp_path) as log:
        impatient, patient = (asyncio.create_task(log.balance()) for _ in range(2))
        await begun(log)
        impatient.cancel()
        third = await log.balance()
        assert await patient == third
        assert third["part"].is_balanced


async def test_a_count_that_ended_unasked_is_for_the_next_who_asks(tmp_path: Path) -> None:
    """Once: who was told to ask again would begin anew each time. It is of its beginning still."""
    async with opened(tmp_path) as log:
        impatient = asyncio.create_task(log.balance())
        await begun(log)
        impatient.cancel()
        await log.append([Reading(A, START_MS, 1.0)])
        await ended(log)
        assert (await log.balance())["part"].held == SLABS
        assert log.counted is None
        again = asyncio.create_task(log.balance())
        await begun(log)
        assert (await again)["part"].held == SLABS + 1


async def test_rows_that_are_gone_are_missed(tmp_path: Path) -> None:
    """What is on the card is what is counted."""
    async with opened(tmp_path) as log:
        with closing(sqlite3.connect(tmp_path / CARD_NAME)) as db:
            db.execute("DELETE FROM slab WHERE last = 1000")
            db.commit()
        told = (await log.balance())["part"]
        assert (told.pending, told.held) == (SLABS, SLABS - 1)
        assert not told.is_balanced


async def test_a_slab_that_cannot_be_read_is_found_and_counted_as_lost(tmp_path: Path) -> None:
    """By the next time that somebody asks."""
    async with opened(tmp_path) as log:
        with closing(sqlite3.connect(tmp_path / CARD_NAME)) as db:
            db.execute("UPDATE slab SET body = x'00' WHERE last = 1000")
            db.commit()
        assert not (await log.balance())["part"].is_balanced
        told = (await log.balance())["part"]
        assert told.dropped == {"corrupt": 1}
        assert told.is_balanced
        assert any("gone from the log" in event for event in await log.commit())


async def test_a_log_that_ends_does_not_wait_for_its_count(tmp_path: Path) -> None:
    """Who asked is told; nothing of it stays open."""
    async with opened(tmp_path) as log:
        counting = asyncio.create_task(log.balance())
        await begun(log)
    with pytest.raises(OutboxError, match="closed while it was counted"):
        await counting


async def test_a_count_that_fails_when_nobody_waits_any_more_is_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its end is nobody's, and the next who asks gets one of his own."""
    async with opened(tmp_path) as log:
        impatient = asyncio.create_task(log.balance())
        await begun(log)
        impatient.cancel()
        census = log._counting._census
        assert census is not None
        census.stop()
        await ended(log)
        assert (await log.balance())["part"].is_balanced
        gc.collect()
    assert not caplog.records


async def test_a_card_whose_file_was_removed_is_counted_all_the_same(tmp_path: Path) -> None:
    """Over the connection that has it open still."""
    async with opened(tmp_path) as log:
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"{CARD_NAME}{suffix}").unlink()
        assert (await log.balance())["part"].held == SLABS


def test_every_uplink_is_counted_in_the_one_look(tmp_path: Path) -> None:
    """From its own cursor, with what is in memory."""
    store = filled(tmp_path, 100, ALL | PART)
    store.settle("part", 50, 25, ())
    store.append([Reading(A, START_MS, 1.0)], None, 0)
    census = Census(store)
    assert census.count() == store.balance()
    assert census.progress == pytest.approx(1.0)
    store.abandon()


def test_a_count_stands_still_while_the_log_forgets(tmp_path: Path) -> None:
    """What was delivered and forgotten since it began is in it."""
    store = filled(tmp_path, 100, ALL)
    census = Census(store)
    store.settle("all", store.rows.card_last, 200, ())
    store.commit(START_MS)
    assert store.rows.tables.one("SELECT count(*) FROM main.slab") == 0
    assert census.count()["all"].held == 200
    store.abandon()
