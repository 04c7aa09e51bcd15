"""A disk that lost its power, put into this machine: what its log says when it is opened again.

The kernel mounts it (ext4 with Debian's default options) and replays its journal; then today's
code opens the log, with nothing in memory, and sends all that waits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.model import Batch, ChannelId, Quality, Reading
from gatewayd.outbox import Bounds, Outbox, open_outbox
from tests.board.cache import run

MEMORY = Path("/dev/shm")  # Each folder in it is made under a name of its own.

LABEL = "state"
DISK_BYTES = 32 * 2**20
BATCH_MAX = 1000
NEVER_S = 1e10

FRESH = ChannelId("after/cut")
"""Whose reading comes into the log when it is open again."""


def new_disk(path: Path) -> bytes:
    """Make an empty file system and return the disk's content.

    Blocks of 4 KiB, as on any card; mke2fs would give so small a one smaller blocks, and have the
    kernel write empty tables for the first seconds.
    """
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    now = "lazy_itable_init=0,lazy_journal_init=0"
    run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-E", now, "-L", LABEL, path])
    return path.read_bytes()


@contextmanager
def mounted(image: bytes | bytearray) -> Iterator[Path]:
    """Mount a disk's content; raises CannotRun if the kernel will not have it."""
    with tempfile.TemporaryDirectory(prefix="gatewayd-cut-", dir=MEMORY) as place:
        disk, point = Path(place, "disk"), Path(place, "mnt")
        disk.write_bytes(image)
        point.mkdir()
        run(["mount", "-t", "ext4", "-o", "loop", disk, point])
        try:
            yield point
        finally:
            run(["umount", "--lazy", point])  # What could not be opened may hold it still.


@dataclass(slots=True)
class Waiting:
    """What one uplink was owed.

    Attributes:
        batch: everything, in order.
        repeated: how many of these were counted as perhaps sent before.
        wrong: how its line of the ledger did not balance; empty = it did, before and after.
        dropped: what the ledger says was lost.
    """

    batch: Batch
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Reopened:
    """The log after a cut.

    Attributes:
        events: what had to be done to the files.
        fresh: the number of the first reading that came after it.
    """

    waiting: dict[str, Waiting]
    events: list[str]
    fresh: int


async def reopen(folder: Path, wanted: Mapping[str, frozenset[ChannelId]]) -> Reopened:
    """Open the log in a folder, look at it, send everything and take a new reading.

    Raises:
        OutboxError: it does not open.
    """
    with tempfile.TemporaryDirectory(prefix="gatewayd-hot-", dir=MEMORY) as hot:
        bounds = Bounds(age_max_s=NEVER_S)
        async with open_outbox(folder, Path(hot), SystemClock(), bounds) as outbox:
            await outbox.subscribe(wanted)
            events = await outbox.commit()
            waiting = {uplink: await _drain(outbox, uplink) for uplink in wanted}
            events += await outbox.commit()
            for uplink, each in waiting.items():
                each.wrong += await _wrong(outbox, uplink)
            await outbox.append([Reading(FRESH, SystemClock().now_ms(), 1.0, Quality.GOOD)])
            return Reopened(waiting, events, outbox.head)


async def _drain(outbox: Outbox, uplink: str) -> Waiting:
    wrong, before = await _wrong(outbox, uplink), outbox.accounts[uplink].repeated
    seqs: list[int] = []
    readings: list[Reading] = []
    after = through = outbox.accounts[uplink].cursor
    while batch := await outbox.next_batch(uplink, through, BATCH_MAX):
        await outbox.offer(batch)
        seqs += batch.seqs
        readings += batch.readings
        through = batch.through
        await outbox.ack(uplink, through, len(batch))
    account = outbox.accounts[uplink]
    if account.pending:
        wrong.append(f"{account.pending} pending of {len(seqs)} after {after}, and all were sent")
    batch = Batch(uplink, seqs, readings, through)
    return Waiting(batch, account.repeated - before, wrong, dict(account.dropped))


async def _wrong(outbox: Outbox, uplink: str) -> list[str]:
    line = (await outbox.balance())[uplink]
    is_right = line.is_balanced and line.pending == line.held >= 0
    return [*([] if is_right else [f"{uplink}: {line}"]), *await outbox.audit()]
