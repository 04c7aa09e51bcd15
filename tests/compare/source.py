"""The devices of a run, outside every gateway: what they may say, and what they have said.

A file on tmpfs that is mapped into the gateway's process, little endian, 8 bytes a number: the
rounds granted since the start, then for each device two numbers, `begun` and `said`. A device
writes `begun` before it hands a round to the gateway and `said` when the gateway has taken it; so
the page tells what was taken also after a SIGKILL, and the next life goes on behind `begun`.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WORD = struct.Struct("<Q")
DEVICES = 10
CHANNELS = 2
ROUND = DEVICES * CHANNELS
"""Readings in a round: one of every channel of every device."""

TICK_S = 0.02


def names() -> tuple[str, ...]:
    """Return the channels: `d0/c0` …"""
    return tuple(
        f"d{device}/c{channel}" for device in range(DEVICES) for channel in range(CHANNELS)
    )


@dataclass(frozen=True, slots=True)
class Source:
    """The controlling side of the page."""

    path: Path
    page: mmap.mmap

    @property
    def granted(self) -> int:
        """Rounds granted so far."""
        return self._word(0)

    def grant(self, rounds: int) -> None:
        """Let every device say so many rounds more."""
        self.page[: WORD.size] = WORD.pack(self.granted + rounds)

    def said(self, device: int) -> int:
        """Return the number of the last round of a device that the gateway took."""
        return self._word(2 + 2 * device)

    def rounds_said(self) -> int:
        """Return the rounds that every device has said."""
        return min(self.said(device) for device in range(DEVICES))

    def produced(self) -> Mapping[str, int]:
        """Return the last number of each channel that the gateway took."""
        return {name: self.said(int(name[1 : name.index("/")])) for name in names()}

    def produce(self, rounds: int, per_s: float) -> None:
        """Grant rounds at a pace; return when they are granted."""
        started, done = time.monotonic(), 0
        while done < rounds:
            due = min(rounds, int((time.monotonic() - started) * per_s) + 1)
            self.grant(due - done)
            done = due
            time.sleep(TICK_S)

    def _word(self, index: int) -> int:
        number: int = WORD.unpack_from(self.page, index * WORD.size)[0]
        return number


@contextmanager
def open_source(folder: Path) -> Iterator[Source]:
    """Make the page; nothing is granted yet."""
    path = folder / "source"
    path.write_bytes(bytes(WORD.size * (1 + 2 * DEVICES)))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as page:
        yield Source(path, page)
