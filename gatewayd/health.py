"""How the edges are, and whether the whole still makes progress: for status and the watchdog."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gatewayd.ladder import Ladder

STUCK_S = 60.0
"""A core without a sign for this long is stuck. The slowest SD card seen took 8 s for a commit."""


@dataclass(slots=True)
class Edge:
    """One supervised task: a device's sampler, an actuator's keeper, an uplink.

    `since_s` is loop time of the last change of `is_up`.
    """

    name: str
    is_up: bool = False
    reason: str = "not started yet"
    since_s: float = 0.0
    retry_s: float | None = None
    ends: int = 0
    """How often it ended since start."""
    ladder: Ladder = field(default_factory=Ladder)
    """A device's: which remedy is due, and what helped last."""
    settled: asyncio.Event = field(default_factory=asyncio.Event, repr=False, compare=False)
    """Set once it works, or has failed for the first time."""

    def went_up(self) -> None:
        """Note that it works now."""
        self.settled.set()
        self.is_up, self.reason, self.retry_s = True, "", None
        self.since_s = asyncio.get_running_loop().time()

    def ended(self, error: Exception | None, retry_s: float) -> None:
        """Note that it ended, why, and when it will be tried again."""
        self.settled.set()
        if self.is_up or not self.ends:
            self.since_s = asyncio.get_running_loop().time()
        self.is_up, self.reason, self.retry_s = False, str(error or "finished"), retry_s
        self.ends += 1


@dataclass(slots=True)
class Pulse:
    """Signs of progress of the core, in loop time."""

    beats: dict[str, float] = field(default_factory=dict)
    rests: dict[str, float] = field(default_factory=dict)

    def beat(self, name: str, rest_s: float = 0.0) -> None:
        """Note that a core task went round its loop once more; it may rest so long by itself."""
        self.beats[name], self.rests[name] = asyncio.get_running_loop().time(), rest_s

    def find_ailment(self) -> str | None:
        """Return what is stuck, as a sentence, or None."""
        now_s = asyncio.get_running_loop().time()
        for name, beat_s in self.beats.items():
            if now_s - beat_s > STUCK_S + self.rests[name]:
                return f"{name} made no progress for {now_s - beat_s:.0f} s"
        return None
