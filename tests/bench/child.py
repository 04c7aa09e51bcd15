"""A process under measurement: spawned, watched through /proc, ended whatever happens.

What the numbers are:
  CPU         utime + stime of /proc/PID/stat, all threads, no children; 10 ms steps.
  RSS         VmRSS of /proc/PID/status.
  disk bytes  write_bytes of /proc/PID/io: page-cache pages that this process dirtied on block
              devices (tmpfs is not counted, the filesystem's own journal neither). On kernels
              with large folios an overwritten byte counts its whole folio, so overwrites may
              show more here than reaches the card; appends show what they are. disk.py sets the
              block device's own counter beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_S = 12.0
"""How long an orderly end may take before the kill; gatewayd promises 10 s."""

TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Child:
    """One running process and the file that takes its output."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far."""
        # The second field is the name in brackets and may hold spaces; count from its end.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def rss_bytes(self) -> int:
        """Return the resident memory now."""
        return 1024 * _field(Path(f"/proc/{self.pid}/status"), "VmRSS")

    def write_bytes(self) -> int:
        """Return the bytes written to block devices so far."""
        return _field(Path(f"/proc/{self.pid}/io"), "write_bytes")

    def check_alive(self) -> None:
        """Raise RuntimeError with the end of its output when the process has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode}: {self.tail()}")

    def tail(self) -> str:
        """Return the last lines that the process wrote."""
        return self.output.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()


@contextmanager
def spawn(
    command: Sequence[str | Path], output: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run a command, output into a file, in a session of its own; end it on leaving."""
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=output.parent,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        yield Child(process, output)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_S)


def _field(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise LookupError(f"{file} has no {name}")
