"""Two switches whose on is trouble: `crash` is a bug in a driver, `block` holds up the event loop.

Channels:
    crash, block (switch), written

It runs in the daemon's process, which finds it by its entry point as any outside driver's.

Source: none.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.model import Access, Channel, Value
from gatewayd.ports import Ports

BLOCK_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """No keys of its own."""


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the two."""
    return tuple(Channel(name, "switch", access=Access.WRITE) for name in ("crash", "block"))


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Trouble]:
    """Yield the actuator."""
    yield Trouble()


class Trouble:
    """What no driver may be."""

    async def write(self, channel: str, value: Value) -> None:
        """Make trouble when switched on."""
        if value and channel == "crash":
            raise RuntimeError("a bug in a driver")
        if value:
            time.sleep(BLOCK_S)  # noqa: ASYNC251  # The trouble itself.

    async def read_back(self, channel: str) -> None:
        """Return None: it cannot say."""


def install(folder: Path) -> None:
    """Put a distribution into the folder whose entry point is this driver."""
    info = folder / "trouble_driver-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trouble-driver\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[gatewayd.drivers]\ntrouble = {__name__}\n")
