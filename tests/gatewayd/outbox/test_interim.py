"""A card that cannot even be opened: the log lives in memory, and moves when the card is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Outbox, new_outbox, open_outbox
from gatewayd.outbox.interim import interim_dir
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

A, B = ChannelId("boiler/a"), ChannelId("boiler/b")
WANTED = {"one": frozenset({A, B}), "two": frozenset({B})}


def readings(start: int, count: int = 10) -> list[Reading]:
    return [Reading((A, B)[n % 2], START_MS + n, float(n)) for n in range(start, start + count)]


async def opened(card: Path, hot: Path) -> Outbox:
    outbox = new_outbox(card, hot, SimulatedClock())
    await outbox.open()
    await outbox.subscribe(WANTED)
    return outbox


async def values(outbox: Outbox, uplink: str, limit: int = 100) -> list[object]:
    batch = await outbox.next_batch(uplink, outbox.accounts[uplink].cursor, limit)
    assert batch is not None
    await outbox.offer(batch)
    await outbox.ack(uplink, batch.through, len(batch))
    return [reading.value for reading in batch.readings]


async def drained(outbox: Outbox, uplink: str) -> list[object]:
    got: list[object] = []
    while outbox.accounts[uplink].pending:
        got += await values(outbox, uplink)
    return got


async def assert_balanced(outbox: Outbox) -> None:
    for uplink, line in (await outbox.balance()).items():
        assert line.is_balanced, (uplink, line)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for the card, with a file in its place, and one for the memory."""
    card, hot = tmp_path / "card", tmp_path / "hot"
    hot.mkdir()
    card.write_text("whoever is root could write anywhere else")
    return card, hot


@pytest.mark.parametrize("has_past", [True, False])
@pytest.mark.parametrize("ending", ["", "closed", "killed"])
def test_it_goes_on_in_memory_until_the_card_is_there(
    places: tuple[Path, Path], has_past: bool, ending: str
) -> None:
    """Readings flow and are counted, over an end of the process too; then everything that is owed
    is in the real log, behind what waited there, and the sums are right."""
    card, hot = places

    async def main() -> None:
        at = 0
        if has_past:
            card.rename(card.with_name("away"))
            outbox = await opened(card, hot)
            await outbox.append(readings(0))
            at = 10
            await outbox.close()
            card.rename(card.with_name("real"))
            card.with_name("away").rename(card)
        outbox = await opened(card, hot)
        await outbox.append(readings(at))
        await outbox.lose("bus", 3)
        await outbox.commit()
        assert "cannot be opened" in str(outbox.card_fault)
        assert await values(outbox, "one", 4) == [float(n) for n in range(at, at + 4)]
        await assert_balanced(outbox)
        if ending:
            await outbox.commit()
            await (outbox.close() if ending == "closed" else _killed(outbox))
            outbox = await opened(card, hot)
        await outbox.append(readings(at + 10))
        card.unlink()
        if has_past:
            card.with_name("real").rename(card)
        events = await outbox.commit()
        assert any("can be used" in event for event in events)
        assert outbox.card_fault is None
        assert not interim_dir(hot).exists()
        await assert_balanced(outbox)
        assert outbox.accounts["one"].accepted == at + 20
        assert outbox.accounts["one"].delivered == 4
        await outbox.append(readings(at + 20))
        past = [float(n) for n in range(at)]
        assert await drained(outbox, "one") == [*past, *map(float, range(at + 4, at + 30))]
        assert await drained(outbox, "two") == [float(n) for n in range(at + 30) if n % 2]
        assert outbox.losses["bus"] == 3
        await assert_balanced(outbox)
        await outbox.close()

    run_simulated(main())


async def _killed(outbox: Outbox) -> None:
    outbox._store.abandon()


def test_a_move_that_died_half_way_repeats_nothing(places: tuple[Path, Path]) -> None:
    """What was moved is marked with it; the rest follows at the next start."""
    card, hot = places

    async def main() -> None:
        outbox = await opened(card, hot)
        for at in range(3):
            await outbox.append(readings(at * 10))
        kept = {file.name: file.read_bytes() for file in interim_dir(hot).iterdir()}
        card.unlink()
        await outbox.commit()
        outbox._store.abandon()
        interim_dir(hot).mkdir()
        for name, data in kept.items():
            (interim_dir(hot) / name).write_bytes(data)
        async with open_outbox(card, hot, SimulatedClock()) as again:
            await again.subscribe(WANTED)
            await again.commit()
            await assert_balanced(again)
            assert again.accounts["one"].accepted == 30
            assert await drained(again, "one") == [float(n) for n in range(30)]

    run_simulated(main())
