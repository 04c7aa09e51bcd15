"""Stands for libgpiod in another process: pins live in a file, and keep their level for ever.

In front on PYTHONPATH it is what `import gpiod` finds. The chip is a plain file; beside it lie
`PATH.pins` (JSON, line to physical level) and a lock a line, held as the kernel holds a request:
until the process that has it ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpiod.line import Direction, Value


@dataclass
class LineSettings:
    """The few that outputs need."""

    direction: Direction
    active_low: bool = False
    output_value: Value = Value.INACTIVE


class LineRequest:
    """One line, held by this process."""

    def __init__(self, path: str, line: int, settings: LineSettings) -> None:
        self._pins = Path(f"{path}.pins")
        self._line, self._settings = line, settings
        self._lock = os.open(f"{path}.{line}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY)) from None
        self.set_value(line, settings.output_value)

    def set_value(self, line: int, value: Value) -> None:
        """Drive the pin."""
        level = (value is Value.ACTIVE) != self._settings.active_low
        pins: dict[str, bool] = _load(self._pins) | {str(line): level}
        fresh = self._pins.with_name(f"{self._pins.name}.{os.getpid()}")
        fresh.write_text(json.dumps(pins))
        fresh.replace(self._pins)

    def get_value(self, line: int) -> Value:
        """Return what the pin is driven to."""
        level = _load(self._pins)[str(line)]
        return Value.ACTIVE if level != self._settings.active_low else Value.INACTIVE

    def release(self) -> None:
        """Let go of the line; its level stays."""
        os.close(self._lock)


def _load(path: Path) -> dict[str, bool]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def request_lines(path: str, *, consumer: str, config: dict[int, Any]) -> LineRequest:
    """Hold one line as an output; its level and its direction in one act."""
    ((line, settings),) = config.items()
    return LineRequest(path, line, settings)
