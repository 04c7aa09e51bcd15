"""What is measured: the load, and what every gateway under measurement can be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.child import Child
from tests.bench.relay import Sightings

POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class Load:
    """What the driver in the gateway's own process produces.

    A round is one reading of every channel, all of one instant. Rounds come every `every_s`; with
    None there is one at the start and then only what `flood` and `store` ask for.
    """

    devices: int = 25
    channels: int = 4
    every_s: float | None = 1.0

    @property
    def width(self) -> int:
        """Readings in one round."""
        return self.devices * self.channels

    def __str__(self) -> str:
        return f"{_count(self.devices, 'device')} × {_count(self.channels, 'channel')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how much: a full run, or a quick one that shows the order of magnitude."""

    settle_s: float = 3.0
    """Between start and measurement; ThingsBoard's first statistics and attributes pass."""
    window_s: float = 20.0
    flood_readings: int = 400_000
    commands: int = 300
    backlog: int = 100_000
    starts: int = 3
    has_variants: bool = True
    """Also the second and third shape of a load; the first is what the other figures use."""


QUICK = Pace(
    settle_s=2.0, window_s=6.0, flood_readings=200_000, commands=100, starts=1, has_variants=False
)


class Running(Protocol):
    """One gateway, up and connected to its far side."""

    child: Child
    state_dir: Path

    def received(self) -> int:
        """Return the readings that the far side has, each counted once."""
        ...

    def flood(self, readings: int) -> None:
        """Have the driver produce so many readings, as fast as they are taken."""
        ...

    def store(self, readings: int) -> None:
        """Have the driver produce so many readings while nobody takes them; may return early."""
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
        """Give the cloud back: its port is open when this returns."""
        ...

    def seen(self) -> Sightings:
        """Return when the port opened, the cloud answered and the first row came by."""
        ...


class Subject(Protocol):
    """A gateway that can be started again and again, each time from nothing."""

    name: str
    slowness: int
    """Floods and numbers of commands are divided by this, so that slow subjects end in time too;
    rates and percentiles are of what was done."""

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


def wait_received(running: Running, goal: int, within_s: float) -> float:
    """Return `time.monotonic()` of when the far side had so many readings. Raises RuntimeError."""
    try:
        return wait_until(lambda: running.received() >= goal, within_s, "", running.child)
    except RuntimeError as error:
        text = f"the far side has {running.received()} of {goal} readings"
        raise RuntimeError(f"{text}{error}") from error
