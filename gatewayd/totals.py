"""Where the totals of counters are kept, so that they survive the program and the power.

Strategy: two tiers, as the outbox has them. A file in memory (tmpfs) is written at every change,
once a second at most, and survives the death of the process; a file on the card is written when
the program ends and every `save_s`, and survives a power cut. A file that cannot be read is set
aside and told of; where both are lost, totals go on UNCERTAIN.

Characteristics: in and out a count a channel · buffered `COUNTS_MAX` · when full new ones are
kept in memory alone · event loop only, the card is written in a thread of its own · durable: a
crash loses what one second counted, a power cut what `save_s` did — and neither loses anything
where the device itself goes on counting.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from gatewayd.counting import Count
from gatewayd.errors import DeviceTimeout
from gatewayd.model import ChannelId
from gatewayd.ports.worker import Worker
from gatewayd.small_files import replace_file

NAME = "totals.json"
"""In both folders."""

HOT_S = 1.0
"""A write to memory costs 0.1 ms; once a second is what nobody notices."""

SAVE_S = 600.0
"""A write to a card costs some 20 kB: 3 MB a day."""

WRITE_S = 60.0
"""A card that takes longer hangs; the next save finds out."""

COUNTS_MAX = 10_000
"""More counters than any gateway has; names of channels that are no more stay in the file."""

BYTES_MAX = 4 * 2**20
"""Nothing that we wrote is larger."""


class Unreadable(ValueError):
    """A file of totals is not what was written."""


class Totals:
    """The counts of all channels; without folders they live as long as the process."""

    def __init__(
        self,
        hot_dir: Path | None = None,
        state_dir: Path | None = None,
        save_s: float = SAVE_S,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Read what was kept; `tell` hears in sentences what is wrong with the files."""
        self._hot = hot_dir / NAME if hot_dir else None
        self._card = state_dir / NAME if state_dir else None
        self._save_s, self._tell = save_s, tell
        self._of = str(state_dir)
        self._counts: dict[ChannelId, Count] = {}
        self._changed = asyncio.Event()
        self._fault: dict[Path, str] = {}
        self.is_lost = False
        """Whether there were totals once that nobody can read any more."""
        self._is_behind = False
        """Whether the card may not know what a killed life counted."""
        self._load()

    def find(self, channel: ChannelId) -> Count | None:
        """Return what is kept of a counter."""
        return self._counts.get(channel)

    def keep(self, channel: ChannelId, count: Count) -> None:
        """Keep where a counter stands now."""
        if channel in self._counts or len(self._counts) < COUNTS_MAX:
            self._counts[channel] = count
            self._changed.set()

    async def run(self) -> None:
        """Write to both tiers as they are due, until cancelled; then to the card, and close."""
        loop, card = asyncio.get_running_loop(), Worker("totals")
        due_s = loop.time() if self._is_behind else None
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due_s):
                        await self._changed.wait()
                if self._changed.is_set():
                    self._changed.clear()
                    self._write(self._hot, self._packed())
                    due_s = due_s or loop.time() + self._save_s
                if due_s is not None and loop.time() >= due_s:
                    due_s = None
                    with suppress(DeviceTimeout):
                        data = self._packed()
                        await card.run(self._write, self._card, data, timeout_s=WRITE_S)
                await asyncio.sleep(HOT_S)
        finally:
            await card.close(partial(self._finish, self._packed()))

    def _packed(self) -> bytes:
        """Return all counts as a file; made on the loop, where they change."""
        return packed(self._counts, self._of) if self._counts else b""

    def _finish(self, data: bytes) -> None:
        """Bring all to the card; what memory held is then of no more use."""
        if self._write(self._card, data) and self._hot is not None:
            self._hot.unlink(missing_ok=True)
        else:
            self._write(self._hot, data)

    def _write(self, path: Path | None, data: bytes) -> bool:
        if path is None or not data:
            return False
        try:
            replace_file(path, data)
        except OSError as error:
            if path not in self._fault:
                self._tell(f"{path} cannot be written: {error.strerror}")
            self._fault[path] = str(error)
            return False
        self._fault.pop(path, None)
        return True

    def _load(self) -> None:
        """Take the newest that can be read: memory if it is there, for it is never older."""
        broken = False
        for path in (self._hot, self._card):
            try:
                found = read_counts(path, self._of) if path else None
            except (OSError, Unreadable) as error:
                broken = True
                self._tell(f"{path} cannot be read ({error}); it is kept as {path}.corrupt")
                if path:
                    with suppress(OSError):
                        path.replace(path.with_name(f"{path.name}.corrupt"))
                continue
            if found is not None and not self._counts:
                self._counts, self._is_behind = found, path == self._hot
        self.is_lost = broken and not self._counts


def read_counts(path: Path, of: str) -> dict[ChannelId, Count] | None:
    """Return the counts in a file, or None where there is none of this gateway.

    Raises:
        OSError: it cannot be read.
        Unreadable: it is not what `packed` made.
    """
    try:
        with path.open("rb") as file:
            return unpacked(file.read(BYTES_MAX + 1), of)
    except FileNotFoundError:
        return None


def packed(counts: Mapping[ChannelId, Count], of: str) -> bytes:
    """Return counts as a file: JSON that a person can read, with a checksum.

    Args:
        of: the folder of the gateway's state; another gateway's totals are not ours.
    """
    body = _text({name: asdict(count) for name, count in counts.items()})
    return f'{{"of":{_text(of)},"crc32":{zlib.crc32(body.encode())},"counts":{body}}}\n'.encode()


def unpacked(data: bytes, of: str) -> dict[ChannelId, Count] | None:
    """Return the counts of a file, or None where they are another gateway's.

    Raises:
        Unreadable: it is not what `packed` made.
    """
    try:
        if len(data) > BYTES_MAX:
            raise Unreadable("too large")
        document = json.loads(data)
        counts = document["counts"]
        if zlib.crc32(_text(counts).encode()) != document["crc32"]:
            raise Unreadable("wrong checksum")
        if document["of"] != of:
            return None
        return {ChannelId(name): Count(**count) for name, count in counts.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error) or type(error).__name__) from error


def _text(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
