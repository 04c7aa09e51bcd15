"""A log of 512 MiB: what each of its acts takes, and what the event loop feels of it.

`python -m tests.bench.full_store` fills a log as an outage of days does (a slab of 100 readings a
second that no cloud takes), opens it, and lets it live at its bound for a minute: readings come,
commits thin what is there. Printed are, for each act, how often it was done and its p50, p99 and
maximum, by the wall and in processor time of the log's thread, with how late the event loop was.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from gatewayd.clock import SystemClock
from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Bounds, open_outbox
from gatewayd.outbox.room import THIN_FROM
from gatewayd.outbox.slab import make_slab
from gatewayd.outbox.store import Store
from tests.bench.folders import disk_folder, tmpfs_folder
from tests.bench.progress import step
from tests.bench.samples import percentile
from tests.bench.thingsboard import CACHE

MIB = 2**20
CHANNELS = [ChannelId(f"bench/c{i:03}") for i in range(100)]
WANTED = {"all": frozenset(CHANNELS), "half": frozenset(CHANNELS[:50])}
"""One cloud takes everything, one a part: their rows are counted in different ways."""

ACTS = ("commit", "append", "batch", "offer", "settle", "audit", "balance", "subscribe")
TICK_S = 0.005
CHUNK = 500
"""Slabs filled in one transaction."""

VARIETY = 997
"""Different slabs that the log is filled with."""


@dataclass(slots=True)
class Times:
    """How long each act took: by the wall, and of the processor."""

    wall_s: dict[str, list[float]] = field(default_factory=dict)
    cpu_s: dict[str, list[float]] = field(default_factory=dict)

    def add(self, act: str, wall_s: float, cpu_s: float) -> None:
        self.wall_s.setdefault(act, []).append(wall_s)
        self.cpu_s.setdefault(act, []).append(cpu_s)

    def clear(self) -> None:
        """Begin anew."""
        self.wall_s.clear()
        self.cpu_s.clear()

    def watch(self, act: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method, timed in whatever thread runs it."""

        @wraps(method)
        def timed(*args: Any, **options: Any) -> Any:
            wall_s, cpu_s = time.perf_counter(), time.thread_time()
            try:
                return method(*args, **options)
            finally:
                self.add(act, time.perf_counter() - wall_s, time.thread_time() - cpu_s)

        return timed

    def table(self, title: str) -> str:
        """Return a line for each act, in milliseconds."""
        lines = [f"{title:34}{'n':>8}{'p50':>10}{'p99':>10}{'max':>10}{'max cpu':>10}  ms"]
        for act, walls in self.wall_s.items():
            numbers = (statistics.median(walls), percentile(walls, 0.99), max(walls))
            cells = "".join(f"{1000 * number:>10.1f}" for number in numbers)
            lines.append(f"  {act:32}{len(walls):>8}{cells}{1000 * max(self.cpu_s[act]):>10.1f}")
        return "\n".join(lines)


def fill(state_dir: Path, size: int) -> int:
    """Fill a log on the card with slabs of a second each until it has long had to be thinned;
    returns the readings."""
    store = Store(state_dir, None, Bounds(size_max=2 * size))
    store.subscribe(WANTED, frozenset())
    tables, books, rows = store.rows.tables, store.books, store.rows
    tables.db.execute("PRAGMA main.synchronous=OFF")
    first, count = store.head + 1, 0
    base_ms = int(time.time() * 1000) - 7 * 86_400_000
    kinds = [make_slab(1, _round(i, base_ms), rows.numbers) for i in range(VARIETY)]
    while tables.used("main") < size * (THIN_FROM + 1) / 2:
        with tables.transaction():
            for _ in range(CHUNK):
                slab = kinds[count // 100 % VARIETY]
                slab.first, slab.last = first, first + len(slab.numbers) - 1
                slab.base_ms = base_ms + count * 10
                tables.insert("main", slab)
                first, count = slab.last + 1, count + len(slab.numbers)
    for uplink, account in books.accounts.items():
        account.accepted += count if uplink == "all" else count // 2
    with tables.transaction():
        tables.save_names("main", rows.names, 0)
        books.save("main", books.accounts, books.generation + 1)
        tables.set_meta("main", "counted", first - 1)
    store.abandon()
    return count


def _round(number: int, now_ms: int) -> list[Reading]:
    """Return a reading of every channel, as the load of the other figures has them; a few stand."""
    return [
        Reading(channel, now_ms + i, 20.0 + ((number + i) % 1000 / 100 if i % 10 else 0))
        for i, channel in enumerate(CHANNELS)
    ]


async def live(state_dir: Path, hot: Path, size: int, seconds: float) -> None:
    """Open it, and let readings come for a while; print what each act took."""
    times = Times()
    for act in ACTS:
        setattr(Store, act, times.watch(act, getattr(Store, act)))
    began_s, cpu_s = time.perf_counter(), time.process_time()
    async with open_outbox(state_dir, hot, SystemClock(), Bounds(size_max=size)) as outbox:
        times.add("open", time.perf_counter() - began_s, time.process_time() - cpu_s)
        await outbox.subscribe(WANTED)
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + seconds
        await _take(outbox, times, lambda: loop.time() < ends_s)
        print(times.table(f"{seconds:.0f} s at the bound, 5 commits/s"))
        print({name: (a.pending, a.dropped) for name, a in outbox.accounts.items()}, flush=True)
        times.clear()
        await outbox.audit()
        asked_s = loop.time()
        counting = asyncio.create_task(outbox.balance())
        await _take(outbox, times, lambda: not counting.done())
        print(times.table(f"{loop.time() - asked_s:.0f} s while the ledger is counted"))
        print(await counting, flush=True)
        times.clear()
        await _deliver(outbox, seconds / 4)
        print(times.table("drained for a while"), flush=True)
        times.clear()
        await outbox.subscribe({"all": WANTED["all"]})
        await outbox.ack("all", outbox.head, outbox.accounts["all"].pending)
        for _ in range(100):
            await outbox.append(_round(1, int(time.time() * 1000)))
            await outbox.commit()
        print(times.table("nobody is owed anything any more"), flush=True)
        times.clear()
        began_s, cpu_s = time.perf_counter(), time.process_time()
    times.add("close", time.perf_counter() - began_s, time.process_time() - cpu_s)
    print(times.table("and"))


async def _take(outbox: Any, times: Times, goes_on: Callable[[], bool]) -> None:
    """Let readings come, 50 times 10 a second, with commits beside."""
    async with asyncio.TaskGroup() as tasks:
        ticker = tasks.create_task(_tick(times))
        number = 0
        while goes_on():
            for part in range(10):
                now_ms = int(time.time() * 1000)
                await outbox.append(_round(number, now_ms)[part * 10 : part * 10 + 10])
                await asyncio.sleep(0.02)
            number += 1
            await outbox.commit()
        ticker.cancel()


async def _deliver(outbox: Any, seconds: float) -> None:
    """Drain both uplinks, with commits beside."""
    loop = asyncio.get_running_loop()
    ends_s, commit_s = loop.time() + seconds, 0.0
    while loop.time() < ends_s:
        for uplink in WANTED:
            batch = await outbox.next_batch(uplink, outbox.accounts[uplink].cursor, 5000)
            await outbox.offer(batch)
            await outbox.ack(uplink, batch.through, len(batch))
        if loop.time() > commit_s:
            await outbox.commit()
            commit_s = loop.time() + 0.5


async def _tick(times: Times) -> None:
    """Feel how late the event loop is."""
    while True:
        due_s = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        times.add("lateness of the event loop", time.perf_counter() - due_s, 0.0)


def main() -> int:
    """Fill and live."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.full_store", description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    random.seed(7)
    with disk_folder(CACHE) as folder, tmpfs_folder() as memory:
        size = args.mib * MIB
        with step(f"filling {args.mib} MiB"):
            count = fill(folder / "state", size)
        card = folder / "state" / "outbox.db"
        with sqlite3.connect(card) as db:
            slabs = db.execute("SELECT count(*) FROM slab").fetchone()[0]
        print(f"{count:,} readings in {slabs:,} slabs, {card.stat().st_size / MIB:.0f} MiB")
        with step("living"):
            asyncio.run(live(folder / "state", memory, size, args.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
