"""A card that cannot even be opened: the log lives in memory, and moves when the card is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Outbox, new_outbox, open_outbox
from gatewayd.outbox.interim import interim_dir
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from tests.gatewayd.outbox.site import HOUR_MS, Site, times_of, true_ms
from tests.gatewayd.outbox.site import WANTED as BOTH

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


def take_away(site: Site) -> None:
    """Have the card not opened: whoever is root could write to any folder."""
    site.card.rename(site.card.with_name("away"))
    site.card.write_text("no folder")


async def live_without_card(site: Site, *, is_told: bool) -> None:
    """Bring all to the card, lose the power, and take readings in a boot that finds no card."""
    await site.commit()
    site.cut()
    take_away(site)
    site.clock.reboot()
    site.clock.jump(-HOUR_MS if is_told else -START_MS)
    site.clock.synchronised = is_told
    await site.open()
    await site.take(5)


def give_back(site: Site) -> None:
    site.card.unlink()
    site.card.with_name("away").rename(site.card)


async def site_at(folder: Path) -> Site:
    """Return a site whose clock ran an hour ahead, and was put right while nobody lived."""
    site = Site(folder)
    await site.open()
    site.clock.jump(HOUR_MS)
    await site.take(5)
    return site


@pytest.mark.parametrize("is_told", [True, False])
def test_what_memory_alone_holds_follows_what_left_before(tmp_path: Path, is_told: bool) -> None:
    """The process was killed, the clock set back, and the card cannot be opened: memory still
    knows what was newest. Over another kill and another step; then the card is there again."""

    async def main() -> None:
        site = await site_at(tmp_path)
        await site.drain("one")
        site.log._store.abandon()
        take_away(site)
        site.clock.jump(-HOUR_MS)
        site.clock.synchronised = is_told
        await site.open()
        await site.take(5)
        await site.drain("one")
        site.log._store.abandon()
        site.clock.jump(-HOUR_MS)
        await site.open()
        assert site.log.card_fault
        await site.take(5)
        await site.drain("one")
        give_back(site)
        site.clock.jump(HOUR_MS)
        site.clock.synchronised = True
        await site.commit()
        assert not site.log.card_fault
        await site.take(5)
        for uplink in BOTH:
            await site.drain(uplink)
        site.assert_in_order(20)
        await site.log.close()

    run_simulated(main())


@pytest.mark.parametrize("is_told", [True, False])
def test_what_the_card_holds_leaves_before_what_memory_holds(tmp_path: Path, is_told: bool) -> None:
    """The card was away while readings were taken, and is there at the next start. Its clock ran
    ahead, of which memory knows nothing after a power cut: what came later is put behind."""

    async def main() -> None:
        site = await site_at(tmp_path)
        await live_without_card(site, is_told=is_told)
        site.log._store.abandon()
        give_back(site)
        if not is_told:
            site.clock.jump(true_ms() - site.clock.now_ms())
            site.clock.synchronised = True
        await site.open()
        await site.take(5)
        await site.commit()
        for uplink in BOTH:
            await site.drain(uplink)
        site.assert_in_order(15)
        times = times_of(site.got["one"])
        assert times[5:] == list(range(times[4] + 1, times[4] + 11))
        await site.log.close()

    run_simulated(main())


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("is_told", [True, False])
def test_what_comes_follows_a_card_that_is_ahead_when_it_comes_back(
    tmp_path: Path, is_told: bool, waits: bool
) -> None:
    """The process lives on: readings that waited in memory are put behind what the card held, and
    so are those that it takes from then on."""

    async def main() -> None:
        site = await site_at(tmp_path)
        site.waits = waits
        await live_without_card(site, is_told=is_told)
        give_back(site)
        await site.commit()
        assert not site.log.card_fault
        await site.take(5)
        if waits or is_told:
            await site.drain("one", 7)
        else:
            assert len(await site.drain("one")) == 30
        if not is_told:
            await site.tell()
        await site.take(5)
        for uplink in BOTH:
            await site.drain(uplink)
        site.assert_in_order(20)
        await site.log.close()

    run_simulated(main())


def test_a_card_that_comes_back_tells_late_what_it_held_at_its_true_time(tmp_path: Path) -> None:
    """What clouds were told meanwhile cannot be taken back; nothing is lost, and no time is made
    up to look like order."""

    async def main() -> None:
        site = Site(tmp_path)
        await site.open()
        await site.take(5)
        await site.commit()
        site.cut()
        take_away(site)
        site.clock.reboot()
        await site.open()
        await site.take(5)
        live = await site.drain("one")
        assert [reading.value for reading in live[::2]] == [6, 7, 8, 9, 10]
        give_back(site)
        await site.commit()
        await site.take(5)
        late = await site.drain("one")
        assert [r.value for r in late[::2]] == [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]
        assert times_of([*late, *live]) == [
            START_MS + 10_000 * n for n in (1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 6, 7, 8, 9, 10)
        ]
        await site.drain("two")
        assert [r.value for r in site.got["two"][::2]] == list(range(1, 16))
        await assert_balanced(site.log)
        await site.log.close()

    run_simulated(main())
