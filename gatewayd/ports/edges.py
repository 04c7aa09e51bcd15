"""Lines of a GPIO chip as inputs: their levels, and each change of them with its instant.

Strategy: the kernel watches, debounces and queues; nothing here runs while nothing changes. Its
queue holds the newest `QUEUE_MAX` edges, and their numbers tell how many it had to drop. Where it
cannot debounce, the raw edges are debounced here by their own instants. Where the chip has no
interrupt at all (an expander whose INT pin is not wired), the levels are looked at now and then.

Source: Linux kernel, Documentation/userspace-api/gpio/gpio-v2-get-line-ioctl.rst.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from gpiod import EdgeEvent, LineRequest, LineSettings

    from gatewayd.ports.line import Line

CONSUMER = "gatewayd"

QUEUE_MAX = 1024
"""Edges that the kernel keeps for a request; more it does not give."""

EDGES_MAX = 64
"""Edges taken from the kernel in one go, as libgpiod reserves room for."""

_UNABLE = frozenset({errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.ENOSYS, errno.EOPNOTSUPP, 524})
"""What the kernel says to a wish that the chip cannot fulfil; 524 is its inner ENOTSUPP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """How lines are watched.

    Attributes:
        active_low: a low pin counts as active.
        bias: the pull resistor inside the chip; `as-is` leaves what the firmware set.
        debounce_s: a level that stood shorter does not count; 0 takes every edge.
        edges: `active` tells only when a line becomes active; cheaper, for counting.
    """

    active_low: bool = False
    bias: Literal["as-is", "pull-up", "pull-down", "disabled"] = "as-is"
    debounce_s: float = 0.0
    edges: Literal["both", "active"] = "both"


class Edge(NamedTuple):
    """One change of a line.

    Attributes:
        time_ns: when it happened, in the event loop's clock (CLOCK_MONOTONIC).
        missed: edges of this line right before it that nobody has seen; 0 where the edges are
            debounced here, because nobody can say how many of them would have counted.
    """

    line: Line
    is_active: bool
    time_ns: int
    missed: int = 0


@dataclass(slots=True)
class Debouncer:
    """Takes the raw edges of one line and gives those whose level stood long enough; pure."""

    period_ns: int
    is_active: bool
    """The level that counts now."""
    _pending: Edge | None = None

    def begin(self, is_active: bool) -> None:
        """Count from this level on; what was pending is forgotten."""
        self.is_active, self._pending = is_active, None

    def feed(self, edge: Edge) -> Edge | None:
        """Take a raw edge; return the one before it, if that stood until now and is news."""
        settled = self.settle(edge.time_ns)
        self._pending = edge._replace(missed=0)  # Which of them would have stood?
        return settled

    def settle(self, now_ns: int) -> Edge | None:
        """Return the pending edge if it has stood long enough and is news."""
        if self._pending is None or now_ns < self._pending.time_ns + self.period_ns:
            return None
        edge, self._pending = self._pending, None
        if edge.is_active == self.is_active:
            return None
        self.is_active = edge.is_active
        return edge

    @property
    def due_ns(self) -> int | None:
        """When the pending edge will have stood long enough."""
        return self._pending and self._pending.time_ns + self.period_ns


class Taken(NamedTuple):
    """What a look into the kernel's queue gives, and when to look again without being woken."""

    edges: list[Edge]
    due_ns: int | None


@dataclass(slots=True)
class Held:
    """One request of the kernel, and how far its edges were read. Belongs to the port's thread.

    Attributes:
        names: the lines as they were asked for, by offset.
        debouncers: by offset; empty where the kernel debounces.
        lost: edges that the kernel dropped, of all lines.
    """

    request: LineRequest
    settings: InputSettings
    has_edges: bool
    names: Mapping[int, Line]
    debouncers: dict[int, Debouncer] = field(default_factory=dict)
    lost: int = 0
    _line_seqno: dict[int, int] = field(default_factory=dict)
    _seqno: int = 0
    _levels: dict[int, bool] = field(default_factory=dict)

    def levels(self) -> dict[Line, bool]:
        """Return whether each line is active now. Raises OSError."""
        return {self.names[offset]: value for offset, value in self._look().items()}

    def take(self, now_ns: int) -> Taken:
        """Return what has happened since the last look, debounced. Raises OSError."""
        if not self.has_edges:
            return Taken(self._compare(now_ns), None)
        edges: list[Edge] = []
        taken, lost = 0, self.lost
        while taken < QUEUE_MAX and self.request.wait_edge_events(timedelta(0)):
            with errno_kept():
                events = self.request.read_edge_events(EDGES_MAX)
            taken += len(events)
            edges += [edge for event in events if (edge := self._accept(event))]
        if self.lost > lost:
            self.prepare()
        for debouncer in self.debouncers.values():
            if settled := debouncer.settle(now_ns):
                edges.append(settled)
        if self.settings.edges == "active":
            edges = [edge for edge in edges if edge.is_active]
        dues = [each.due_ns for each in self.debouncers.values() if each.due_ns is not None]
        return Taken(edges, min(dues, default=None))

    def prepare(self) -> None:
        """Note where the lines stand: at the beginning, and after lost edges. Raises OSError."""
        self._levels = self._look()
        for offset, debouncer in self.debouncers.items():
            debouncer.begin(self._levels[offset])

    def _accept(self, event: EdgeEvent) -> Edge | None:
        offset = event.line_offset
        missed = event.line_seqno - self._line_seqno.get(offset, 0) - 1
        self._line_seqno[offset] = event.line_seqno
        self.lost += event.global_seqno - self._seqno - 1
        self._seqno = event.global_seqno
        is_active = event.event_type is event.Type.RISING_EDGE
        edge = Edge(self.names[offset], is_active, event.timestamp_ns, missed)
        return self.debouncers[offset].feed(edge) if self.debouncers else edge

    def _look(self) -> dict[int, bool]:
        from gpiod.line import Value

        with errno_kept():
            values = self.request.get_values()
        return {
            offset: value is Value.ACTIVE for offset, value in zip(self.names, values, strict=True)
        }

    def _compare(self, now_ns: int) -> list[Edge]:
        before, self._levels = self._levels, self._look()
        return [
            Edge(self.names[offset], value, now_ns)
            for offset, value in self._levels.items()
            if value != before[offset]
        ]


def request_inputs(path: Path, lines: Sequence[Line], settings: InputSettings) -> Held:
    """Request lines as inputs, with as much help of the kernel as it has; blocks.

    Raises:
        OSError: no such chip, a line in use, or no right to it.
        ValueError: no such line, or one twice.
    """
    own_s = settings.debounce_s
    # What is watched at best, then without the kernel's debouncing, then without its edges.
    ways = [(True, own_s), (True, 0.0), (False, 0.0)] if own_s else [(True, 0.0), (False, 0.0)]
    while True:
        has_edges, kernel_s = ways.pop(0)
        is_own = has_edges and bool(own_s) and not kernel_s
        wanted = _line_settings(settings, has_edges, kernel_s, is_own)
        try:
            request = _request(path, lines, wanted)
            break
        except OSError as error:
            if error.errno in _UNABLE and ways:
                continue
            if error.errno == errno.EINVAL:  # Of a plain input only this can be wrong.
                raise ValueError("no such line, or one twice") from error
            raise
    held = Held(request, settings, has_edges, dict(zip(request.offsets, lines, strict=True)))
    if is_own:
        held.debouncers = {offset: Debouncer(round(own_s * 1e9), False) for offset in held.names}
    try:
        held.prepare()
    except OSError:
        request.release()
        raise
    return held


def _request(path: Path, lines: Sequence[Line], wanted: LineSettings) -> LineRequest:
    import gpiod

    with errno_kept():
        return gpiod.request_lines(
            str(path),
            consumer=CONSUMER,
            config={tuple(lines): wanted},
            event_buffer_size=QUEUE_MAX,
        )


@contextmanager
def errno_kept() -> Iterator[None]:
    """Raise OSError also for the two errors of the kernel that libgpiod's Python makes others of
    (seen with a CP2112 on Linux 6.1, which refuses to debounce with EINVAL).
    """
    try:
        yield
    except ValueError as error:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from error
    except NotImplementedError as error:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)) from error


def _line_settings(
    settings: InputSettings, has_edges: bool, kernel_s: float, is_own: bool
) -> LineSettings:
    import gpiod
    from gpiod.line import Bias, Direction
    from gpiod.line import Edge as Detection

    detection = Detection.BOTH if is_own or settings.edges == "both" else Detection.RISING
    return gpiod.LineSettings(
        direction=Direction.INPUT,
        active_low=settings.active_low,
        bias=Bias[settings.bias.upper().replace("-", "_")],
        edge_detection=detection if has_edges else Detection.NONE,
        debounce_period=timedelta(seconds=kernel_s),
    )
