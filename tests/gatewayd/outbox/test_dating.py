"""Rows of boots that did not know the time: what waits, what leaves marked, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from gatewayd.model import Quality
from gatewayd.outbox.dating import AHEAD_MS
from gatewayd.outbox.store import Bounds
from gatewayd.testing.clock import START_MS, run_simulated
from tests.gatewayd.outbox.site import (
    DAY_MS,
    FILLER,
    HOUR_MS,
    MINUTE_MS,
    WANTED,
    A,
    B,
    Site,
    times_of,
    true_ms,
)

UNCERTAIN, GOOD = Quality.UNCERTAIN, Quality.GOOD


def gaps(times: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(times)]


def test_boots_that_never_knew_end_one_by_one_before_the_one_that_does(tmp_path: Path) -> None:
    """Two in a row wait with the third; then all leave in order, spaced as they were taken, never
    earlier than they were, those of old uncertain."""

    async def main() -> None:
        site = Site(tmp_path)
        await site.open()
        await site.take(5)
        await site.drain("one")
        taken_ms = []
        for believed_ms in (0, START_MS + DAY_MS):
            await site.log.close()
            await asyncio.sleep(300)
            site.wake(believed_ms)
            await site.open()
            await site.take(5)
            taken_ms.append(true_ms())
            await site.commit()
            assert await site.drain("one") == []
        await site.log.close()
        await asyncio.sleep(300)
        site.wake()
        begun_ms = true_ms()
        await site.open()
        await site.take(5)
        assert await site.drain("one") == []
        await site.tell()
        await site.tell()
        news = await site.drain("one")
        await site.drain("two")
        times, [first, second] = times_of(news), taken_ms
        gap = [10_000] * 4
        assert gaps(times[:5]) == gap
        assert gaps(times[5:10]) == gap
        assert times[9] == begun_ms - 1
        assert times[4] == begun_ms - 1 - 50_000 - 1
        assert first <= times[4] and second <= times[9]
        assert times[10:] == [begun_ms + 10_000 * n for n in range(1, 6)]
        assert {r.quality for r in news[:20]} == {UNCERTAIN}
        assert {r.quality for r in news[20:]} == {GOOD}
        site.assert_in_order(20)
        assert sum("re-dated" in event for event in site.events) == 1
        await site.log.close()

    run_simulated(main())


def test_after_a_power_cut_on_a_healthy_day_nothing_lies_between(tmp_path: Path) -> None:
    """The card knows of no row for most of an hour: all were delivered from memory. A boot that
    never knows the time comes after them all the same."""

    async def main() -> None:
        site = Site(tmp_path)
        await site.open()
        for _ in range(55):
            await site.take(6)
            await site.drain("one")
            await site.drain("two")
            await site.commit()
        site.cut()
        await asyncio.sleep(20)
        site.wake()
        await site.open()
        assert site.log.newest_ms < true_ms() - 50 * MINUTE_MS, "or the card was written all along"
        await site.take(10)
        await site.log.close()
        site.wake()
        await site.open()
        await site.take(5)
        await site.tell()
        await site.take(5)
        for uplink in WANTED:
            await site.drain(uplink)
        site.assert_in_order(350)
        assert [r.quality for r in site.got["one"][-20:]] == [GOOD] * 20
        await site.log.close()

    run_simulated(main())


def test_boots_behind_one_whose_clock_ran_ahead_follow_it(tmp_path: Path) -> None:
    """Then there is no room for them where they belong: a millisecond each, and uncertain."""

    async def main() -> None:
        site = Site(tmp_path)
        await site.open()
        site.clock.jump(HOUR_MS)
        await site.take(5)
        ahead_ms = site.clock.now_ms()
        await site.log.close()
        site.wake()
        await site.open()
        await site.take(5)
        await site.log.close()
        site.wake()
        await site.open()
        await site.take(5)
        await site.tell()
        for uplink in WANTED:
            await site.drain(uplink)
        site.assert_in_order(15)
        assert times_of(site.got["one"])[5:] == list(range(ahead_ms + 1, ahead_ms + 11))
        assert {r.quality for r in site.got["one"][10:]} == {UNCERTAIN}
        await site.log.close()

    run_simulated(main())


@pytest.mark.parametrize("believed_ms", [0, START_MS - HOUR_MS, START_MS + HOUR_MS])
def test_what_leaves_marked_is_in_order(tmp_path: Path, believed_ms: int) -> None:
    """Whatever the clock believes, is set to meanwhile and turns out to be; one cloud takes all at
    once, the other half of it and the rest when the time is known."""

    async def main() -> None:
        site = Site(tmp_path, waits=False)
        await site.open()
        await site.take(5)
        await site.drain("one")
        await site.drain("two")
        await site.log.close()
        site.wake(believed_ms)
        await site.open()
        await site.take(5)
        await site.drain("two")
        site.clock.jump(-DAY_MS)
        await site.take(5)
        site.clock.jump(2 * MINUTE_MS)
        await site.take(5)
        marked = await site.drain("one")
        assert {r.quality for r in marked} == {UNCERTAIN}
        assert gaps(times_of(marked)[:5]) == [10_000] * 4
        await site.tell()
        await site.take(5)
        for uplink in WANTED:
            await site.drain(uplink)
        site.assert_in_order(25)
        if believed_ms < START_MS:
            later = site.got["two"][20:]
            assert times_of(later)[-1] == true_ms()
            assert {r.quality for r in later[-10:]} == {GOOD}
        await site.log.close()

    run_simulated(main())


def test_marked_boots_without_end_stay_in_order(tmp_path: Path) -> None:
    """No time server is ever reached, the power is cut again and again, once with all of it
    delivered; and a restart of the process in between."""

    async def main() -> None:
        site = Site(tmp_path, waits=False)
        site.clock.synchronised = False
        await site.open()
        for boot in range(6):
            await site.take(13)
            await site.drain("one")
            if boot % 2:
                await site.drain("two")
            await site.commit()
            if boot % 3 == 1:
                await site.log.close()
                await site.open()
                continue
            site.cut()
            site.wake(0 if boot % 2 else true_ms() - MINUTE_MS)
            await site.open()
        await site.take(10)
        # What a cut costs at the most is said again to who had it; never behind what it had.
        for uplink in WANTED:
            await site.drain(uplink)
            for channel in (A, B):
                seen = list(dict.fromkeys(r for r in site.got[uplink] if r.channel == channel))
                assert [r.value for r in seen] == list(range(1, 89))
                times = [r.time_ms for r in seen]
                assert times == sorted(set(times))
        assert true_ms() - DAY_MS < times[-1] < true_ms() + 7 * AHEAD_MS
        await site.log.close()

    run_simulated(main())


def test_rows_that_waited_leave_marked_once_the_owner_says_so(tmp_path: Path) -> None:
    """`wait` was configured where no time server is ever reached, and is changed to `mark`; and
    back again."""

    async def main() -> None:
        site = Site(tmp_path)
        await site.open()
        await site.take(5)
        for waits, leaving in ((True, 10), (False, 20), (True, 0)):
            await site.log.close()
            site.wake()
            site.waits = waits
            await site.open()
            await site.take(5)
            await site.commit()
            assert len(await site.drain("one")) == leaving
        await site.tell()
        for uplink in WANTED:
            await site.drain(uplink)
        site.assert_in_order(20)
        await site.log.close()

    run_simulated(main())


@pytest.mark.parametrize("ahead_ms", [0, 2 * HOUR_MS])
@pytest.mark.parametrize("dies", [False, True])
def test_a_card_that_is_full_when_the_time_comes_keeps_nothing_waiting(
    small: Callable[[Path, int], None], tmp_path: Path, ahead_ms: int, dies: bool
) -> None:
    """What it holds leaves with its true time; it is written with the first commit that can, once,
    also by another process; also where an earlier clock ran ahead."""

    async def main() -> None:
        site = Site(tmp_path)
        small(site.card, 2)
        await site.open()
        site.clock.jump(ahead_ms)
        await site.take(1)
        await site.log.close()
        site.wake()
        begun_ms = true_ms()
        await site.open()
        await site.crowd()
        await site.tell()
        assert "full" in str(site.log.card_fault)
        assert site.log.is_dated
        await site.take(5)
        await site.commit()
        one = await site.drain("one")
        if dies:
            site.log._store.abandon()
            await asyncio.sleep(5)
            await site.open()
            await site.take(5)
        for _ in range(3):
            await site.commit()
        (site.card / FILLER).unlink()
        for _ in range(3):
            await site.commit()
        assert not site.log.card_fault
        two = await site.drain("two")
        assert two[: len(one)] == one
        times = times_of(two)
        assert times == sorted(set(times))
        if not ahead_ms:
            numbered = [r for r in two if isinstance(r.value, int) and r.channel == A]
            assert [r.time_ms for r in numbered[1:301]] == [
                begun_ms + 10_000 * n for n in range(1, 301)
            ]
            assert {r.quality for r in two} == {GOOD}
        assert sum("re-dated" in event for event in site.events) == 1
        assert sum("knows the time" in event for event in site.events) == 1
        assert not await site.log.audit()
        site.cut()
        await site.open()
        assert [r for r in await site.drain("two") if r not in two] == []
        await site.log.close()

    run_simulated(main())


def test_a_full_card_that_is_thinned_before_it_knows_the_time_stays_dated(
    small: Callable[[Path, int], None], tmp_path: Path
) -> None:
    """What is written anew meanwhile for having become less is written with its time."""

    async def main() -> None:
        site = Site(tmp_path)
        small(site.card, 2)
        site.clock.synchronised = False
        await site.open()
        site.wake()
        await site.log.close()
        begun_ms = true_ms()
        await site.open()
        await site.crowd()
        await site.tell()
        store = site.log._store
        assert "full" in str(site.log.card_fault)
        assert len(store._tables.moved) > 30
        (site.card / FILLER).unlink()
        store.bounds = Bounds(size_max=150_000)
        for _ in range(5):
            await site.take(5)
            await site.commit()
        assert not site.log.card_fault
        assert not store._tables.moved
        assert store._tables.waiting_boots() == {}
        assert any(reason.startswith("full") for reason in site.log.accounts["one"].dropped)
        assert not await site.log.audit()
        for uplink in WANTED:
            got = await site.drain(uplink)
            numbered = [r for r in got if isinstance(r.value, int) and r.channel == A]
            assert len(numbered) > 25
            assert all(r.time_ms == begun_ms + 10_000 * int(str(r.value)) for r in numbered)
        await site.log.close()

    run_simulated(main())
