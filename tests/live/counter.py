"""A device that counts on and on, whoever listens: a TCP server behind `socket://`.

Every line is `n,n,…`, one column for each channel. The count never starts again, so what a dead
daemon had taken and what it had not is known without asking it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.peers.listening import listening

COLUMNS = 8
BURST = 4
PAUSE_S = 0.01
"""400 lines a second at the most, 3,200 readings; beyond 1,000 a second a channel's times, which
must differ by a millisecond, would run ahead of the clock."""


@dataclass
class Session:
    """One connection: the daemon that listened, from its connecting to its death."""

    first: int
    """The first number said to it."""
    said: list[tuple[float, int]] = field(default_factory=list)
    """When (monotonic) which number had been said."""
    said_ms: dict[int, float] = field(default_factory=dict)
    """The same by the wall clock, which may be slewed meanwhile."""

    @property
    def last(self) -> int:
        return self.said[-1][1] if self.said else self.first - 1

    def said_by(self, moment_s: float) -> int:
        """Return the last number that had been said at a moment."""
        return max((number for at_s, number in self.said if at_s <= moment_s), default=self.first)


class Counter:
    """The device."""

    def __init__(self, burst: int = BURST, pause_s: float = PAUSE_S) -> None:
        self._burst, self._pause_s = burst, pause_s
        self.number = 0
        self.sessions: list[Session] = []
        self.is_speaking = True
        self.port = 0

    @property
    def channels(self) -> list[str]:
        """The channels of `[device.counter]`, each of which shows every number."""
        return [f"counter/c{column}" for column in range(1, COLUMNS + 1)]

    def settings(self) -> dict[str, Any]:
        """Return the device's section."""
        columns = {f"c{column}": column for column in range(1, COLUMNS + 1)}
        return {
            "driver": "lines",
            "port": f"socket://127.0.0.1:{self.port}",
            "format": "csv",
            "fields": {name: {"kind": "count", "column": at} for name, at in columns.items()},
        }

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak to one listener until it is gone."""
        session = Session(self.number + 1)
        self.sessions.append(session)
        with suppress(ConnectionError):
            while not reader.at_eof():
                if self.is_speaking:
                    writer.write(b"".join(self._next_line() for _ in range(self._burst)))
                    session.said.append((time.monotonic(), self.number))
                    session.said_ms[self.number] = time.time() * 1000
                    await writer.drain()
                await asyncio.sleep(self._pause_s)

    def _next_line(self) -> bytes:
        self.number += 1
        return b",".join([b"%d" % self.number] * COLUMNS) + b"\n"


@asynccontextmanager
async def counting(burst: int = BURST, pause_s: float = PAUSE_S) -> AsyncIterator[Counter]:
    """Plug the device in; it says `burst` lines and pauses."""
    counter = Counter(burst, pause_s)
    async with listening(counter.attend) as counter.port:
        yield counter
