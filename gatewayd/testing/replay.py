"""Wires that say again what a recording holds, for `gatewayd replay` and for tests of captures.

Each question gets the answers that the same question got when it was recorded, in their order
and at their time: in simulated time a day of recording takes a second. A question that the
recording does not hold is one that the decoder of that day did not ask.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from gatewayd.errors import DeviceAbsent
from gatewayd.ports.frames import Frame, arguments, error_of, path_of, rich

if TYPE_CHECKING:
    from gatewayd.ports import Ports


class RecordingEnds(DeviceAbsent):
    """The decoder has heard everything."""


@dataclass(slots=True)
class Replay:
    """What is left of one recording.

    Attributes:
        now_s: time of the latest frame that was said, in the recording.
        said: frames said so far.
    """

    now_s: float = 0.0
    said: int = 0
    _left: defaultdict[str, deque[Frame]] = field(default_factory=lambda: defaultdict(deque))
    _is_held: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> Replay:
        """Return a replay of frames in the order of their time."""
        replay = cls()
        for frame in frames:
            key = _key(frame.wire, frame.call, frame.given)
            replay._left[key].append(frame)
        replay._is_held = set(replay._left)
        return replay

    @property
    def is_over(self) -> bool:
        """Whether nothing is left that could be said."""
        return not any(self._left.values())

    def ports(self) -> Ports:
        """Return wires for a driver."""
        return cast("Ports", _Wire(self, ""))

    async def answer(self, wire: str, call: str, given: Any) -> Any:
        """Return the next answer to a question, at its time. Raises as it was raised then."""
        frame = self._next(wire, call, given)
        await asyncio.sleep(max(0.0, frame.time_s - self.now_s))
        return self._say(frame)

    def find_at_once(self, wire: str, call: str, given: Any) -> Frame | None:
        """Return the next answer that needed no waiting, None if this call was of another kind."""
        left = self._left.get(_key(wire, call, given))
        return left.popleft() if left and left[0].how == "now" else None

    def _next(self, wire: str, call: str, given: Any) -> Frame:
        key = _key(wire, call, given)
        if self._left[key]:
            return self._left[key].popleft()
        if key in self._is_held:
            raise RecordingEnds("the recording ends here")
        raise DeviceAbsent(f"the recording holds no {wire}.{call}({_shown(given)})")

    def _say(self, frame: Frame) -> Any:
        self.now_s = max(self.now_s, frame.time_s)
        self.said += 1
        error = error_of(frame)
        if error is not None:
            raise error
        return rich(frame.told)


@dataclass(frozen=True, slots=True)
class _Wire:
    """A wire, or what a wire hands out; entering it changes nothing."""

    replay: Replay
    path: str

    is_broken = False
    noise = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given, **named: self._asked(name, given, named)

    async def __aenter__(self) -> _Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing behind."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(_Asked(self.replay, self.path, "items", {}, self.path))

    def _asked(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        told = arguments(given, named)
        frame = self.replay.find_at_once(self.path, name, told)
        if frame is not None:
            return rich(frame.told)
        child = path_of(self.path, name, given)
        return _Asked(self.replay, self.path, name, told, child)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call before anybody knows what becomes of it: awaited, iterated, entered or used."""

    replay: Replay
    path: str
    call: str
    given: Any
    child: str

    def __await__(self) -> Generator[Any, None, Any]:
        return self.replay.answer(self.path, self.call, self.given).__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self.replay.answer(self.path, self.call, self.given)

    async def aclose(self) -> None:
        """End a stream: nothing is left behind."""

    async def __aenter__(self) -> _Wire:
        return _Wire(self.replay, self.child)

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing behind."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_Wire(self.replay, self.child), name)


def _key(wire: str, call: str, given: Any) -> str:
    return f"{wire}\n{call}\n{json.dumps(given, sort_keys=True)}"


def _shown(given: Any) -> str:
    return json.dumps(given, sort_keys=True)[:100]
