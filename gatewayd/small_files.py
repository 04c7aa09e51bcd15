"""Small files that are replaced whole: tokens, keys, the configuration.

After a power cut the old content is there or the new one, never half of either.
"""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE = 0o600
"""For its owner only: whatever holds a secret."""


def replace_file(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Replace or make a file; it is on the disk when this returns.

    An existing file keeps its owner and group where this process may give them.

    Raises:
        OSError: its folder cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            _keep_owner(path, stream.fileno())
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _keep_owner(path: Path, file: int) -> None:
    try:
        old = path.stat()
    except FileNotFoundError:
        return
    mine = os.fstat(file)
    if (old.st_uid, old.st_gid) != (mine.st_uid, mine.st_gid):
        try:
            os.fchown(file, old.st_uid, old.st_gid)
        except PermissionError:  # Not root: the file becomes this user's own.
            return


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
