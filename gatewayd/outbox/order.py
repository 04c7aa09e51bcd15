"""Rows get their true time once it is known, and none comes before what was dated already.

Strategy: a boot that woke up with a wrong clock is put right by one addition to each of its slabs.
But an earlier boot's clock may have run ahead, or this one's be set back meanwhile: then some rows
would go behind what the clouds have. Those follow it by a millisecond each, as in the recorder,
and only slabs that hold such rows are written anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gatewayd.model import Quality
from gatewayd.outbox.slab import HOLE, Slab
from gatewayd.outbox.tables import Tables

STEP_MS = 10_000
"""A clock that goes back by less than this was corrected; time stands still meanwhile and the
values stay GOOD. By more, nobody knows which side was right, and they are UNCERTAIN."""


@dataclass(slots=True)
class Order:
    """The last time of each channel; `floor_ms` stands for that of channels not heard of."""

    floor_ms: int
    last_ms: dict[int, int] = field(default_factory=dict)

    @property
    def newest_ms(self) -> int:
        """The latest time of all."""
        return max(self.last_ms.values(), default=self.floor_ms)

    def keep(self, slab: Slab) -> Slab:
        """Return a slab whose times run forwards within each channel, the same if they do."""
        base_ms, last_ms, floor_ms = slab.base_ms, self.last_ms, self.floor_ms
        late: dict[int, int] = {}
        doubtful: list[int] = []
        for place, number in enumerate(slab.numbers):
            if number == HOLE:
                continue
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


def redate(tables: Tables, boot: str, offset_ms: int, order: Order) -> int:
    """Shift the slabs of an unsynchronised boot to true time; returns how many.

    Args:
        offset_ms: wall time minus time since boot, now that it is known.
        order: moved along.
    """
    count = 0
    for tier in ("main", "hot"):
        with tables.transaction():
            for slab in tables.of_boot(tier, boot):
                dated_ms = slab.base_ms + offset_ms - slab.offset_ms
                shifted = replace(slab, base_ms=dated_ms, boot=None)
                kept = order.keep(shifted)
                if kept is shifted:
                    tables.rebase(tier, shifted)
                else:
                    tables.replace(tier, (slab,), kept)
                count += 1
    return count
