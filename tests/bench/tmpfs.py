"""Folders whose writes never reach a disk, and one whose writes are counted by the kernel."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHM = Path("/dev/shm")


@contextmanager
def tmpfs_folder() -> Iterator[Path]:
    """Make a folder on tmpfs (plain temporary where there is none); remove it on leaving."""
    folder = Path(tempfile.mkdtemp(prefix="gatewayd-bench-", dir=SHM if SHM.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
