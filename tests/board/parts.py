"""Everything that the board is made of, built or fetched where it is not in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.board.cache import CannotRun
from tests.board.image import Image, image
from tests.board.program import program, radio
from tests.board.stages import Stages

NEEDED = ("qemu-system-x86_64", "socat", "mmdebstrap", "mke2fs", "cpio", "zstd", "depmod")


class Parts(NamedTuple):
    """Debian, the disk with gatewayd, and the folder with the radio's software."""

    image: Image
    program: Path
    radio: Path


def make_parts(stages: Stages) -> Parts:
    """Return them. Raises CannotRun, with the reason."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise CannotRun(f"no {', '.join(missing)} on this machine; `make board` installs them")
    with stages.stage("Debian with its kernel"):
        debian = image()
    with stages.stage("gatewayd from this tree"):
        disk = program()
    with stages.stage("Bluetooth controller"):
        return Parts(debian, disk, radio())
