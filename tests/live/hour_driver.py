"""An hour of many channels, said in a rush and dated a second apart; then they go on, live.

Channels:
    c0 … (number), as many as `channels` says; each counts: 0, 1, 2, …

It runs in the daemon's process, which finds it by its entry point as any outside driver's.

Source: none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports import Ports

STEP_MS = 1000
LIVE_S = 0.1
BREATH_S = 0.02
"""Between two minutes of the past: the bus takes 100,000 readings and no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    channels: int
    samples: int


def describe(config: Config) -> tuple[Channel, ...]:
    """Return so many numbers."""
    return tuple(Channel(f"c{i}", "number") for i in range(config.channels))


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Hour]:
    """Yield the device."""
    yield Hour(config)


class Hour:
    """A device that remembered the last hour and now tells it."""

    def __init__(self, config: Config) -> None:
        self._names = [f"c{i}" for i in range(config.channels)]
        self._samples = config.samples

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield the past at once, then a sample every tenth of a second."""
        start_ms = time.time_ns() // 1_000_000 - self._samples * STEP_MS
        for sample in range(self._samples):
            yield self._sample(sample, start_ms + sample * STEP_MS)
            if sample % 60 == 0:
                await asyncio.sleep(BREATH_S)
        sample = self._samples
        while True:
            yield self._sample(sample, time.time_ns() // 1_000_000)
            sample += 1
            await asyncio.sleep(LIVE_S)

    def _sample(self, sample: int, time_ms: int) -> Sequence[Measurement]:
        return [Measurement(name, sample, Quality.GOOD, time_ms) for name in self._names]


def install(folder: Path) -> None:
    """Write what makes a folder on the path look like an installed package with this driver."""
    info = folder / "gatewayd_live-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gatewayd-live\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[gatewayd.drivers]\nhour = tests.live.hour_driver\n")
