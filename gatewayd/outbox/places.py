"""Where the log may lie: a folder in memory for the hot tier, and room on the card kept free."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

SHM = Path("/dev/shm")  # noqa: S108  # A tmpfs on purpose; what is made there is private.

BALLAST_NAME = "outbox.ballast"

BALLAST_BYTES = 256 * 1024
"""Deleting needs space too (the WAL grows): on a full disk this file makes room for it."""


def find_tmpfs(state_dir: Path, given: Path | None = None) -> Path | None:
    """Return a folder in memory that outlives this process, made where it is missing, or None.

    Args:
        given: the folder that systemd made (`RuntimeDirectory=`) or the owner named; where it is
            not in memory or there is none, a private folder under /dev/shm is taken.
    """
    if given and is_tmpfs(given):
        with suppress(OSError):
            given.mkdir(mode=0o750, exist_ok=True)
        if given.is_dir() and os.access(given, os.W_OK):
            return given
    if not is_tmpfs(SHM):
        return None
    folder = private_folder(state_dir)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if is_ours and not found.st_mode & 0o077 else None


def private_folder(state_dir: Path) -> Path:
    """Return the folder under /dev/shm that belongs to a state folder."""
    tag = hashlib.sha256(bytes(state_dir.resolve())).hexdigest()[:16]
    return SHM / f"gatewayd-{os.getuid()}-{tag}"


def is_tmpfs(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Return whether a path is, or would be, in memory."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        _, point, type_, *_ = line.split(" ")
        if len(point) >= len(best) and path.is_relative_to(point):
            best, kind = point, type_
    return kind in ("tmpfs", "ramfs")


def lay_ballast(state_dir: Path) -> None:
    """Reserve room for the deletes that a full disk will need; no room is no error."""
    ballast = state_dir / BALLAST_NAME
    try:
        if ballast.exists() and ballast.stat().st_size == BALLAST_BYTES:
            return
        ballast.write_bytes(os.urandom(BALLAST_BYTES))
    except OSError:
        with suppress(OSError):  # Read-only, or not ours.
            ballast.unlink(missing_ok=True)


def name_trouble(state_dir: Path, error: Exception) -> str:
    """Return why a folder cannot be written, as whoever has to mend it would say it.

    SQLite says "disk I/O error" of almost everything.
    """
    try:
        # A file without a name. statvfs still says "writable" of an ext4 that has given up.
        os.close(os.open(state_dir, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError as found:
        if found.errno == errno.EROFS:
            return f"{state_dir} is on a file system that is read-only ({error})"
        if found.errno in (errno.EACCES, errno.EPERM):
            return f"user {os.geteuid()} may not write to {state_dir} ({error})"
    return str(error)


def is_cramped(state_dir: Path) -> bool:
    """Return whether there is less room than the ballast takes."""
    with suppress(OSError):
        found = os.statvfs(state_dir)
        return found.f_bavail * found.f_frsize < BALLAST_BYTES
    return False


def drop_ballast(state_dir: Path) -> bool:
    """Give the reserved room back; returns whether there was any."""
    ballast = state_dir / BALLAST_NAME
    if not ballast.exists():
        return False
    ballast.unlink()
    return True
