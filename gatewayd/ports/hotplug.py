"""Notices that a wire's node appears in /dev: an adapter was plugged in, or its power came late.

Strategy: the truth is what stands in /dev, and it is looked at once a second while somebody waits
for it. Where udev tells of devices (`gatewayd[hotplug]` is installed, netlink is permitted), its
word makes the next look happen at once; where it does not, nothing else changes. The listener on
netlink lives while somebody waits, no longer.

Characteristics: in patterns of paths · out whether something new stands there · event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.errors import DeviceError
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from pyudev import Monitor

LOOK_S = 1.0
"""How often /dev is looked at while somebody waits; a look costs some ten microseconds."""

SETTLE_S = 0.3
"""From a node's appearance to its being usable: udev still gives it its group and its links."""

OPEN_S = 5.0
"""For loading libudev."""

SUBSYSTEMS = ("tty", "i2c-dev", "gpio", "usb", "bluetooth")

Node = tuple[str, int, int]
"""Path, inode and device number: an adapter that is back under its old name is a new node."""


def nodes(patterns: Iterable[str]) -> frozenset[Node]:
    """Return what stands there now; a link that leads nowhere does not count."""
    found = set()
    for pattern in patterns:
        for path in glob(pattern):  # noqa: PTH207 — Path.glob takes no absolute pattern.
            with suppress(OSError):
                stat = Path(path).stat()
                found.add((path, stat.st_ino, stat.st_rdev))
    return frozenset(found)


@dataclass(slots=True)
class Hotplug:
    """Whoever waits for a wire to appear waits here."""

    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: int = 0
    _monitor: Monitor | None = None
    _is_denied: bool = False

    async def wait_arrival(self, patterns: Sequence[str], timeout_s: float) -> bool:
        """Return True as soon as something new stands there, False after `timeout_s`."""
        if not patterns:
            await asyncio.sleep(timeout_s)
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._watch(patterns, nodes(patterns))
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._hush()
        return True

    async def _watch(self, patterns: Sequence[str], old: frozenset[Node]) -> None:
        await self._listen()
        while True:
            now = nodes(patterns)
            if now - old:
                await asyncio.sleep(SETTLE_S)
                return
            old = now  # What has gone may come back.
            self._told.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._told.wait()

    async def _listen(self) -> None:
        if self._monitor is not None or self._is_denied:
            return
        worker = Worker("hotplug")  # pyudev asks ldconfig where libudev is; that may take a while.
        opened: list[Monitor] = []
        try:
            await worker.run(lambda: opened.append(_open_monitor()), timeout_s=OPEN_S)
        except (ImportError, OSError, DeviceError):
            self._is_denied = True  # Looking is enough.
        finally:
            await worker.close()
        if opened and self._monitor is None:
            self._monitor = opened[0]
            asyncio.get_running_loop().add_reader(self._monitor.fileno(), self._hear)

    def _hear(self) -> None:
        assert self._monitor is not None
        try:
            while self._monitor.poll(0) is not None:
                self._told.set()
        except OSError:  # The kernel dropped messages; what stands there is seen all the same.
            self._told.set()

    def _hush(self) -> None:
        if self._monitor is not None:
            asyncio.get_running_loop().remove_reader(self._monitor.fileno())
            self._monitor = None  # Closes its socket.


def _open_monitor() -> Monitor:
    import pyudev

    monitor = pyudev.Monitor.from_netlink(pyudev.Context())
    for subsystem in SUBSYSTEMS:
        monitor.filter_by(subsystem)
    monitor.start()
    return monitor
