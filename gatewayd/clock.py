"""What time is it, and is the wall clock to be believed?

A Pi has no clock of its own: after a power cut it wakes with the time of its last shutdown, and
stays wrong until the network answers. So every instant is wall time *and* time since boot, and
the rows written before the first synchronisation are re-dated once (see outbox).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

RELEASED_MS = 1_793_491_200_000
"""2026-11-01. A wall clock before this program was written is certainly wrong."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIMESYNCD = Path("/run/systemd/timesync")


class Clock(Protocol):
    """Where the program gets its time from; tests pass one that jumps."""

    def now_ms(self) -> int:
        """Return wall time, UTC milliseconds since 1970."""
        ...

    def boottime_ms(self) -> int:
        """Return milliseconds since boot, suspended time included; never jumps."""
        ...

    def boot_id(self) -> str:
        """Return an id that is new at every boot."""
        ...

    def is_synchronised(self) -> bool:
        """Return whether the wall clock is to be believed now."""
        ...


def machine_date() -> str:
    """Return what day it is for the system's own libraries, `1970-01-01`: right or wrong."""
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d")


class SystemClock:
    """The machine's own clock."""

    def __init__(self) -> None:
        self._boot_id = BOOT_ID.read_text().strip() if BOOT_ID.exists() else "unknown"
        self._was_synchronised = False

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def boottime_ms(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def boot_id(self) -> str:
        return self._boot_id

    def is_synchronised(self) -> bool:
        # timesyncd touches the file at the first synchronisation of each boot. Where another
        # service (chrony, a hardware clock) keeps time, its folder is not there and the wall
        # clock is believed from the release date on. adjtimex would know better, but systemd's
        # syscall filter for services forbids it. Once true it stays true until the next boot, and
        # is asked for every sample: looking at the file each time was half of a flood's CPU.
        if not self._was_synchronised:
            if TIMESYNCD.is_dir():
                self._was_synchronised = (TIMESYNCD / "synchronized").exists()
            else:
                self._was_synchronised = self.now_ms() >= RELEASED_MS
        return self._was_synchronised
