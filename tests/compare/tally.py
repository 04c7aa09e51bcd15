"""What arrived at the cloud, number by number; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from threading import Lock


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the readings of one run.

    Attributes:
        produced: readings that the gateway's own interface had taken; the device counts them.
        unique: different readings that arrived. It can be larger than produced less lost, by
            what a kill found half-way into the gateway.
        duplicate: arrivals of a reading that was there already.
        lost: produced readings that never arrived.
        reordered: first arrivals after a younger reading of the same channel.
    """

    produced: int
    unique: int
    duplicate: int
    lost: int
    reordered: int

    def as_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """Counts arrivals. Each channel's values are 1, 2, 3 … as its device produced them.

    They come in the client's thread while the stand looks from its own.
    """

    arrivals: int = 0
    duplicate: int = 0
    reordered: int = 0
    _seen: dict[str, set[int]] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, channel: str, number: int) -> None:
        """Count one arrival."""
        with self._lock:
            self.arrivals += 1
            seen = self._seen.setdefault(channel, set())
            if number in seen:
                self.duplicate += 1
                return
            seen.add(number)
            newest = self._newest.get(channel, 0)
            if number < newest:
                self.reordered += 1
            self._newest[channel] = max(newest, number)

    def lost(self, produced: Mapping[str, int]) -> int:
        """Return how many of the numbers 1 … `produced` of each channel are missing."""
        with self._lock:
            return sum(
                count - sum(number <= count for number in self._seen.get(channel, ()))
                for channel, count in produced.items()
            )

    def result(self, produced: Mapping[str, int]) -> Result:
        """Return what became of what was produced."""
        return Result(
            sum(produced.values()),
            sum(map(len, self._seen.values())),
            self.duplicate,
            self.lost(produced),
            self.reordered,
        )
