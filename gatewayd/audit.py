"""The record of every command: who asked, for what, what became of it and when.

A row has a `channel` where an output was meant, else `act`: `retry` (of an `uplink`'s refused
readings), or what a cloud had done to the machine.

Strategy: lines of JSON are appended to one file under `state_dir`, which is renamed when it is
full; a few full ones are kept. A line is written at once, so that it survives the death of the
process, and brought to the card together with its neighbours every `SYNC_S`: a power cut costs
the last seconds, and a day of one command a minute costs the card 15 MB instead of 35.

Characteristics: in records · out lines `{"time_ms", "origin", …}` · buffered `LINES_MAX` · when
full the newest are dropped and counted in the next line · files `FILES` × `BYTES_MAX` · event
loop only, written in a thread of its own · durable as said above.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.errors import DeviceTimeout
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from gatewayd.clock import Clock
    from gatewayd.desk import Record

Row = Mapping[str, Any]

NAME = "audit.jsonl"

BYTES_MAX = 2**20
"""Of one file: about 4,000 commands."""

FILES = 5
"""The current one and four older ones: 20,000 commands, two weeks of one a minute."""

LINES_MAX = 1000
"""Waiting for the card. A flood of commands is refused sooner than written down."""

SYNC_S = 10.0
"""Each time costs the card some 20 kB whatever it carries."""

WRITE_S = 30.0
"""A card that takes longer hangs; the lines wait."""

MODE = 0o640
"""The service's group may read it, as it may operate."""


class Audit:
    """The record; without a folder nothing is written."""

    def __init__(
        self,
        state_dir: Path | None = None,
        note: Callable[..., object] = lambda event, **facts: None,
    ) -> None:
        self._path = state_dir / NAME if state_dir else None
        self._note = note
        self._lines: deque[bytes] = deque()
        self._lost = 0
        self._came = asyncio.Event()
        self._fault = ""
        self._file: int | None = None

    def add(self, record: Record) -> None:
        """Take one command; never blocks."""
        self.put(row_of(record))

    def put(self, row: Row) -> None:
        """Take one row: what somebody asked for that is no command to an output, too."""
        if self._path is None:
            return
        if len(self._lines) >= LINES_MAX:
            self._lost += 1
            return
        if self._lost:
            row, self._lost = {**row, "lost_before": self._lost}, 0
        self._lines.append(line_of(row))
        self._came.set()

    def heard(
        self, act: str, origin: str, clock: Clock, do: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """Return what somebody may have done to the machine, written down before it is done:
        afterwards there may be nobody left to write.
        """

        async def done() -> None:
            self.put(act_row(clock.now_ms(), origin, act, "asked"))
            await do()

        return done

    async def run(self) -> None:
        """Write what comes, until cancelled; then the rest, and close."""
        loop, worker = asyncio.get_running_loop(), Worker("audit")
        sync_s: float | None = None
        try:
            with suppress(DeviceTimeout):
                await worker.run(self._resume, timeout_s=WRITE_S)
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(sync_s):
                        await self._came.wait()
                self._came.clear()
                with suppress(DeviceTimeout):
                    if self._lines:
                        await worker.run(self._write, timeout_s=WRITE_S)
                        sync_s = sync_s or loop.time() + SYNC_S
                    if sync_s is not None and loop.time() >= sync_s:
                        sync_s = None
                        await worker.run(self._sync, timeout_s=WRITE_S)
        finally:
            await worker.close(self._finish)

    # All below runs in the thread.

    def _resume(self) -> None:
        """Bring to the card what a killed life before had not."""
        with suppress(OSError):  # The first line finds out.
            if self._path is not None and self._path.exists():
                self._file = open_record(self._path)
                self._sync()

    def _write(self) -> None:
        path = self._path
        if path is None or not self._lines:
            return
        try:
            if self._file is None:
                self._file = open_record(path)
            while self._lines:
                write_line(self._file, self._lines[0])
                self._lines.popleft()
            if os.fstat(self._file).st_size >= BYTES_MAX:
                self._rotate(path)
        except OSError as error:
            self._close()
            if str(error) != self._fault:
                self._note("audit", what=f"{path} cannot be written: {error.strerror}")
            self._fault = str(error)
        else:
            self._fault = ""

    def _rotate(self, path: Path) -> None:
        self._sync()
        self._close()
        rotate(path)

    def _sync(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # The next write finds out.
                os.fdatasync(self._file)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _finish(self) -> None:
        self._write()
        self._sync()
        self._close()


async def append(state_dir: Path, rows: Sequence[Row], timeout_s: float) -> str:
    """Write rows from a process of its own, such as `gatewayd safe`; return why not, or nothing.

    What hangs is left to itself after `timeout_s`.
    """
    try:
        await Worker("audit").run(_append, state_dir / NAME, rows, timeout_s=timeout_s)
    except OSError as error:
        return f"{state_dir / NAME}: {error.strerror}"
    except DeviceTimeout:
        return f"{state_dir / NAME}: no answer within {timeout_s:g} s"
    return ""


def _append(path: Path, rows: Sequence[Row]) -> None:
    if path.exists() and path.stat().st_size >= BYTES_MAX:
        rotate(path)
    file = open_record(path)
    try:
        for row in rows:
            write_line(file, line_of(row))
    finally:
        os.close(file)


def open_record(path: Path) -> int:
    """Return the record's descriptor, for appending.

    Root makes it for whoever the folder belongs to: a daemon with fewer rights goes on with it. A
    line that the power cut off is ended, or the next one would be unreadable with it; as a rule a
    file system leaves zeros in its place.

    Raises:
        OSError: it cannot be written, or is no file.
    """
    is_new = not path.exists()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(path, flags, MODE)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "is no file")
        if is_new and os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            write_line(file, b"\n")
    except BaseException:
        os.close(file)
        raise
    return file


def write_line(file: int, line: bytes) -> None:
    """Append a line, whole or not at all. One call: whoever dies in between leaves whole lines.

    Raises:
        OSError: it cannot be written; a disk that took a part of it has that part taken back.
    """
    done = os.write(file, line)
    if done < len(line):
        os.ftruncate(file, os.fstat(file).st_size - done)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def rotate(path: Path) -> None:
    """Rename the full files; the oldest goes. Raises OSError."""
    for number in range(FILES - 1, 0, -1):
        older = path.with_name(f"{NAME}.{number - 1}") if number > 1 else path
        with suppress(FileNotFoundError):
            older.replace(path.with_name(f"{NAME}.{number}"))


def line_of(row: Row) -> bytes:
    """Return a row as one line."""
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def act_row(time_ms: int, origin: str, act: str, outcome: str, **facts: object) -> dict[str, Any]:
    """Return what was asked for that is no command to an output; `facts` that are None are none."""
    told = {key: value for key, value in facts.items() if value is not None}
    return {"time_ms": time_ms, "origin": origin, "act": act, **told, "outcome": outcome}


def row_of(record: Record) -> dict[str, Any]:
    """Return one command as it is written down; what does not apply is left out."""
    command, outcome = record.command, record.outcome
    times = outcome.times
    row = {
        "time_ms": record.time_ms,
        "origin": command.origin,
        "request_id": command.request_id or None,
        "channel": command.channel,
        "value": command.value,
        "hold_s": command.hold_s,
        "blink_s": command.blink_s,
        "issued_ms": command.issued_ms,
        "outcome": outcome.status.value,
        "detail": outcome.detail or None,
        "is": outcome.value,
        "verified_by": outcome.verified_by or None,
        "repeat_age_s": outcome.repeat_age_s,
        "accepted_ms": times.accepted_ms,
        "applied_ms": times.applied_ms,
        "verified_ms": times.verified_ms,
        "took_ms": round(record.took_s * 1000, 1),
    }
    return {key: value for key, value in row.items() if value is not None}


def read_audit(state_dir: Path, since_ms: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the commands that were written down, the oldest first; torn lines are passed over.

    Raises:
        OSError: a file is there and may not be read.
    """
    for number in range(FILES - 1, -1, -1):
        path = state_dir / (f"{NAME}.{number}" if number else NAME)
        try:
            with path.open("rb") as file:
                lines = file.read(2 * BYTES_MAX).splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # The power went in the middle of it.
            if isinstance(row, dict) and (since_ms is None or _time_ms(row) >= since_ms):
                yield row


def _time_ms(row: Row) -> float:
    """Return when a line says that it was written; 0 where it does not say."""
    time_ms = row.get("time_ms")
    return time_ms if isinstance(time_ms, int | float) else 0
