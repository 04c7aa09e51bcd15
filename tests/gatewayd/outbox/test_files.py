"""The counters' second copy, from an orderly end to the next start."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gatewayd.model import Value
from gatewayd.outbox import Account, Outbox, open_outbox
from gatewayd.outbox.files import CARD_NAME, COUNTERS_NAME
from gatewayd.testing.clock import SimulatedClock, run_simulated
from tests.gatewayd.outbox.story import WANTED, say

DAMAGES = {
    "a name": "wanted = replace(wanted, 'c1', 'c?')",
    "a blob": "wanted = CAST(wanted AS BLOB)",
    "a number": "delivered = delivered + 1",
}
"""What turned bits make of an uplink's row in a file that is whole for SQLite."""


async def first_life(folder: Path) -> Account:
    """Send five of twenty readings twice and deliver ten, end orderly; return the account."""
    async with open_outbox(folder, None, SimulatedClock()) as outbox:
        await outbox.subscribe(WANTED)
        await outbox.append(say(1, 20))
        few, more = [await outbox.next_batch("all", 0, limit) for limit in (5, 10)]
        assert few is not None
        assert more is not None
        await outbox.offer(few)
        await outbox.offer(more)
        await outbox.ack("all", more.through, len(more))
        return outbox.accounts["all"].copy()


def damage(folder: Path, how: str) -> None:
    with closing(sqlite3.connect(folder / CARD_NAME)) as db, db:
        db.execute(f"UPDATE account SET {DAMAGES[how]} WHERE uplink = 'all'")
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]


async def sent(outbox: Outbox) -> list[Value | None]:
    """Drain the uplink."""
    got: list[Value | None] = []
    while batch := await outbox.next_batch("all", outbox.accounts["all"].cursor, 7):
        await outbox.offer(batch)
        got += [reading.value for reading in batch.readings]
        await outbox.ack("all", batch.through, len(batch))
    return got


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_counters_go_on_from_their_second_copy(tmp_path: Path, how: str) -> None:
    """What was delivered is not sent again, and what was sent twice stays counted."""

    async def main() -> None:
        before = await first_life(tmp_path)
        assert (before.delivered, before.repeated) == (10, 5)
        damage(tmp_path, how)
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            assert outbox.accounts["all"] == before
            [told] = await outbox.commit()
            assert "counters of an uplink were damaged; the second copy goes on" in told
            assert await sent(outbox) == [float(n) for n in range(11, 21)]
            assert outbox.accounts["all"].repeated == 5
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            assert await outbox.commit() == []

    run_simulated(main())


@pytest.mark.parametrize("copy", ["missing", "damaged"])
@pytest.mark.parametrize("how", DAMAGES)
def test_without_a_second_copy_all_that_is_held_is_sent(
    tmp_path: Path, how: str, copy: str
) -> None:
    """The log holds all that the other uplink has not had; each of it counts as repeated."""

    async def main() -> None:
        await first_life(tmp_path)
        damage(tmp_path, how)
        second = tmp_path / COUNTERS_NAME
        if copy == "missing":
            second.unlink()
        else:
            second.write_bytes(second.read_bytes().replace(b'["all",', b'["all",1'))
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            assert "the counters of an uplink were damaged; it gets" in str(await outbox.commit())
            assert await sent(outbox) == [float(n) for n in range(1, 21)]
            assert outbox.accounts["all"].repeated == 20

    run_simulated(main())


def test_a_blob_on_the_card_does_not_spoil_the_end(tmp_path: Path) -> None:
    """A text that one bit made a blob is left out of the second copy, which has the rest."""

    async def main() -> None:
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(say(1, 20))
            await outbox.commit()
            with closing(sqlite3.connect(tmp_path / CARD_NAME)) as db, db:
                db.execute("INSERT INTO meta VALUES('spoilt', x'00')")
        assert b"spoilt" not in (tmp_path / COUNTERS_NAME).read_bytes()
        assert b"reserved" in (tmp_path / COUNTERS_NAME).read_bytes()

    run_simulated(main())


def test_a_table_of_names_that_holds_anything_ends_no_start(tmp_path: Path) -> None:
    """SQLite takes anything anywhere, where a file is of another layout or damaged. What nobody
    knows the channel of any more is nobody's."""
    rows = "(NULL, 'a/b', NULL), ('z', 'c/d', NULL), (-3, 'e/f', NULL), (0, x'00', NULL), (1, 2, 3)"

    async def main() -> None:
        await first_life(tmp_path)
        with closing(sqlite3.connect(tmp_path / CARD_NAME)) as db, db:
            db.execute("DROP TABLE channel")
            db.execute("CREATE TABLE channel(number, name, seal)")
            db.execute(f"INSERT INTO channel VALUES {rows}")
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe(WANTED)
            await outbox.append(say(21, 5))
            assert await sent(outbox) == [reading.value for reading in say(21, 5)]
            assert (await outbox.balance())["all"].is_balanced

    run_simulated(main())
