"""What the server has subscribed to, and which samples are due; decides, sends nothing.

A resource has one stream; another start replaces its id and interval. A sample shows the latest
reading and never reads hardware. Nothing is queued: what cannot be sent now stays due, and shows
what is true when it is sent.

Source: Thinger.io Arduino-Library 2.40.0, `thinger_resource.hpp` and `thinger.h`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gatewayd.board import Board
from gatewayd.clouds.thinger.events import Kind, Path, Sample, StartStream, StopStream
from gatewayd.clouds.thinger.resources import Resource, Role
from gatewayd.clouds.thinger.view import View, describe
from gatewayd.model import Reading, Value

Latest: TypeAlias = tuple[Reading | None, ...]

INTERVAL_S_MIN = 0.1
"""A server that wants samples more often gets ten a second, and so does one that wants all news:
the vendor locks connections that say too much, and the newest says it all."""


@dataclass(slots=True)
class _Stream:
    """One subscription.

    Attributes:
        interval_s: 0 = only when something changes.
        due_s: when the next sample is due (loop time), if there is an interval.
        quiet_s: until when no event may be sent (loop time).
        told: what the last event showed, to know what is news.
        stale: the board's readings when a command's outcome was told before the board knew it.
    """

    id: int
    resource: Resource
    interval_s: float
    due_s: float
    quiet_s: float = 0.0
    told: object = None
    stale: Latest = ()


class Streams:
    """The subscriptions of one connection; at most one a resource."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._streams: dict[Path, _Stream] = {}
        self._held: dict[Path, int] = {}

    @property
    def waits_for_news(self) -> bool:
        """Whether any subscription is told of changes."""
        return any(not each.interval_s or _is_input(each) for each in self._streams.values())

    def start(self, wish: StartStream, resource: Resource, now_s: float) -> None:
        """Subscribe, or change the subscription; a sample with an interval is due at once."""
        if resource.kind in (Kind.RUN, Kind.PARENT):
            return
        interval_s = wish.interval_ms / 1000
        if interval_s:
            interval_s = max(interval_s, INTERVAL_S_MIN)
        stream = _Stream(wish.id, resource, interval_s, now_s)
        stream.told = self._news(stream)
        self._streams[resource.path] = stream

    def stop(self, wish: StopStream) -> None:
        """Unsubscribe from a path, or from the stream with this id where there is no path."""
        path = wish.path if wish.path is not None else self.path_of(wish.id)
        if path is not None:
            self._streams.pop(path, None)

    def path_of(self, id: int) -> Path | None:
        """Return which resource a stream id means."""
        return next((path for path, each in self._streams.items() if each.id == id), None)

    def hold(self, path: Path) -> None:
        """Tell no news of an output for as long as a command for it is under way."""
        self._held[path] = self._held.get(path, 0) + 1

    def release(self, path: Path) -> None:
        """End one `hold`."""
        self._held[path] = self._held.get(path, 1) - 1
        if self._held[path] <= 0:
            del self._held[path]

    def event(self, path: Path, view: View, value: Value | None = None) -> Sample | None:
        """Return the state of a resource as an event of its stream, if it has one.

        Args:
            value: what an output does now, if that is known better than by the board.
        """
        stream = self._streams.get(path)
        if stream is None:
            return None
        stream.told, stream.stale = self._news(stream), self._latest(stream)
        state = describe(stream.resource, view)
        if value is not None:
            stream.told = (value,)
            state = {"in": stream.resource.names[0].show(value)}
        return Sample(stream.id, state, is_event=True)

    def due(self, view: View, now_s: float) -> Iterator[Sample]:
        """Yield the samples and events that are due; what was not asked for stays due."""
        for stream in list(self._streams.values()):
            if stream.interval_s and now_s >= stream.due_s:
                late = (now_s - stream.due_s) // stream.interval_s
                stream.due_s += (late + 1) * stream.interval_s
                yield Sample(stream.id, describe(stream.resource, view))
            if now_s >= stream.quiet_s and self._has_news(stream):
                stream.told, stream.quiet_s = self._news(stream), now_s + INTERVAL_S_MIN
                yield Sample(stream.id, describe(stream.resource, view), is_event=True)

    def next_s(self) -> float | None:
        """Return when the next sample, or an event that waits, is due (loop time), or None."""
        streams = self._streams.values()
        beats = [each.due_s for each in streams if each.interval_s]
        return min(
            [*beats, *(each.quiet_s for each in streams if self._has_news(each))], default=None
        )

    def _has_news(self, stream: _Stream) -> bool:
        if stream.interval_s and not _is_input(stream):
            return False
        if stream.resource.path in self._held or self._latest(stream) == stream.stale:
            return False
        return self._news(stream) != stream.told

    def _news(self, stream: _Stream) -> object:
        """Return what must change for an event: a sensor's reading, an output's value."""
        latest = self._latest(stream)
        if stream.resource.role is Role.SETPOINT:
            return tuple(reading and reading.value for reading in latest)
        return latest

    def _latest(self, stream: _Stream) -> Latest:
        return tuple(self._board.latest(name.channel) for name in stream.resource.names)


def _is_input(stream: _Stream) -> bool:
    return stream.resource.kind in (Kind.INPUT, Kind.IN_OUT)
