"""Cards that fail, for real: small file systems that are mounted, struck and healed under a daemon.

Root alone can mount. Each fault is a context manager: the card is at `folder`, well, when the
block begins.

`damaged_disk` is an ext4 on a loop device whose file lies on a small tmpfs. When that is full,
every write of the disk fails beneath the file system, as on a card that is worn out: `fsync` is
an error. `ext4` itself turns read-only at its first error of its own, as on most machines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Card:
    """A card whose fault can be switched on and off."""

    strike: Callable[[], object]
    heal: Callable[[], object]


Fault = Callable[[Path], AbstractContextManager[Card]]

BACKING_MIB, DISK_MIB = 8, 32


@contextmanager
def a_full_card(folder: Path) -> Iterator[Card]:
    """Two megabytes; somebody else fills them."""
    with mounted(folder, "-t", "tmpfs", "-o", "size=2m", "none"):
        hog = folder / "hog"
        yield Card(lambda: fill(hog), hog.unlink)


@contextmanager
def a_card_that_turns_read_only(folder: Path) -> Iterator[Card]:
    """The kernel does that when it finds an error in the file system."""
    options = ("-o", "errors=remount-ro")
    with disk(folder.parent / "backing") as device, mounted(folder, *options, device):
        error = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"

        def heal() -> None:
            # It gives up for good; whoever mends it mounts it anew, between two tries of the
            # daemon's.
            end_s = time.monotonic() + 5
            while not is_unmounted(folder):
                assert time.monotonic() < end_s, "the daemon holds on to it"
            run("mount", *options, device, str(folder))

        yield Card(lambda: error.write_text("a test\n"), heal)


@contextmanager
def a_card_that_cannot_be_synced(folder: Path) -> Iterator[Card]:
    """Writes fail in the device, beneath the file system."""
    backing = folder.parent / "backing"
    unjournaled = disk(backing, "-O", "^has_journal")  # A journal would end it for good.
    with unjournaled as device, mounted(folder, "-o", "errors=continue", device):
        hog = backing / "hog"
        yield Card(lambda: fill(hog), hog.unlink)


@contextmanager
def a_card_that_hangs(folder: Path) -> Iterator[Card]:
    """Who writes to it waits until it is thawed."""
    with disk(folder.parent / "backing") as device, mounted(folder, device):
        is_frozen = False

        def strike() -> None:
            nonlocal is_frozen
            run("fsfreeze", "--freeze", str(folder))
            is_frozen = True

        def heal() -> None:
            nonlocal is_frozen
            if is_frozen:
                is_frozen = False
                run("fsfreeze", "--unfreeze", str(folder))

        try:
            yield Card(strike, heal)
        finally:
            heal()


@contextmanager
def a_folder_that_is_anothers(folder: Path) -> Iterator[Card]:
    """Somebody has restored a backup as root; the daemon is nobody."""
    os.chown(folder, NOBODY, NOBODY)

    def give(owner: int, mode: int) -> None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner)
            path.chmod(mode | (0o100 if path.is_dir() else 0))

    yield Card(lambda: give(0, 0o600), lambda: give(NOBODY, 0o600))


@contextmanager
def disk(backing: Path, *options: str) -> Iterator[str]:
    """Yield a block device of `DISK_MIB`, of which `BACKING_MIB` at the most can be kept; the
    options are for making the file system.
    """
    backing.mkdir()
    with mounted(backing, "-t", "tmpfs", "-o", f"size={BACKING_MIB}m", "none"):
        image = backing / "image"
        with image.open("wb") as file:
            file.truncate(DISK_MIB * 2**20)
        run("mkfs.ext4", "-q", "-m", "0", *options, str(image))
        device = run("losetup", "--find", "--show", str(image)).strip()
        try:
            yield device
        finally:
            run("losetup", "--detach", device)


@contextmanager
def mounted(folder: Path, *what: str) -> Iterator[None]:
    """Mount while the block lasts."""
    run("mount", *what, str(folder))
    try:
        yield
    finally:
        run("umount", "--lazy", str(folder))


def is_unmounted(folder: Path) -> bool:
    """Unmount a folder if nobody has a file open there; return whether that was so."""
    return subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0


def fill(hog: Path) -> None:
    """Write a file until there is no room for another byte."""
    with suppress(OSError), hog.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def run(*command: str) -> str:
    """Run a tool of the system, or skip where it is not allowed or not there."""
    if os.geteuid() != 0 or shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here or needs root: a failing card is a mount")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout
