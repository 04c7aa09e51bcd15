"""One gateway on the stand: its devices, its wire to the broker, what arrives behind it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.bench.child import Child
from tests.bench.relay import Relay
from tests.bench.subjects import wait_until
from tests.compare.source import Source
from tests.compare.tally import Tally

START_S = 90.0
QUIET_S = 60.0
"""So long nothing new arrives, with the gateway up and the wire joined, before the rest is lost."""

LATE_S = 3.0
"""After the last missing reading, for duplicates."""

SETTLE_S = 240.0
LOOK_S = 0.1


@dataclass(slots=True)
class Stand:
    """Methods block; one thread."""

    start_process: Callable[[], AbstractContextManager[Child]]
    relay: Relay
    source: Source
    tally: Tally
    _life: ExitStack = field(default_factory=ExitStack)
    _child: Child | None = None

    def start(self) -> None:
        """Start the gateway; return when its devices speak."""
        self._child = self._life.enter_context(self.start_process())
        goal = self.source.granted + 1
        self.source.grant(1)
        wait_until(
            lambda: self.source.rounds_said() >= goal, START_S, "the devices speak", self._child
        )

    def wait_connected(self) -> None:
        """Return when the first reading has arrived."""
        wait_until(lambda: self.tally.arrivals > 0, START_S, "the first reading", self._child)

    def kill(self) -> None:
        """SIGKILL, with every child of its own."""
        assert self._child is not None
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.process.wait()
        self._life.close()

    def stop(self) -> None:
        """End the gateway if it runs."""
        self._life.close()

    def settle(self) -> None:
        """Return when everything has arrived, or nothing new does any more.

        Raises:
            RuntimeError: it goes on and on.
        """
        started = quiet_since = time.monotonic()
        arrivals = self.tally.arrivals
        while self.tally.lost(self.source.produced()):
            now = time.monotonic()
            if self.tally.arrivals != arrivals:
                arrivals, quiet_since = self.tally.arrivals, now
            if now - quiet_since > QUIET_S:
                # What it said last may tell why.
                print(self._child.tail() if self._child else "not running", file=sys.stderr)
                break
            if now - started > SETTLE_S:
                raise RuntimeError(f"readings still arrive after {SETTLE_S:.0f} s")
            time.sleep(LOOK_S)
        time.sleep(LATE_S)


class Contestant(Protocol):
    """A gateway that can be put on the stand, from nothing each time."""

    name: str

    def stand(self, folder: Path) -> AbstractContextManager[Stand]:
        """Put it there, not started. `folder` is empty and on a disk."""
        ...
