"""What a commit of the outbox costs the card, by how many readings it carries.

`python -m tests.bench.card_cost` prints, for commits of 1 to 1,000 readings that no cloud takes,
the bytes a commit as this process counts them and as the block device does (an ext4 of its own,
journal included). `gatewayd/card.py` takes its figures from here. Needs root for the mount.
"""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.model import ChannelId, Reading
from gatewayd.outbox import Outbox, open_outbox
from tests.bench.folders import Card, card, tmpfs_folder
from tests.bench.thingsboard import CACHE

WIDTHS = (1, 10, 100, 1000)
COMMITS = 200
REST_S = 0.02
"""Between two commits, so that the file system's own timer writes its journal as it does."""

CHANNELS = [ChannelId(f"bench/c{i:03}") for i in range(100)]


def _written() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1])
    raise LookupError("no write_bytes")


async def measure(disk: Card, width: int) -> tuple[float, float]:
    """Return the bytes a commit, by the process and by the device."""
    clock = SystemClock()
    with tmpfs_folder() as memory:
        async with open_outbox(disk.folder / f"of-{width}", memory, clock) as outbox:
            await outbox.subscribe({"away": frozenset(CHANNELS)})
            await _commit(outbox, clock, width, 0)
            process, device = _written(), disk.written()
            for number in range(COMMITS):
                await _commit(outbox, clock, width, number)
                await asyncio.sleep(REST_S)
            after = disk.written()
            own = (_written() - process) / COMMITS
    if device is None or after is None:
        return own, math.nan
    return own, (after - device) / COMMITS


async def _commit(outbox: Outbox, clock: SystemClock, width: int, number: int) -> None:
    now_ms = clock.now_ms()
    await outbox.append(
        [
            Reading(CHANNELS[i % 100], now_ms + i // 100, 20.0 + (number * 7 + i * 13) % 1000 / 100)
            for i in range(width)
        ]
    )
    await outbox.commit()


def main() -> None:
    """Print the table."""
    print(f"{'readings':>10}{'process B':>12}{'device B':>12}{'device B a reading':>22}")
    with card(CACHE) as disk:
        for width in WIDTHS:
            own, device = asyncio.run(measure(disk, width))
            print(f"{width:>10}{own:>12.0f}{device:>12.0f}{device / width:>22.1f}")


if __name__ == "__main__":
    main()
