"""How often each output left its safe state within the last day; survives restarts.

Strategy: two small files, as totals have them. The one in memory (tmpfs) is written at every
cycle and survives the death of the process; the one on the card is written once a minute at the
most, when the program ends, and at once where the last one was killed. A power cut forgets the
last minute. Ages are kept, not dates: a wall clock that jumps makes no cycle older.

Characteristics: in cycles · out how many there were · remembers `CYCLES_MAX` an output · event
loop only, the card is written in a thread of its own · durable as said above.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.errors import DeviceTimeout
from gatewayd.fields import show_duration
from gatewayd.model import ChannelId
from gatewayd.ports.worker import Worker
from gatewayd.small_files import DAMAGE, replace_file

NAME = "cycles.json"
"""In both folders."""

DAY_MS = 86_400_000

CYCLES_MAX = 10_000
"""The most that `cycles_max` may be: one every 9 s, which wears out any relay within months."""

SAVE_S = 60.0
"""Each time costs the card some 20 kB, and only outputs that count their cycles cause it."""

WRITE_S = 30.0
"""A card that takes longer hangs; the next save finds out."""

BYTES_MAX = 16 * 2**20


class Cycles:
    """The cycles of every output that counts them; without folders they live in memory alone."""

    def __init__(
        self,
        clock: Clock,
        hot_dir: Path | None = None,
        state_dir: Path | None = None,
        note: Callable[..., object] = lambda event, **facts: None,
    ) -> None:
        """Read what was kept; a file that cannot be read is told of and counts as none."""
        self._clock, self._note = clock, note
        self._hot = hot_dir / NAME if hot_dir else None
        self._card = state_dir / NAME if state_dir else None
        self._of = str(state_dir)
        self._stamps: dict[ChannelId, deque[int]] = {}
        self._changed = asyncio.Event()
        self._is_behind = False
        """Whether the card may not know what a killed life counted."""
        self._load()

    def count(self, name: ChannelId, most: int | None) -> None:
        """Note that an output leaves its safe state now; without a limit nothing is noted."""
        if most is None:
            return
        stamps = self._stamps.setdefault(name, deque(maxlen=CYCLES_MAX))
        stamps.append(self._clock.boottime_ms())
        self._changed.set()

    def find_objection(self, name: ChannelId, most: int | None) -> str | None:
        """Return why an output may not leave its safe state now, as a sentence, or None."""
        stamps = self._stamps.get(name, ())
        wait_s = left_s(stamps, self._clock.boottime_ms(), most)
        if wait_s is None:
            return None
        wait = show_duration(wait_s)
        return f"{name} was switched {most} times within a day (cycles_max): {wait} to go"

    async def run(self) -> None:
        """Write to both tiers as they are due, until cancelled; then to the card."""
        loop, card = asyncio.get_running_loop(), Worker("cycles")
        due_s = loop.time() if self._is_behind else None
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due_s):
                        await self._changed.wait()
                if self._changed.is_set():
                    self._changed.clear()
                    self._write(self._hot, self._packed())
                    due_s = due_s or loop.time() + SAVE_S
                if due_s is not None and loop.time() >= due_s:
                    due_s = None
                    with suppress(DeviceTimeout):
                        data = self._packed()
                        await card.run(self._write, self._card, data, timeout_s=WRITE_S)
        finally:
            await card.close(partial(self._finish, self._packed()))

    def _packed(self) -> bytes:
        now_ms = self._clock.boottime_ms()
        ages = {name: _ages(stamps, now_ms) for name, stamps in self._stamps.items()}
        ages = {name: each for name, each in ages.items() if each}
        saved = {
            "of": self._of,
            "boot": self._clock.boot_id(),
            "boottime_ms": now_ms,
            "time_ms": self._clock.now_ms(),
            "ages_ms": ages,
        }
        return json.dumps(saved, separators=(",", ":")).encode() + b"\n" if ages else b""

    def _finish(self, data: bytes) -> None:
        """Bring all to the card; what memory held is then of no more use."""
        if self._write(self._card, data) and self._hot is not None:
            self._hot.unlink(missing_ok=True)

    def _write(self, path: Path | None, data: bytes) -> bool:
        if path is None or not data:
            return False
        try:
            replace_file(path, data)
        except OSError as error:
            self._note("cycles", what=f"{path} cannot be written: {error.strerror}")
            return False
        return True

    def _load(self) -> None:
        """Take the file in memory where there is one: it is never older than the card's."""
        for path in filter(None, (self._hot, self._card)):
            try:
                with path.open("rb") as file:
                    self._stamps = unpack(file.read(BYTES_MAX), self._of, self._clock)
            except FileNotFoundError:
                continue
            except DAMAGE as error:
                self._note("cycles", what=f"{path} cannot be read: {error}")
                continue
            if self._stamps:
                self._is_behind = path == self._hot
                return


def _ages(stamps: Iterable[int], now_ms: int) -> list[int]:
    return [now_ms - stamp for stamp in stamps if now_ms - stamp < DAY_MS]


def left_s(stamps: Iterable[int], now_ms: int, most: int | None) -> float | None:
    """Return the seconds until one more cycle is allowed, or None if it is now.

    Args:
        stamps: of earlier cycles, on the same clock as `now_ms`, in order.
    """
    if most is None:
        return None
    recent = _ages(stamps, now_ms)
    if len(recent) < most:
        return None
    # The one after whose day there are fewer than `most`.
    return (DAY_MS - recent[len(recent) - most]) / 1000 if most else DAY_MS / 1000


def unpack(data: bytes, of: str, clock: Clock) -> dict[ChannelId, deque[int]]:
    """Return the stamps in a file, on the clock since this boot; empty for another gateway's.

    Raises:
        DAMAGE: it is not what was written.
    """
    saved = json.loads(data)
    if saved["of"] != of:
        return {}
    # Over a boot only the wall clock tells, and one that was set back makes nothing older.
    if saved["boot"] == clock.boot_id():
        since_ms = clock.boottime_ms() - int(saved["boottime_ms"])
    else:
        since_ms = max(0, clock.now_ms() - int(saved["time_ms"]))
    now_ms = clock.boottime_ms()
    return {
        ChannelId(str(name)): deque((now_ms - since_ms - int(age) for age in ages), CYCLES_MAX)
        for name, ages in saved["ages_ms"].items()
    }
