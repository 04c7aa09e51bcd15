"""What a disk may leave behind: what it flushed always, what it did not in every mixture."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.board.disklog import (
    DISCARD,
    FLUSH,
    FUA,
    MAGIC,
    SECTOR,
    Disk,
    choose_cuts,
    count_entries,
    read_entries,
)

DISK = bytes(16 * SECTOR)
MANY = 200

Told = tuple[int, int, bytes]
"""Sector, flags, data."""


def log_at(folder: Path, told: Sequence[Told]) -> Path:
    """Write a log as QEMU does."""
    parts = [struct.pack("<QQQI", MAGIC, 1, len(told), SECTOR).ljust(SECTOR, b"\0")]
    for sector, flags, data in told:
        head = struct.pack("<QQQQ", sector, len(data) // SECTOR, flags, 0)
        parts += [head.ljust(SECTOR, b"\0"), b"" if flags & DISCARD else data]
    path = folder / "log"
    path.write_bytes(b"".join(parts))
    return path


def letters(image: bytearray) -> str:
    """Show the first byte of each sector; a sector is never torn itself."""
    sectors = [image[at : at + SECTOR] for at in range(0, len(image), SECTOR)]
    assert all(len(set(sector)) == 1 for sector in sectors)
    return "".join(chr(sector[0] or ord(".")) for sector in sectors)


def write(sector: int, text: str, flags: int = 0) -> Told:
    """Return a write of a sector for each letter."""
    return sector, flags, b"".join(letter.encode() * SECTOR for letter in text)


def cuts_of(folder: Path, told: Sequence[Told], done: int, lag: int = 0) -> set[str]:
    """Return what was left by many cuts after so many entries."""
    disk, chance = Disk(DISK, log_at(folder, told), lag=lag), random.Random(1)
    disk.go(done)
    return {letters(disk.cut(chance)) for _ in range(MANY)}


def test_what_was_flushed_stands_and_the_rest_may(tmp_path: Path) -> None:
    """Two writes, a flush, two more: the second two are there, or one of them, or none."""
    told = [write(0, "a"), write(1, "b"), (0, FLUSH, b""), write(2, "c"), write(3, "d")]
    rest = "." * 12
    assert cuts_of(tmp_path, told, 5) == {f"ab{last}{rest}" for last in ("..", "c.", ".d", "cd")}
    assert cuts_of(tmp_path, told, 3) == {f"ab..{rest}"}
    assert len(cuts_of(tmp_path, told, 2)) == 4


def test_a_write_may_arrive_in_part_and_a_later_one_without_an_earlier(tmp_path: Path) -> None:
    """Of two writes to one place the newer is never under the older."""
    found = cuts_of(tmp_path, [write(0, "abc"), write(1, "X")], 2)
    assert any(image.startswith("a.c") for image in found)
    assert any(image.startswith(".X.") for image in found)
    assert all(len(image) == 16 for image in found)
    both = cuts_of(tmp_path, [write(0, "a"), (0, FLUSH, b""), write(0, "b"), write(0, "c")], 4)
    assert {image[0] for image in both} == {"a", "b", "c"}


def test_what_is_forced_or_thrown_away_is_known(tmp_path: Path) -> None:
    """A write with FUA is not kept in memory; what was discarded may be gone."""
    assert {image[:2] for image in cuts_of(tmp_path, [write(0, "ab", FUA)], 1)} == {"ab"}
    gone = [write(0, "a", FUA), (0, DISCARD, bytes(SECTOR)), write(2, "b", FUA)]
    assert {image[:3] for image in cuts_of(tmp_path, gone, 3)} == {"a.b", "..b"}


def test_a_disk_that_lies_loses_what_was_flushed(tmp_path: Path) -> None:
    """Its last entries are in its memory whatever it was told."""
    told = [write(0, "a"), (0, FLUSH, b""), write(1, "b"), (0, FLUSH, b"")]
    assert {image[:2] for image in cuts_of(tmp_path, told, 4)} == {"ab"}
    assert {image[:2] for image in cuts_of(tmp_path, told, 4, lag=8)} == {"..", "a.", ".b", "ab"}


def test_a_log_is_counted_while_it_is_written(tmp_path: Path) -> None:
    """One that has not begun has none; what is no log is told."""
    log = tmp_path / "log"
    log.touch()
    assert count_entries(log) == 0
    log_at(tmp_path, [write(0, "a")] * 3)
    assert count_entries(log) == len(read_entries(log)) == 3
    log.write_bytes(bytes(SECTOR))
    with pytest.raises(ValueError, match="no log"):
        read_entries(log)


def test_cuts_are_many_and_gather_where_it_matters(tmp_path: Path) -> None:
    """Around flushes and where files are opened; the end is always one."""
    told = [write(0, "a"), *([write(1, "b")] * 400), (0, FLUSH, b""), *([write(2, "c")] * 600)]
    entries = read_entries(log_at(tmp_path, told))
    cuts = choose_cuts(entries, [700], 90, random.Random(1))
    assert cuts == sorted(set(cuts))
    assert cuts[-1] == len(entries)
    assert {401, 402, 403} <= set(cuts)
    assert sum(700 <= cut <= 820 for cut in cuts) > 20
