"""Lines for people, written to a descriptor that may be full, closed, or read by nobody.

Strategy: what is told must never stop what is done. A pump is not left on because the log's disk
is full, the journal has died or somebody holds a terminal with Ctrl-S. So a line is written with
one call, is not waited for longer than `PATIENCE_S`, and is counted where it could not be
written; the next one that can be says how many those were.

Characteristics: in lines · out bytes, a whole line or what fitted of it · nothing buffered · when
the reader is slow or the disk is full the newest are dropped and counted · raises nothing.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress

PATIENCE_S = 0.1
"""For a reader that is behind, once; after that nobody waits for it until it reads again. Longer,
and a burst of lines would hold up the outputs' clocks."""

PIECE_BYTES = select.PIPE_BUF
"""As much as a pipe or socket that says that it can be written takes at once, by POSIX."""


class Printer:
    """One place to write to. The methods are those that structlog asks of a logger."""

    def __init__(self, file: int | None) -> None:
        """`file` is a descriptor; None = nowhere."""
        self._file = file
        self._is_clogged = False
        self._is_torn = False
        self.lost = 0
        """Lines that could not be written since the last that could."""

    def is_terminal(self) -> bool:
        """Return whether a person reads it."""
        return self._file is not None and os.isatty(self._file)

    def msg(self, line: str) -> None:
        """Write a line, or count it."""
        if self._file is None:
            return
        told = f"({self.lost} lines were lost)\n" if self.lost else ""
        start = "\n" if self._is_torn else ""
        if self._write(self._file, f"{start}{told}{line}\n".encode(errors="backslashreplace")):
            self.lost = 0
        else:
            self.lost += 1

    log = debug = info = warning = error = critical = exception = fatal = msg

    def _write(self, file: int, line: bytes) -> bool:
        done = 0
        try:
            while done < len(line):
                if not self._can_write(file):
                    break
                done += os.write(file, line[done : done + PIECE_BYTES])
        except OSError:
            pass  # Full, or nobody is there any more: it was not written, and that is counted.
        is_whole = done == len(line)
        self._is_torn = not is_whole and (done > 0 or self._is_torn)
        return is_whole

    def _can_write(self, file: int) -> bool:
        """Return whether `PIECE_BYTES` can be written without being waited for."""
        poll = select.poll()
        poll.register(file, select.POLLOUT)
        found = poll.poll(0 if self._is_clogged else PATIENCE_S * 1000)
        self._is_clogged = not found
        return bool(found)  # An error counts too: writing says at once which.


def stderr() -> Printer:
    """Return a printer to this process's stderr, whatever became of that."""
    return Printer(_descriptor())


def tell(line: str) -> None:
    """Write one line to stderr, if that is possible."""
    file = _descriptor()
    if file is not None:
        Printer(file).msg(line)
        return
    with suppress(OSError, ValueError, AttributeError):  # Not a file (a test's), closed, or none.
        sys.stderr.write(f"{line}\n")


def _descriptor() -> int | None:
    """Return stderr's descriptor; None where it has none."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return None
