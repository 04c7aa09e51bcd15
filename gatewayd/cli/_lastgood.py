"""A copy of the last configuration that worked, for the day when the file does not parse.

Somebody edits the file, mistypes a bracket, and the daemon dies before the mistake is found:
then `gatewayd safe` must still know the outputs. The daemon keeps the copy when it has started.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from gatewayd.small_files import replace_file

NAME = "config.last-good.toml"

TEXT_MAX = 4 * 2**20
"""Bytes of a configuration that are looked at."""

_STATE_DIR = re.compile(r"""^\s*state_dir\s*=\s*["']([^"']+)["']""", re.MULTILINE)


def keep_copy(config: Path, state_dir: Path) -> None:
    """Keep a copy of a configuration that works, mode 0600 because of its keys.

    Raises:
        OSError: it cannot be written.
    """
    text = config.read_bytes()
    copy = state_dir / NAME
    if copy.exists() and copy.read_bytes() == text:
        return  # An SD card is not written for nothing.
    replace_file(copy, text)


def find_copy(config: Path) -> Path | None:
    """Return the copy that belongs to a configuration which does not parse, if there is one."""
    from gatewayd.config.settings import Gateway

    folders = [Gateway().state_dir]
    named = os.environ.get("GATEWAYD_GATEWAY__STATE_DIR")
    try:
        with config.open(encoding="utf-8", errors="replace") as file:
            match = _STATE_DIR.search(file.read(TEXT_MAX))
    except OSError:
        match = None
    if match:
        folders.insert(0, Path(match[1]))
    if named:
        folders.insert(0, Path(named))
    copies = (folder / NAME for folder in folders)
    return next((copy for copy in copies if copy.is_file()), None)
