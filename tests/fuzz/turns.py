"""Who is next, and for how long: a fuzzer's hour, shared out among its targets.

Strategy: everybody once, shortly. Then slices, each to the target that has had least, where one
whose last slice still found new branches counts as having had only a part of it. What broke rests
until the next run. All times are processor time, so that a polite run on a busy machine is worth
as much as one that has it for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

FIRST_S_MAX = 5.0
"""For a target's first slice. A shorter run divides its time evenly."""

SLICE_S = 30.0
"""For the others. Each begins by running all that was learnt; a shorter one does little else."""

SLICE_S_MIN = 1.0

LEARNING = 4.0
"""How many times as much a target gets that still learns. With 1 an hour goes to decoders that
are known by heart, with more the others are not looked at again."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one process did.

    Attributes:
        spent_s: processor time, its own and the kernel's for it.
        gained: branches that neither the good messages nor what was learnt before had reached.
        has_held: nothing broke the target.
    """

    spent_s: float
    inputs: int
    branches: int
    gained: int
    has_held: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one target has come in this run."""

    spent_s: float = 0.0
    inputs: int = 0
    branches: int = 0
    gained: int = 0
    slices: int = 0
    findings: int = 0
    is_broken: bool = False

    def after(self, slice: Slice) -> Standing:
        """Return how far it has come with one more slice.

        What a slice gained is what none before it had: where a whole gateway runs behind a
        target, time alone reaches branches too, in every slice again.
        """
        gained = max(0, slice.branches - self.branches) if self.slices else slice.gained
        return Standing(
            self.spent_s + slice.spent_s,
            self.inputs + slice.inputs,
            max(self.branches, slice.branches),
            gained,
            self.slices + 1,
            self.findings + (not slice.has_held),
            not slice.has_held,
        )

    def mended(self) -> Standing:
        """Return it as it begins the next run: what broke it has been looked at meanwhile."""
        return replace(self, is_broken=False)


def spent_s(standings: Mapping[str, Standing]) -> float:
    """Return the processor time of a fuzzer."""
    return sum(each.spent_s for each in standings.values())


def next_fuzzer(
    all_standings: Mapping[str, Mapping[str, Standing]],
    under_way: Mapping[str, float],
    seconds: float,
) -> str | None:
    """Return the fuzzer that has had least and may have more, and None if there is none.

    Args:
        all_standings: of each fuzzer, of each of its targets.
        under_way: the targets that run now, and how long they may.
        seconds: what each fuzzer gets. No first round is cut short by it.
    """
    had_s = {}
    for family, standings in all_standings.items():
        had_s[family] = spent_s(standings) + sum(under_way.get(name, 0.0) for name in standings)
        is_over = had_s[family] >= seconds and all(
            each.slices or name in under_way for name, each in standings.items()
        )
        if is_over or next_target(standings, under_way) is None:
            del had_s[family]
    return min(had_s, key=lambda family: had_s[family]) if had_s else None


def next_target(standings: Mapping[str, Standing], busy: Collection[str]) -> str | None:
    """Return the target that has had least for what it still learns, and None if all rest."""
    free = {
        name: each for name, each in standings.items() if name not in busy and not each.is_broken
    }
    fresh = [name for name, each in free.items() if not each.slices]
    if fresh:
        return fresh[0]
    return min(free, key=lambda name: _had_s(free[name])) if free else None


def _had_s(standing: Standing) -> float:
    return standing.spent_s / (LEARNING if standing.gained else 1.0)


def slice_s(standing: Standing, targets: int, seconds: float, left_s: float) -> float:
    """Return how long a target's next slice is.

    Args:
        targets: how many the fuzzer has.
        seconds: what it gets in all, of which there is so much left.
    """
    if not standing.slices:
        return min(FIRST_S_MAX, seconds / targets)
    return min(SLICE_S, max(SLICE_S_MIN, left_s))
