"""When a log is told the time, and what if it cannot take it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from gatewayd.model import Quality, Reading
from gatewayd.testing.clock import run_simulated
from tests.gatewayd.outbox.site import FILLER, A, Site, fill, times_of, true_ms


def test_memory_that_is_full_when_the_time_comes_dates_with_a_later_commit(
    small: Callable[[Path, int], None], tmp_path: Path
) -> None:
    """It waits, except for what the card could be told the time of; nothing leaves from 1970. With
    room again all of it is dated, once, and what was taken meanwhile too."""

    async def main() -> None:
        site = Site(tmp_path)
        small(site.hot, 16)
        await site.open()
        site.wake()
        await site.log.close()
        begun_ms = true_ms()
        await site.open()
        for _ in range(30):
            await site.take(5)
            await site.append([Reading(A, site.clock.now_ms() + 1, os.urandom(1000).hex())])
        fill(site.hot)
        for _ in range(3):
            await site.tell()
        waits = not site.log.is_dated
        assert waits
        early = await site.log.next_batch("one", site.log.accounts["one"].cursor, 500)
        assert all(begun_ms < r.time_ms <= true_ms() + 1 for r in (early.readings if early else ()))
        assert sum("wait to be dated" in event for event in site.events) == 1
        (site.hot / FILLER).unlink()
        await site.take(5)
        for _ in range(3):
            await site.commit()
        assert site.log.is_dated
        await site.take(5)
        for uplink in ("one", "two"):
            got = await site.drain(uplink)
            numbered = [r for r in got if isinstance(r.value, int) and r.channel == A]
            assert times_of(numbered) == [begun_ms + 10_000 * n for n in range(1, 161)]
            assert {r.quality for r in got} == {Quality.GOOD}
        assert sum("re-dated" in event for event in site.events) == 1
        assert not await site.log.audit()
        await site.log.close()

    run_simulated(main())


def test_a_clock_that_is_doubted_later_changes_nothing(tmp_path: Path) -> None:
    """Once it was right in this boot it stays believed, also where the files are opened again."""

    async def main() -> None:
        site = Site(tmp_path)
        await site.open()
        site.wake()
        await site.log.close()
        await site.open()
        await site.take(5)
        await site.tell()
        site.clock.synchronised = False
        await site.take(5)
        (site.card / "outbox.db").unlink()
        await site.commit()
        await site.take(5)
        await asyncio.sleep(1)
        assert site.log.is_dated
        for uplink in ("one", "two"):
            await site.drain(uplink)
        site.assert_in_order(15)
        assert {r.quality for r in site.got["one"]} == {Quality.GOOD}
        await site.log.close()

    run_simulated(main())
