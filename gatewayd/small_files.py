"""Small files that are replaced whole: tokens, keys, the configuration.

After a power cut the old content is there or the new one, never half of either.
"""

from __future__ import annotations

import os
from pathlib import Path

from gatewayd.errors import ConfigError

PRIVATE = 0o600
"""For its owner only: whatever holds a secret."""

DAMAGE = (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a file of JSON may raise that a card, or a hand, has had: no file, no JSON, another
shape, a number beyond all numbers, brackets without end."""


def replace_file(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Replace or make a file; it is on the disk when this returns.

    An existing file keeps its owner and group, a new one takes those of its folder, where this
    process may give them: what root makes for the service, the service can read.

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


def write_private(path: Path, data: bytes) -> None:
    """Replace or make a file that only its owner can read, on the disk when this returns.

    Raises:
        ConfigError: its folder cannot be made or written.
    """
    try:
        make_folder(path.parent)
        replace_file(path, data, PRIVATE)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a folder, and those above it, for the owner of the first one that is there.

    Raises:
        OSError: it cannot be made, or a file is in its place.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent, mode)
    path.mkdir(mode=mode, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _give_to(path.parent.stat(), descriptor)
    finally:
        os.close(descriptor)


def _keep_owner(path: Path, file: int) -> None:
    try:
        _give_to(path.stat(), file)
    except FileNotFoundError:
        _give_to(path.parent.stat(), file)


def _give_to(owner: os.stat_result, file: int) -> None:
    mine = os.fstat(file)
    if (owner.st_uid, owner.st_gid) == (mine.st_uid, mine.st_gid) or os.geteuid() != 0:
        return  # Only root can give files away; for anybody else they are their own.
    os.fchown(file, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
