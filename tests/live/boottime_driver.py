"""A device that measures the time since boot, which no time server moves.

Channels:
    boottime, again (number, ms): so that each reading says by itself when it was taken.

It runs in the daemon's process, which finds it by its entry point as any outside driver's.

Source: none.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.model import Channel, Measurement
from gatewayd.ports import Ports

NAMES = ("boottime", "again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """It has no keys of its own."""


def describe(config: Config) -> tuple[Channel, ...]:
    """Return both channels."""
    return tuple(Channel(name, "number") for name in NAMES)


def boottime_ms() -> int:
    """Return the time since boot."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Stopwatch:
    """The device."""

    async def read(self) -> Sequence[Measurement]:
        now_ms = boottime_ms()
        return [Measurement(name, now_ms) for name in NAMES]


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Stopwatch]:
    """Yield the device."""
    yield Stopwatch()


def install(folder: Path) -> None:
    """Write what makes a folder on the path look like an installed package with this driver."""
    info = folder / "gatewayd_boottime-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gatewayd-boottime\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[gatewayd.drivers]\nboottime = tests.live.boottime_driver\n"
    )
