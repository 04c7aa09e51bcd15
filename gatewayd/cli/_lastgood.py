"""A copy of the configuration that the last daemon ran with: what it may have left on.

Somebody edits the file, mistypes a bracket or takes a pump out, and the daemon dies before it has
read that: then `gatewayd safe` must still know the outputs. The daemon keeps the copy when it has
started. Its first line names the file that it was made from.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from gatewayd.small_files import replace_file

NAME = "config.last-good.toml"

TEXT_MAX = 4 * 2**20
"""Characters of a configuration that are looked at."""

_STATE_DIR = re.compile(r"""^\s*state_dir\s*=\s*["']([^"']+)["']""", re.MULTILINE)


def keep_copy(config: Path, text: str, state_dir: Path) -> None:
    """Keep a copy of a configuration that works, mode 0600 because of its keys.

    Args:
        config: where the text was read from.

    Raises:
        OSError: it cannot be written.
    """
    data = (_first_line(config) + text).encode()
    copy = state_dir / NAME
    if copy.exists() and copy.read_bytes() == data:
        return  # An SD card is not written for nothing.
    replace_file(copy, data)


def find_copy(
    config: Path, state_dir: Path | None = None, usual: Path | None = None
) -> Path | None:
    """Return the copy that belongs to a configuration, if there is one.

    It is in the state folder, or in the usual one if `state_dir` was edited since the copy was
    made; there it counts only if it was made from this very file, for it might be of another
    gateway on this machine, whose outputs are not ours to drive.

    Args:
        state_dir: as the file says; None if it cannot be read, then its text is searched.
        usual: the state folder of those who name none.
    """
    from gatewayd.config.settings import Gateway

    usual = usual or Gateway().state_dir
    named = state_dir or _named_dir(config)
    copy = (named or usual) / NAME
    if _may_be_there(copy):
        return copy
    copy = usual / NAME
    return copy if _may_be_there(copy) and _is_of(copy, config) else None


def _named_dir(config: Path) -> Path | None:
    """Return the state folder that the environment names, or what is left of the file."""
    named = os.environ.get("GATEWAYD_GATEWAY__STATE_DIR")
    if named:
        return Path(named)
    try:
        with config.open(encoding="utf-8", errors="replace") as file:
            match = _STATE_DIR.search(file.read(TEXT_MAX))
    except OSError:
        return None
    return Path(match[1]) if match else None


def _may_be_there(copy: Path) -> bool:
    """Return whether there is a copy, also if this user may not see it: that must be told."""
    try:
        return copy.is_file()
    except OSError:
        return True


def _is_of(copy: Path, config: Path) -> bool:
    try:
        with copy.open(encoding="utf-8", errors="replace") as file:
            return file.readline(TEXT_MAX) == _first_line(config)
    except OSError:
        return False


def _first_line(config: Path) -> str:
    return f"# The last daemon ran with this; from {json.dumps(str(config.absolute()))}\n"
