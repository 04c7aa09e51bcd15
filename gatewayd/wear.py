"""What is written to the card: by this process, and to the device that holds the state folder.

Two counters of the kernel, both shown: `write_bytes` of /proc/self/io, and the sectors written of
/sys/block/DEVICE/stat, which also counts everybody else. From them and the owner's budget the
pause between two commits follows (card.choose_interval).

Characteristics: in nothing but the kernel's counters · buffered one sample a minute for a day ·
event loop only; these files are memory, reading them takes microseconds · not durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from gatewayd.card import DAY_S, OWN_FACTOR, WRITES, Endurance, choose_interval

OWN_IO = Path("/proc/self/io")
MOUNTS = Path("/proc/self/mountinfo")
SYS = Path("/sys")
SECTOR_BYTES = 512
"""Of these two files, whatever the device's own sectors are (Documentation/block/stat.rst)."""

LOOK_S = 60.0
SAMPLES_MAX = 24 * 60
WINDOW_S_MIN = 300.0
"""A rate over less than five minutes says nothing about a day."""

SMOOTH = 0.2
"""How much one commit counts in the mean of their costs: some ten commits, so that one folding of
the WAL does not stand for all."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Both counters at one moment, in bytes; `device` is None where it cannot be read."""

    at_s: float
    own: int
    device: int | None


@dataclass(frozen=True, slots=True)
class Device:
    """The whole block device that holds a folder."""

    name: str
    stat: Path
    size_bytes: int

    def written(self) -> int | None:
        """Return the bytes written since it was attached, or None when it is gone."""
        try:
            return int(self.stat.read_text().split()[6]) * SECTOR_BYTES
        except (OSError, ValueError, IndexError):
            return None


def find_number(mounts: str, folder: Path) -> str | None:
    """Return `major:minor` of the file system that holds a folder, from mountinfo's text.

    Source: proc_pid_mountinfo(5): field 3 is the number, field 5 the place, spaces as `\\040`.
    """
    found, depth = None, -1
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 5:
            continue
        place = Path(fields[4].replace("\\040", " "))
        # A later mount at the same place covers the one before.
        if folder.is_relative_to(place) and len(place.parts) >= depth:
            found, depth = fields[2], len(place.parts)
    return found


def find_device(folder: Path, mounts: Path = MOUNTS, sys: Path = SYS) -> Device | None:
    """Return the device under a folder, a partition's whole one; None on tmpfs, overlay, NFS."""
    try:
        number = find_number(mounts.read_text(errors="replace"), folder.resolve())
        place = (sys / "dev/block" / str(number)).resolve(strict=True)
        if (place / "partition").exists():
            place = place.parent
        size_bytes = int((place / "size").read_text()) * SECTOR_BYTES
    except (OSError, ValueError):
        return None
    return Device(place.name, place / "stat", size_bytes)


def own_written(file: Path = OWN_IO) -> int:
    """Return the bytes that this process had written to block devices; 0 where nobody counts."""
    try:
        for line in file.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "write_bytes":
                return int(value)
    except (OSError, ValueError):
        pass
    return 0


class Wear:
    """Watches the counters of one gateway and paces its commits."""

    def __init__(
        self,
        device: Device | None,
        endurance: Endurance | None,
        floor_s: float,
        most_s: float | None = None,
        own_io: Path = OWN_IO,
    ) -> None:
        """`floor_s` is the commit interval, `most_s` how far it may be stretched to fit."""
        self.device, self.endurance = device, endurance
        self.floor_s, self.most_s = floor_s, max(floor_s, most_s or floor_s)
        self._io = own_io
        self._first = own_written(own_io)
        self._seen = self._first
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX + 1)
        self._commit_bytes = 0.0
        self._is_writing = False

    def committed(self) -> None:
        """Look at what the last commit cost."""
        own = own_written(self._io)
        cost, self._seen = (own - self._seen) * OWN_FACTOR, own
        self._is_writing = cost > 0
        if cost > 0:
            weight = SMOOTH if self._commit_bytes else 1.0
            self._commit_bytes += (cost - self._commit_bytes) * weight

    def interval_s(self) -> float:
        """Return how long to wait before the next commit; longer only while commits write."""
        if self.endurance is None or not self._is_writing:
            return self.floor_s
        room = self.endurance.bytes_a_day - self._others_a_day()
        return choose_interval(self._commit_bytes, room, self.floor_s, self.most_s)

    async def run(self) -> None:
        """Take a sample a minute until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.look(loop.time())
            await asyncio.sleep(LOOK_S)

    def look(self, now_s: float) -> None:
        """Take one sample."""
        device = self.device.written() if self.device else None
        self._samples.append(Sample(now_s, own_written(self._io), device))

    def rates_a_day(self) -> tuple[float | None, float | None]:
        """Return bytes a day of this process and of the device, of the last day; None = not yet."""
        if not self._samples or self.window_s < WINDOW_S_MIN:
            return None, None
        first, last = self._samples[0], self._samples[-1]
        scale = DAY_S / self.window_s
        own = (last.own - first.own) * scale
        if first.device is None or last.device is None or last.device < first.device:
            return own, None
        return own, (last.device - first.device) * scale

    @property
    def window_s(self) -> float:
        """How long the samples reach back."""
        return self._samples[-1].at_s - self._samples[0].at_s if self._samples else 0.0

    def _others_a_day(self) -> float:
        own, device = self.rates_a_day()
        if own is None or device is None:
            return 0.0
        return max(0.0, device - own * OWN_FACTOR)

    def report(self) -> dict[str, object]:
        """Return what status shows; its keys are told in console/surface."""
        own, device = self.rates_a_day()
        card = self.endurance
        if card is None and self.device is not None:
            card = Endurance(self.device.size_bytes, WRITES)
        rate = device if device is not None else own and own * OWN_FACTOR
        years = card.years_at(rate) if card and rate is not None else None
        return {
            "device": self.device.name if self.device else None,
            "size_bytes": round(card.size_bytes) if card else None,
            "written_bytes": own_written(self._io) - self._first,
            "window_s": round(self.window_s),
            "own_bytes_a_day": None if own is None else round(own),
            "device_bytes_a_day": None if device is None else round(device),
            "budget_bytes_a_day": round(self.endurance.bytes_a_day) if self.endurance else None,
            "years_left": None if years is None else round(years, 1),
            "interval_s": round(self.interval_s(), 3),
        }
