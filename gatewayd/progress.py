"""Whether an edge makes progress: what is expected of it, learned from its own beats; pure.

Strategy: nothing is asked of those who do the work. Somebody looks every few seconds at the
counters that they keep anyway, and hands them to a plain function with the time: a device that is
asked has its pace, one that speaks unasked has a rhythm that is learned, and a drain says itself
by when it will be done with what it is at. An edge that is down is no silent stop: it has said why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from gatewayd.fields import show_duration

LOOK_S = 2.0
"""How often the counters are looked at; what is said in between counts as one beat. A Pi Zero
spends 0.1 % of its processor on fifty edges; ten times slower would notice late, not cheaper."""

GAPS = 60
"""Pauses that a rhythm is learned from. Of sixty pauses of a device that speaks by chance (a
motion sensor) the longest is at least four times the middle one; of thirty it need not be."""

EVEN = 2.0
"""Where the longest pause is less than so many times the middle one, the device has a rhythm: it
speaks by a clock and not when something happens. Chance does that once in 30 million."""

MISSED = 5.0
"""Longest pauses that may go by before a rhythm has ended: a meter may skip some telegrams."""

QUIET_S_MIN = 30.0
"""No rhythm is missed sooner: opening a device again costs more than the wait."""

UNEVEN_MISSED, UNEVEN_S_MIN = 10.0, 6 * 3600.0
"""A device without a rhythm is missed after so many of its longest pauses, and no sooner than this:
it tells what changes, and at night nothing does. Heartbeats come once an hour as a rule."""

ASKED_MISSED, ASKED_SLACK_S = 3.0, 30.0
"""Beats that a device which is asked may miss, beside its timeout: reading it out of turn and a
busy processor take their time."""

OVERDUE_S = 60.0
"""How long after the moment that it named itself a drain is taken as stuck."""


def middle_of(gaps_s: Iterable[float]) -> float:
    """Return the middle pause of some, the upper of two; `statistics` would cost a megabyte."""
    ordered = sorted(gaps_s)
    return ordered[len(ordered) // 2]


@dataclass(slots=True)
class Rhythm:
    """How regularly something speaks.

    Attributes:
        last_s: when it was heard last; None before.
        gaps_s: its last pauses.
        longest_s: the longest pause of all that ended by themselves.
    """

    last_s: float | None = None
    gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=GAPS))
    longest_s: float = 0.0

    def beat(self, now_s: float) -> None:
        """Note that it was heard."""
        if self.last_s is not None:
            gap_s = now_s - self.last_s
            self.gaps_s.append(gap_s)
            self.longest_s = max(self.longest_s, gap_s)
        self.last_s = now_s

    def breaks(self) -> None:
        """Note that the next pause is none of its own: the connection was opened again."""
        self.last_s = None

    @property
    def is_even(self) -> bool:
        """Whether it speaks by a clock."""
        return len(self.gaps_s) == GAPS and max(self.gaps_s) <= EVEN * middle_of(self.gaps_s)

    @property
    def usual_s(self) -> float | None:
        """Its middle pause, None while too few are known."""
        return middle_of(self.gaps_s) if len(self.gaps_s) == GAPS else None

    def quiet_max(self) -> float:
        """Return how long it may be quiet; for ever while nothing is known of it."""
        if len(self.gaps_s) < GAPS:
            return inf
        if self.is_even:
            return max(QUIET_S_MIN, MISSED * max(self.gaps_s))
        return max(UNEVEN_S_MIN, UNEVEN_MISSED * self.longest_s)


@dataclass(slots=True)
class Count:
    """A counter that is looked at now and then, and when it moved last."""

    value: int = 0
    moved_s: float = 0.0

    def look(self, value: int, now_s: float) -> bool:
        """Note what the counter shows; return whether it has moved since."""
        if value == self.value:
            return False
        self.value, self.moved_s = value, now_s
        return True


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at one device.

    Attributes:
        now_s, up_s: the time, and since when it is connected.
        count: answers that it gave.
        every_s: how often it is asked; None = it speaks unasked.
        timeout_s: how long one answer may take.
        is_switch: whether it tells of nothing but switches, contacts and the like.
    """

    now_s: float
    up_s: float
    count: int
    every_s: float | None
    timeout_s: float = 0.0
    is_switch: bool = False


@dataclass(slots=True)
class DeviceProgress:
    """What is known of one device's progress, over all its connections.

    Attributes:
        quiet_max_s: what the owner says in place of what is learned.
    """

    quiet_max_s: float | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    has_moved: bool = False
    """Whether it said something since it was opened."""
    _count: Count = field(default_factory=Count)
    _up_s: float = -1.0
    _every_s: float | None = None

    def look(self, sight: Sight) -> str | None:
        """Learn from one look, and return how the device has stopped without a word, or None."""
        if sight.up_s != self._up_s or sight.every_s != self._every_s:
            # Opened again, or asked at another pace: the time before tells nothing.
            self._up_s, self._every_s = sight.up_s, sight.every_s
            self.rhythm.breaks()
            self.has_moved = False
            self._count.moved_s = max(sight.up_s, sight.now_s - LOOK_S)
        if self._count.look(sight.count, sight.now_s):
            self.rhythm.beat(sight.now_s)
            self.has_moved = True
            return None
        quiet_s = sight.now_s - self._count.moved_s
        if quiet_s <= self.patience_s(sight):
            return None
        return f"connected and silent for {show_duration(round(quiet_s))}; {self._usual(sight)}"

    def patience_s(self, sight: Sight) -> float:
        """Return how long this device may be quiet."""
        if sight.every_s is not None:
            return ASKED_MISSED * sight.every_s + sight.timeout_s + ASKED_SLACK_S
        if self.quiet_max_s is not None:
            return self.quiet_max_s
        return inf if sight.is_switch else self.rhythm.quiet_max()

    def _usual(self, sight: Sight) -> str:
        if sight.every_s is not None:
            return f"it is asked every {show_duration(sight.every_s)}"
        if self.quiet_max_s is not None:
            return f"quiet_max is {show_duration(self.quiet_max_s)}"
        return f"it used to speak every {show_duration(round(self.rhythm.usual_s or 0.0))}"

    def forgive(self, pause_s: float) -> None:
        """Leave out a time in which the whole program was stopped."""
        self._count.moved_s += pause_s
        if self.rhythm.last_s is not None:
            self.rhythm.last_s += pause_s


@dataclass(slots=True)
class Stage:
    """What a drain is at, in its own words, and by when it will be done with it (loop time).

    One that waits for readings to send is never late.
    """

    doing: str = "opening"
    due_s: float = inf

    def enter(self, doing: str, due_s: float) -> None:
        """Note what begins now."""
        self.doing, self.due_s = doing, due_s


@dataclass(slots=True)
class DrainProgress:
    """Whether a connected uplink with readings to send does what it said, and in time."""

    stage: Stage = field(default_factory=Stage)
    _due_s: float = inf
    _since_s: float | None = None

    def look(self, pending: int, now_s: float) -> str | None:
        """Return how it is stuck, or None.

        It is late when it was seen with readings to send, past its time and unmoved, again and
        again: a reading may have come this very moment to a drain that had waited for hours.
        """
        is_moved, self._due_s = self._due_s != self.stage.due_s, self.stage.due_s
        if is_moved or not pending or now_s <= self._due_s:
            self._since_s = None
            return None
        self._since_s = now_s if self._since_s is None else self._since_s
        if now_s - self._since_s < OVERDUE_S:
            return None
        late = show_duration(round(now_s - self._since_s))
        return f"stuck: {self.stage.doing}, overdue by {late}, with {pending} readings to send"

    def forgive(self, pause_s: float) -> None:
        """Leave out a time in which the whole program was stopped."""
        self._since_s = None


@dataclass(slots=True)
class TakerProgress:
    """Whether the recorder takes what is on the bus."""

    _count: Count = field(default_factory=Count)

    def is_moving(self, waiting: int, taken: int, now_s: float) -> bool:
        """Return whether it took something since the last look, or there was nothing to take."""
        return self._count.look(taken, now_s) or not waiting
