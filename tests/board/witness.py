"""What the world saw of a board while its disk was logged: when, and how far the log was then.

Strategy: nobody asks the board. A cloud that takes everything at once is a witness of what the
log had accepted; another one is away for a part of the time, and is owed. Both are here, and so is
the disk's log, so all of it has one clock. What the log had so many entries for, had been seen
before the next one: what is tied to an entry is tied to it surely, or a moment too late.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from gatewayd.model import Value
from tests.board.disklog import count_entries
from tests.live.cloud import Cloud

LOOK_S = 0.01

Row = tuple[str, int, Value | None]
"""Channel, time (UTC ms), value: no channel has two rows of one time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """When something was seen first (monotonic), and how many entries the disk's log had."""

    at_s: float
    entries: int


@dataclass(slots=True)
class Witness:
    """Looks at clouds and log all the time; is asked afterwards.

    Attributes:
        looks: every look.
        rows: by cloud, every row it has, and when it was seen there first.
        heard: by port of the guest, each line that came, and when.
        down: (from, to): when no daemon ran.
    """

    log: Path
    clouds: Mapping[str, Cloud]
    channels: Sequence[str]
    looks: list[Seen] = field(default_factory=list)
    rows: dict[str, dict[Row, Seen]] = field(default_factory=dict)
    heard: dict[str, list[tuple[str, Seen]]] = field(default_factory=dict)
    down: list[tuple[float, float]] = field(default_factory=list)

    def now(self) -> Seen:
        """Return what is now."""
        return Seen(asyncio.get_running_loop().time(), count_entries(self.log))

    async def look(self) -> None:
        """Look until cancelled."""
        counts = {(name, channel): 0 for name in self.clouds for channel in self.channels}
        for name in self.clouds:
            self.rows[name] = {}
        while True:
            seen = self.now()  # What is there by now was there at the next look at the latest.
            self.looks.append(seen)
            for (name, channel), known in counts.items():
                if self.clouds[name].count(channel) > known:
                    points = self.clouds[name].points(channel)
                    for time_ms, value in points[known:]:
                        self.rows[name][channel, time_ms, value] = self.now()
                    counts[name, channel] = len(points)
            await asyncio.sleep(LOOK_S)

    async def listen(self, port: str, socket: Path) -> None:
        """Take in what comes out of one port of the guest, until cancelled."""
        lines = self.heard.setdefault(port, [])
        reader, writer = await asyncio.open_unix_connection(socket)
        try:
            while line := await reader.readline():
                lines.append((line.decode().rstrip("\n"), self.now()))
        finally:
            writer.close()

    # Asked afterwards

    def end_s(self, entries: int) -> float:
        """Return the last moment at which the log had no more than so many entries."""
        at = bisect_right(self.looks, entries, key=lambda seen: seen.entries)
        return self.looks[max(0, at - 1)].at_s

    def lived_s(self, at_s: float) -> float:
        """Return a moment on a clock that stands still while no daemon runs."""
        return at_s - sum(max(0.0, min(at_s, end_s) - start_s) for start_s, end_s in self.down)

    def stall_s(self, name: str) -> float:
        """Return the longest time in which a cloud got nothing from a daemon that ran: so long an
        emulated machine on a busy host stands still."""
        times = sorted({self.lived_s(seen.at_s) for seen in self.rows[name].values()})
        return max(later - earlier for earlier, later in pairwise(times))
