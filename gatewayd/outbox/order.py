"""None comes before what was there already: the times of each channel run forwards.

Strategy: a boot that woke up with a wrong clock is put right by one addition to each of its slabs.
But an earlier boot's clock may have run ahead, or this one's be set back meanwhile: then some rows
would go behind what the clouds have. Those follow it by a millisecond each, as in the recorder,
and only slabs that hold such rows are written anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gatewayd.model import Quality
from gatewayd.outbox.slab import HOLE, MARK, Slab

STEP_MS = 10_000
"""A clock that goes back by less than this was corrected; time stands still meanwhile and the
values stay GOOD. By more, nobody knows which side was right, and they are UNCERTAIN."""

JITTER_MS = 1000
"""A wall clock that moved by less against the time since boot was slewed, not set."""


@dataclass(slots=True)
class Order:
    """The last time of each channel; `floor_ms` stands for that of channels not heard of."""

    floor_ms: int
    last_ms: dict[int, int] = field(default_factory=dict)
    public: Mapping[int, int] = field(default_factory=dict)
    """For a number that is one uplink's own, that of the same channel for all."""

    @property
    def newest_ms(self) -> int:
        """The latest time of all."""
        return max(self.last_ms.values(), default=self.floor_ms)

    def copy(self) -> Order:
        """Return another one that begins where this one is."""
        return Order(self.floor_ms, dict(self.last_ms), self.public)

    def keep(self, slab: Slab, floor_ms: int | None = None) -> Slab:
        """Return a slab whose times run forwards within each channel, the same if they do.

        Args:
            floor_ms: in place of this one's own.
        """
        base_ms, last_ms, public = slab.base_ms, self.last_ms, self.public
        floor_ms = self.floor_ms if floor_ms is None else floor_ms
        late: dict[int, int] = {}
        doubtful: list[int] = []
        for place, own in enumerate(slab.numbers):
            if own == HOLE:
                continue
            number = public.get(own, own)
            time_ms, last = base_ms + slab.times[place], last_ms.get(number, floor_ms)
            if time_ms <= last:
                if last - time_ms > STEP_MS:
                    doubtful.append(place)
                time_ms = last + 1
                late[place] = time_ms - base_ms
            last_ms[number] = time_ms
        if not late:
            return slab
        times = [late.get(place, time) for place, time in enumerate(slab.times)]
        qualities = list(slab.qualities or [0] * len(times))
        for place in doubtful:
            qualities[place] = max(qualities[place], Quality.UNCERTAIN)
        return replace(slab, times=times, qualities=qualities if any(qualities) else None)


@dataclass(slots=True)
class Marking:
    """Times for rows that leave before anybody knows the time: as the clock believes, but never
    before what was there already. Where it believes less it is put ahead, so that the rows keep
    their distances; they cannot be later than the truth then, for they were taken after that.
    """

    order: Order
    _boot: str = ""
    _offset_ms: int = 0
    _lead_ms: int = 0

    def move(self, slab: Slab) -> Slab:
        """Return a waiting slab as one that may leave; its boot is still told, see `MARK`."""
        assert slab.boot is not None
        is_set = abs(slab.offset_ms - self._offset_ms) >= JITTER_MS
        if is_set or slab.boot != self._boot:
            first_ms = slab.base_ms + min(slab.times)
            self._lead_ms = max(0, self.order.newest_ms + 1 - first_ms)
        self._boot, self._offset_ms = slab.boot, slab.offset_ms
        ahead = replace(
            slab,
            base_ms=slab.base_ms + self._lead_ms,
            offset_ms=slab.offset_ms + self._lead_ms,
            boot=MARK + slab.boot,
        )
        return self.order.keep(ahead)

    def follow(self, slab: Slab) -> Slab:
        """Return a slab of another log with what may leave of it behind what is here."""
        if slab.is_waiting:
            return slab
        boot = (slab.boot or "").removeprefix(MARK)
        return self.move(replace(slab, boot=boot)) if boot else self.order.keep(slab)
