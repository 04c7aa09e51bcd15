"""The load as a driver of gatewayd; runs in the daemon's process, found by its entry point.

Channels:
    c0 … (number), as many as `channels` says

Without `credit` it is a sensor that is asked, one sample of every channel each time. With it, a
device that speaks unasked: one sample of every channel a sentence, as long as the file grants it.

Source: none.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports import Ports

GRANT = struct.Struct("<Q")
"""The credit file: rounds granted since the start, 8 bytes, little endian. Memory that is shared
with the bench, so that looking at it costs no system call."""

LOOK_S = 0.02
BREATH = 32
"""Sentences between two turns of the event loop."""

PAST_MS = 3_600_000
"""A flood's samples are a millisecond apart and begin an hour ago, so that none is in the
future however fast they come, and each is newer than the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    channels: int = 1
    credit: Path | None = None


def describe(config: Config) -> tuple[Channel, ...]:
    """Return so many numbers."""
    return tuple(Channel(f"c{i}", "number") for i in range(config.channels))


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Asked | Speaking]:
    """Yield the device."""
    names = [f"c{i}" for i in range(config.channels)]
    if config.credit is None:
        yield Asked(names)
        return
    with (
        config.credit.open("rb") as file,
        mmap.mmap(file.fileno(), GRANT.size, access=mmap.ACCESS_READ) as granted,
    ):
        yield Speaking(names, granted)


class Asked:
    """A sensor of some quantities."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._count = 0

    async def read(self) -> Sequence[Measurement]:
        """Return the next sample."""
        self._count += 1
        return [
            Measurement(name, 20.0 + (self._count + i) % 1000 / 100)
            for i, name in enumerate(self._names)
        ]


class Speaking:
    """A device that says as much as it is granted."""

    def __init__(self, names: Sequence[str], granted: mmap.mmap) -> None:
        self._names = names
        self._granted = granted

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield one sample at once, then as many as are granted."""
        start_ms = time.time_ns() // 1_000_000 - PAST_MS
        said = 0
        while True:
            granted = GRANT.unpack(self._granted[:])[0] + 1
            while said < granted:
                said += 1
                time_ms = start_ms + said
                yield [
                    Measurement(name, 20.0 + (said + i) % 1000 / 100, Quality.GOOD, time_ms)
                    for i, name in enumerate(self._names)
                ]
                if not said % BREATH:
                    await asyncio.sleep(0)
            await asyncio.sleep(LOOK_S)
