"""What waits on the bus, kept in memory that outlives the process.

Strategy: the recorder writes readings into the log in groups, some ten times a second, because a
transaction costs as much as fifty small writes. Until then they stand as lines in one of two small
files on the log's tmpfs. The files take turns: while the recorder brings into the log what one
holds, the other takes what comes. Readings are counted, and the transaction that writes them notes
the number of the last (`TAKEN`). What has a higher number in the files when the next process opens
them was on its way when the last one was killed.

Characteristics: in readings, in groups · out those of the last life · buffered what waits on the
bus · when it cannot be written nothing is kept, and the readings go their way all the same ·
ordered · event loop only: a write into memory takes microseconds · durable over the death of the
process, not of the machine.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from gatewayd.model import ChannelId, Quality, Reading

NAMES = ("waiting-0", "waiting-1")

TAKEN = "taken"
"""What the log's hot tier calls the number of the last reading that came into it this way."""

BEGIN = 1
"""What is noted as taken before the first."""

WRITES_MAX = 100
"""So many groups between two turns are written at once; more come from a flood, for which a write
each would be too dear."""

GAP_S = 0.05
"""How long the others wait to be written together. A flood fills the bus sooner, and costs nothing
here."""

FILE_BYTES_MAX = 64 * 2**20
"""What is read of a file: a full bus takes half of it."""


class Journal:
    """Two files that take turns."""

    def __init__(
        self, folder: Path, taken: int, offset_ms: int, dating: Callable[[], int | None]
    ) -> None:
        """Open the files, or make them; what they hold of the last life is in `restored`.

        Args:
            taken: up to where the log has them; 0 = it never had any, they are another log's.
            offset_ms: wall time minus time since boot.
            dating: returns that for as long as the clock is not to be believed, else None.

        Raises:
            OSError: they cannot be made there.
        """
        self._paths = [folder / name for name in NAMES]
        own = self._paths if taken else ()
        left = dict(each for path in own for each in _read(path, offset_ms))
        self.restored = [left[number] for number in sorted(left) if number > taken]
        """To be written into the log first of all."""
        self.begin = self.last = max(taken, BEGIN, *left)
        """The number of the newest reading, at the beginning and now."""
        self._dating = dating
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (0 if taken else os.O_TRUNC)
        self._files = [os.open(path, flags, 0o600) for path in self._paths]
        self._unwritten: list[Reading] = []
        self._writes = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, readings: Sequence[Reading]) -> None:
        """Keep readings that wait now."""
        self.last += len(readings)
        self._unwritten += readings
        if self._writes < WRITES_MAX:
            self._write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GAP_S, self._write)

    def turn(self) -> None:
        """Note that the recorder has taken all, and is done with what it took before."""
        self._forget_unwritten()
        self._files.reverse()
        with suppress(OSError):
            os.ftruncate(self._files[0], 0)

    def close(self) -> None:
        """Close and remove the files: all is in the log."""
        self._forget_unwritten()
        for file, path in zip(self._files, self._paths, strict=True):
            os.close(file)
            path.unlink(missing_ok=True)

    def _forget_unwritten(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._writes = None, 0
        self._unwritten.clear()

    def _write(self) -> None:
        first = self.last - len(self._unwritten) + 1
        line = orjson.dumps((first, self._dating(), [tuple(each) for each in self._unwritten]))
        self._timer, self._writes = None, self._writes + 1
        self._unwritten.clear()
        with suppress(OSError):  # Memory is full. The log will say so, and has a remedy.
            os.write(self._files[0], b"\n" + line)  # So that half a line spoils no other.


def _read(path: Path, offset_ms: int) -> Iterator[tuple[int, Reading]]:
    """Yield numbers and readings of a file; a line that a kill cut short is none."""
    try:
        with path.open("rb") as file:
            lines = file.read(FILE_BYTES_MAX).split(b"\n")
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, TypeError):
            first, dated_ms, readings = orjson.loads(line)
            # The clock may have been set since; the time since boot is the same.
            shift_ms = 0 if dated_ms is None else offset_ms - dated_ms
            for number, (channel, time_ms, value, quality) in enumerate(readings, first):
                reading = Reading(ChannelId(channel), time_ms + shift_ms, value, Quality(quality))
                yield number, reading
