"""What a disk was told, in order, and what may stand on it when the power goes.

Strategy: QEMU's filter `blklogwrites` writes every request to a disk into a log (the format of the
kernel's dm-log-writes, Documentation/admin-guide/device-mapper/log-writes.rst). A disk may keep
what it was told in its own memory until it is told to flush, and write it in any order: so after a
cut, what was flushed stands, and of every sector written since, the old content or a newer one.
`Disk` goes through the log and makes such images, as many different ones as it is asked for.

The log is little-endian, in sectors: a head (magic, version, entries: 8 bytes each; size of a
sector: 4), then for each entry a sector with its own head (sector, sectors, flags, 0: 8 bytes
each) and its data.
"""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
"""What a disk writes whole: half a sector never stands there, half a block does."""

MAGIC = 0x6A736677736872
HEAD = struct.Struct("<QQQI")
ENTRY = struct.Struct("<QQQQ")
COUNT = struct.Struct("<Q")
COUNT_AT = 16

FLUSH, FUA, DISCARD = 1, 2, 4

SHARES = (0.0, 0.2, 0.5, 0.8, 1.0)
"""How much of what was not flushed has arrived."""

TORN = 0.2
"""How many of the writes that arrived did so in part, where they have more than one sector."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: bytes `at` … of the disk; the data is at `data_at` in the log."""

    at: int
    size: int
    flags: int
    data_at: int


def words(disk: Path, log: Path) -> list[str]:
    """Return QEMU's words for a disk whose requests are logged; `disk` and `log` are files."""
    told = {
        "driver": "blklogwrites",
        "node-name": "logged",
        "log-super-update-interval": 1,
        "file": {"driver": "raw", "file": _file(disk)},
        "log": _file(log),
    }
    return ["-blockdev", json.dumps(told), "-device", "virtio-blk-pci,drive=logged"]


def _file(path: Path) -> dict[str, object]:
    """Return a file as QEMU's block layer knows it; this machine itself does not lose its power."""
    return {"driver": "file", "filename": str(path), "cache": {"no-flush": True}}


def count_entries(log: Path) -> int:
    """Return how many entries a log has that is still being written. What the guest was told to
    be done has been counted."""
    with log.open("rb") as file:
        found = os.pread(file.fileno(), COUNT.size, COUNT_AT)
    return int(COUNT.unpack(found)[0]) if len(found) == COUNT.size else 0


def read_entries(log: Path) -> list[Entry]:
    """Return the entries of a log that is complete. Raises ValueError for anything else."""
    with log.open("rb") as file:
        magic, version, count, sector = HEAD.unpack(file.read(HEAD.size))
        if (magic, version) != (MAGIC, 1):
            raise ValueError(f"{log} is no log of a disk")
        entries, at = [], sector
        for _ in range(count):
            file.seek(at)
            first, sectors, flags, _ = ENTRY.unpack(file.read(ENTRY.size))
            at += sector
            entries.append(Entry(first * sector, sectors * sector, flags, at))
            if not flags & DISCARD:
                at += sectors * sector
    return entries


class Disk:
    """A disk on its way through its log.

    Attributes:
        entries: all that it was told.
        done: how many of them it has been told so far.
    """

    def __init__(self, before: bytes, log: Path, *, lag: int = 0) -> None:
        """
        Args:
            before: what stood on it before the first entry.
            lag: 0 = it is honest; else it does nothing when told to flush, and so many of the
                last entries are in its memory at any time.
        """
        self._stands = bytearray(before)
        self._memory: list[tuple[int, bytes]] = []
        self._log = log.read_bytes()
        self._lag = lag
        self.entries = read_entries(log)
        self.done = 0

    @property
    def unflushed(self) -> int:
        """How many writes are in its memory."""
        return len(self._memory)

    def go(self, done: int) -> None:
        """Take everything up to the entry of that number, the first being 1."""
        for entry in self.entries[self.done : done]:
            self._take(entry)
        self.done = max(self.done, done)

    def _take(self, entry: Entry) -> None:
        if self._lag:
            self._settle(len(self._memory) - self._lag)
        elif entry.flags & FLUSH:
            self._settle(len(self._memory))
        if not entry.size:
            return
        data = bytes(entry.size)
        if not entry.flags & DISCARD:
            data = self._log[entry.data_at : entry.data_at + entry.size]
        if entry.flags & FUA and not self._lag:
            self._stands[entry.at : entry.at + entry.size] = data
        else:
            self._memory.append((entry.at, data))

    def _settle(self, count: int) -> None:
        for at, data in self._memory[: max(0, count)]:
            self._stands[at : at + len(data)] = data
        del self._memory[: max(0, count)]

    def cut(self, chance: random.Random) -> bytearray:
        """Return what may stand on it if the power goes now."""
        image = self._stands[:]
        share = chance.choice(SHARES)
        for at, data in self._memory:
            if chance.random() < share:
                for start, stop in _arrived(len(data), chance):
                    image[at + start : at + stop] = data[start:stop]
        return image


def _arrived(size: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Yield the parts of a write that arrived: as a rule all of it, else some sectors."""
    if size <= SECTOR or chance.random() >= TORN:
        yield 0, size
        return
    for start in range(0, size, SECTOR):
        if chance.random() < 0.5:
            yield start, min(size, start + SECTOR)


def choose_cuts(
    entries: Sequence[Entry], busy: Sequence[int], count: int, chance: random.Random
) -> list[int]:
    """Return after which entries to cut: a third anywhere, a third right before and after a
    flush, a third soon after the entries in `busy`; fewer where some coincide."""
    last = len(entries)
    flushes = [number for number, entry in enumerate(entries, 1) if entry.flags & FLUSH]
    cuts = {last}
    for turn in range(count - 1):
        cut = chance.randint(1, last)
        if turn % 3 == 1 and flushes:
            cut = chance.choice(flushes) + chance.choice((-1, 0, 1))
        elif turn % 3 == 2 and busy:
            cut = chance.choice(busy) + chance.randint(0, BUSY)
        cuts.add(min(max(1, cut), last))
    return sorted(cuts)


BUSY = 120
"""Entries that opening the log and what comes with it make, about."""
