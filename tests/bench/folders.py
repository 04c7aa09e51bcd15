"""Folders to measure in: one that never reaches a disk, one on a disk that counts its writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SHM = Path("/dev/shm")
CARD_MIB = 512
SECTOR_BYTES = 512
STEP_S = 30.0


@contextmanager
def tmpfs_folder() -> Iterator[Path]:
    """Make a folder on tmpfs (plain temporary where there is none); remove it on leaving."""
    folder = Path(tempfile.mkdtemp(prefix="gatewayd-bench-", dir=SHM if SHM.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def disk_folder(cache: Path) -> Iterator[Path]:
    """Make a folder on the disk that holds the working tree; remove it on leaving."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Card:
    """A folder, and what its block device has been given to write."""

    folder: Path
    device: str | None

    def written(self) -> int | None:
        """Return the bytes written to the block device, everything flushed; None if unknown."""
        if self.device is None:
            return None
        subprocess.run(["sync", "-f", self.folder], check=True, timeout=STEP_S)
        fields = Path(f"/sys/block/{self.device}/stat").read_text().split()
        return int(fields[6]) * SECTOR_BYTES


@contextmanager
def card(cache: Path) -> Iterator[Card]:
    """Mount a fresh ext4 of its own, so that its device counts this one process's writes,
    metadata and journal included. Where that needs rights that are not there: a plain folder."""
    with disk_folder(cache) as folder:
        image, mount = folder / "card.img", folder / "card"
        mount.mkdir()
        if os.geteuid() != 0 or not _mounted(image, mount):
            yield Card(mount, None)
            return
        try:
            yield Card(mount, _device_of(mount))
        finally:
            subprocess.run(["umount", "-l", mount], check=False, timeout=STEP_S)


def _mounted(image: Path, mount: Path) -> bool:
    with image.open("wb") as file:
        file.truncate(CARD_MIB * 2**20)
    for step in (
        ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)],
        ["mount", "-o", "loop,noatime", str(image), str(mount)],
    ):
        try:
            subprocess.run(step, check=True, capture_output=True, timeout=STEP_S)
        except (OSError, subprocess.SubprocessError):
            return False
    return True


def _device_of(mount: Path) -> str | None:
    for line in Path("/proc/mounts").read_text().splitlines():
        device, where, *_ = line.split()
        if where == str(mount):
            return Path(device).name
    return None
