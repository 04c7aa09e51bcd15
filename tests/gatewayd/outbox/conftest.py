"""Small file systems."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small() -> Iterator[Callable[[Path, int], None]]:
    """Makes a folder a file system of some MiB until the test ends."""
    mounted: list[str] = []

    def mount(folder: Path, size_mib: int) -> None:
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("a small file system cannot be mounted here; root can")
        mounted.append(str(folder))

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)
