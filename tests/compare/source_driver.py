"""A device of the run as a driver of gatewayd; found by its entry point.

Channels:
    c0 … (number), as many as `channels` says

It speaks unasked, as far as the page of `source` grants it.

Source: none.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.model import Channel, Measurement
from gatewayd.ports import Ports

WORD = struct.Struct("<Q")
LOOK_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    page: Path
    index: int
    channels: int


def describe(config: Config) -> tuple[Channel, ...]:
    """Return so many numbers."""
    return tuple(Channel(f"c{i}", "number") for i in range(config.channels))


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Speaking]:
    """Yield the device, which goes on where its last life ended."""
    with config.page.open("r+b") as file, mmap.mmap(file.fileno(), 0) as page:
        yield Speaking(config, page)


class Speaking:
    """A device that says what it is granted."""

    def __init__(self, config: Config, page: mmap.mmap) -> None:
        self._page = page
        self._names = [f"c{i}" for i in range(config.channels)]
        self._begun = (1 + 2 * config.index) * WORD.size
        self._said = self._begun + WORD.size

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield one round after the other; a round is said when the next is asked for."""
        page = self._page
        number: int = WORD.unpack_from(page, self._begun)[0]
        while True:
            while number < WORD.unpack_from(page, 0)[0]:
                number += 1
                WORD.pack_into(page, self._begun, number)
                yield [Measurement(name, number) for name in self._names]
                WORD.pack_into(page, self._said, number)
            await asyncio.sleep(LOOK_S)
