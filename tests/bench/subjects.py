"""What is measured: the load, and what every gateway under measurement can be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.child import Child

POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class Load:
    """What the driver in the gateway's own process produces.

    A round is one reading of every channel, all of one instant. Rounds come every `every_s`, and
    as fast as the gateway takes them when a flood is asked for.
    """

    devices: int = 25
    channels: int = 4
    every_s: float = 1.0

    @property
    def width(self) -> int:
        """Readings in one round."""
        return self.devices * self.channels

    def __str__(self) -> str:
        return f"{self.devices} devices × {self.channels} channels"


STEADY = Load()
"""25 sensors of 4 quantities each: 100 channels × 1 Hz."""

QUIET = Load(every_s=3600.0)
"""The same channels, silent but for floods and commands."""


class Running(Protocol):
    """One gateway, up and connected to its far side."""

    child: Child
    state_dir: Path

    def received(self) -> int:
        """Return the readings that the far side has, each counted once."""
        ...

    def flood(self, readings: int) -> None:
        """Have the driver produce so many readings at once, as fast as they are taken."""
        ...

    def command(self, value: int) -> float:
        """Set the simulated output, wait for the answer; return the seconds.

        Raises:
            RuntimeError: no answer, or one that does not confirm the value.
        """
        ...

    def cut(self) -> None:
        """Take the cloud away: its port is closed. Only with `is_cuttable`."""
        ...

    def join(self) -> None:
        """Give the cloud back."""
        ...

    def joined_at(self) -> float: ...
    def connected_at(self) -> float | None: ...
    def first_row_at(self) -> float | None: ...


class Subject(Protocol):
    """A gateway that can be started again and again, each time from nothing."""

    name: str

    def start(
        self, folder: Path, load: Load, *, is_cuttable: bool = False
    ) -> AbstractContextManager[tuple[Running, float]]:
        """Start it; yield it and the seconds from its spawn to its first delivered reading.

        Args:
            folder: an empty directory on the disk whose writes are counted.
            is_cuttable: put a relay between gateway and cloud, so that `cut` works.
        """
        ...


def wait_until(
    is_true: Callable[[], bool], within_s: float, what: str, child: Child | None = None
) -> float:
    """Return `time.monotonic()` of when it became true.

    Raises:
        RuntimeError: it did not within that time, or the process has ended.
    """
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {within_s:.0f} s")
        if child is not None:
            child.check_alive()
        time.sleep(POLL_S)
    return time.monotonic()
