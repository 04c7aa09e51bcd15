"""Which readings of a slab the log can do without when it is full; pure.

Strategy: what is lost first is what says least. A reading between two equal ones says nothing
that they do not. Of old numbers, the lowest, the highest and the last of a window tell the curve.
Switches, texts, places and reasons are kept wherever they change: there is nothing between two
of them. Whoever calls spares alarms and counters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gatewayd.outbox.slab import HOLE, Slab


@dataclass(frozen=True, slots=True)
class Thinning:
    """One way to thin: `reason` is what the ledger calls it. `window_ms` None = all goes, 0 =
    repeats, else all numbers but minimum, maximum and last of a window."""

    reason: str
    window_ms: int | None


THINNINGS = (
    Thinning("thinned/repeats", 0),
    Thinning("thinned/5min", 300_000),
    Thinning("thinned/1h", 3_600_000),
)
"""In this order, each over the whole log, the oldest first, before the next begins."""

DROPPING = Thinning("full", None)
"""What comes after them: alarms and counters stay, all else of the oldest goes."""


def surplus(slab: Slab, spared: frozenset[int], thinning: Thinning) -> list[int]:
    """Return the places of a slab that can go, in order.

    Args:
        spared: channel numbers of which nothing may go.
    """
    places: list[int] = []
    for mine in _by_channel(slab, spared):
        if thinning.window_ms is None:
            places += mine
        elif thinning.window_ms == 0:
            places += _repeats(slab, mine)
        else:
            places += _inner(slab, mine, thinning.window_ms)
    return sorted(places)


def thinned(slab: Slab, places: list[int]) -> Slab:
    """Return a slab with holes at these places; its range of numbers is the same."""
    gone = set(places)
    keeps = [place not in gone for place in range(len(slab.numbers))]
    return replace(
        slab,
        numbers=[n if k else HOLE for n, k in zip(slab.numbers, keeps, strict=True)],
        times=[t if k else 0 for t, k in zip(slab.times, keeps, strict=True)],
        values=[v if k else None for v, k in zip(slab.values, keeps, strict=True)],
        qualities=slab.qualities
        and [q if k else 0 for q, k in zip(slab.qualities, keeps, strict=True)],
    )


def _by_channel(slab: Slab, spared: frozenset[int]) -> Iterator[list[int]]:
    found: dict[int, list[int]] = {}
    for place, number in enumerate(slab.numbers):
        if number != HOLE and number not in spared:
            found.setdefault(number, []).append(place)
    yield from found.values()


def _repeats(slab: Slab, mine: list[int]) -> Iterator[int]:
    for before, place, after in zip(mine, mine[1:], mine[2:], strict=False):
        if _is_same(slab, before, place) and _is_same(slab, place, after):
            yield place


def _is_same(slab: Slab, one: int, other: int) -> bool:
    is_equal = slab.values[one] == slab.values[other]
    return is_equal and (slab.qualities is None or slab.qualities[one] == slab.qualities[other])


def _inner(slab: Slab, mine: list[int], window_ms: int) -> Iterator[int]:
    """Yield the numbers that are neither the lowest, the highest nor the last of their window."""
    windows: dict[int, list[tuple[float, int]]] = {}
    for place in mine:
        value = slab.values[place]
        if isinstance(value, int | float) and not isinstance(value, bool):
            window = (slab.base_ms + slab.times[place]) // window_ms
            windows.setdefault(window, []).append((value, place))
    for found in windows.values():
        kept = {min(found)[1], max(found)[1], found[-1][1]}
        yield from (place for _, place in found if place not in kept)
