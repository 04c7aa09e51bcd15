"""A disk that fails, fills up or goes away under a running log: lived through, told, healed."""

from __future__ import annotations

import random
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Outbox, intake, open_outbox
from gatewayd.outbox.files import CARD_NAME
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A = ChannelId("boiler/text")
NOISE = random.Random(3)


def readings(start: int, count: int = 20) -> list[Reading]:
    """Readings that do not pack well."""
    return [
        Reading(A, START_MS + n, NOISE.randbytes(200).hex()) for n in range(start, start + count)
    ]


@contextmanager
def broken_disk(bytes_max: int = 0) -> Iterator[None]:
    """Have every write beyond a place in a file fail, for this process: what SQLite calls a disk
    I/O error, without a disk to break."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def drained(outbox: Outbox) -> list[Reading]:
    got: list[Reading] = []
    while batch := await outbox.next_batch("one", outbox.accounts["one"].cursor, 100):
        got += batch.readings
        await outbox.ack("one", batch.through, len(batch))
    [line] = (await outbox.balance()).values()
    assert line.is_balanced
    assert await outbox.audit() == []
    return got


def test_a_card_that_cannot_be_written_is_a_state(tmp_path: Path) -> None:
    """Rows wait in memory; when writing works again they go to the card, and all arrive."""

    async def main() -> None:
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            sent = readings(0)
            await outbox.append(sent)
            await outbox.commit()
            with broken_disk():
                for at in range(1, 6):
                    more = readings(at * 20)
                    await outbox.append(more)
                    sent += more
                    await outbox.commit()
                    assert "cannot be written" in str(outbox.card_fault)
            await outbox.commit()
            assert outbox.card_fault is None
            assert await drained(outbox) == sent
            assert not outbox.accounts["one"].dropped

    run_simulated(main())


def test_numbers_that_run_out_on_a_card_at_fault_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are reserved on the card; the memory knows the last one too."""
    monkeypatch.setattr(intake, "SEQ_BLOCK", 50)

    async def main() -> None:
        async with open_outbox(tmp_path, None, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            sent: list[Reading] = []
            with broken_disk():
                for at in range(10):
                    sent += (more := readings(at * 20))
                    await outbox.append(more)
            assert await drained(outbox) == sent

    run_simulated(main())


def test_memory_that_cannot_be_written_loses_and_counts(tmp_path: Path) -> None:
    """What could not be appended is not half there: counters and rows are as before."""

    async def main() -> None:
        hot = tmp_path / "hot"
        hot.mkdir()
        async with open_outbox(tmp_path / "card", hot, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            sent = readings(0)
            await outbox.append(sent)
            with broken_disk():
                for at in range(1, 4):
                    with pytest.raises(OutboxError):
                        await outbox.append(readings(at * 20))
                    await outbox.lose("outbox", 20)
                await outbox.commit()
                assert outbox.card_fault
            more = readings(100)
            await outbox.append(more)
            await outbox.commit()
            assert outbox.losses == {"outbox": 60}
            assert await drained(outbox) == sent + more
            assert outbox.accounts["one"].accepted == 40

    run_simulated(main())


@pytest.mark.parametrize("what", ["file", "folder", "blocked"])
def test_a_card_that_goes_away_is_written_again(tmp_path: Path, what: str) -> None:
    """Somebody removes the file or the whole folder: what is open can be read still, and is put
    back as soon as it can be."""

    async def main() -> None:
        card, hot = tmp_path / "card", tmp_path / "hot"
        hot.mkdir()
        async with open_outbox(card, hot, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            sent = readings(0)
            await outbox.append(sent)
            await outbox.commit()
            if what == "file":
                (card / CARD_NAME).unlink()
            else:
                shutil.rmtree(card)
            if what == "blocked":
                card.write_text("a file where the folder should be")
            sent += (more := readings(20))
            await outbox.append(more)
            events = await outbox.commit()
            if what == "blocked":
                assert "cannot be written" in str(outbox.card_fault)
                card.unlink()
                events = await outbox.commit()
            assert outbox.card_fault is None
            assert any("made again" in event for event in events)
            assert (card / CARD_NAME).exists()
        for file in hot.iterdir():
            file.unlink()
        async with open_outbox(card, hot, SimulatedClock()) as again:
            await again.subscribe({"one": frozenset({A})})
            assert await drained(again) == sent
            assert not again.accounts["one"].dropped

    run_simulated(main())


@pytest.mark.parametrize("has_memory", [True, False])
def test_a_card_that_breaks_while_it_is_open_is_set_aside(tmp_path: Path, has_memory: bool) -> None:
    """What can be read of it goes on, what is in memory too, the rest is counted; new rows flow."""

    async def main() -> None:
        card, hot = tmp_path / "card", tmp_path / "hot" if has_memory else None
        (tmp_path / "hot").mkdir()
        async with open_outbox(card, hot, SimulatedClock()) as outbox:
            await outbox.subscribe({"one": frozenset({A})})
            sent: list[Reading] = []
            for at in range(40):
                sent += (more := readings(at * 20))
                await outbox.append(more)
                await outbox.commit()
            outbox._store._tables.db.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")
            raw = bytearray((card / CARD_NAME).read_bytes())
            middle = len(raw) // 2
            raw[middle : middle + 20_000] = NOISE.randbytes(20_000)
            with (card / CARD_NAME).open("r+b") as file:
                file.write(raw)
            sent += (more := readings(800))
            await outbox.append(more)
            outbox._store._tables.db.execute("PRAGMA main.cache_size=0")
            outbox._store._tables.db.execute("PRAGMA main.shrink_memory")
            got = await drained(outbox)
            await outbox.append(more)
            assert await drained(outbox) == more
            dropped = outbox.accounts["one"].dropped
            assert set(dropped) == {"corrupt"}
            assert len(got) + dropped["corrupt"] == len(sent)
            assert len(got) > 400
            assert got[-20:] == sent[-20:]
            assert [reading for reading in sent if reading in got] == got

    run_simulated(main())
