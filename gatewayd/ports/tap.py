"""A tap between a driver and its wires, for whoever wants to record what crosses.

Strategy: the driver gets its ports through a thin stand-in that knows nothing of any wire. While
nobody listens, it hands out the wire's own methods; while somebody does, it notes each call with
its answer. What crosses while a device opens (its identity, its calibration) is kept in any case,
because a decoder makes nothing of later frames without it.

Characteristics: in calls · out frames · buffered `OPENING_MAX` of the opening and `FRAMES_MAX`
since the last look · when full the oldest are dropped and counted · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from gatewayd.errors import DeviceError
from gatewayd.ports.frames import Frame, arguments, path_of, plain

if TYPE_CHECKING:
    from gatewayd.ports import Ports

OPENING_MAX = 256
"""Frames of one opening. A chip with its calibration takes five, a Modbus meter a dozen."""

FRAMES_MAX = 4096
"""Frames that wait to be fetched: four seconds of the busiest serial line."""

LISTENING_S = 15.0
"""Who has not come for its frames this long has gone."""

PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


@dataclass(slots=True)
class Tap:
    """The tap of one device."""

    opening: list[Frame] = field(default_factory=list)
    """What crossed when the device was opened last."""
    dropped: int = 0
    """Frames that nobody fetched in time."""
    _frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=FRAMES_MAX))
    _is_opening: bool = False
    _until_s: float = 0.0

    def ports(self, ports: Ports) -> Ports:
        """Return the ports, tapped."""
        return cast("Ports", _Tapped(ports, self, ""))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep what crosses in this block, instead of what crossed in the last such block."""
        self.opening.clear()
        self._is_opening = True
        try:
            yield
        finally:
            self._is_opening = False

    @property
    def is_on(self) -> bool:
        """Whether anybody wants to know."""
        return self._is_opening or asyncio.get_running_loop().time() < self._until_s

    def listen(self) -> None:
        """Begin to note what crosses, from the opening on."""
        self._frames.clear()
        self.dropped = 0
        self._until_s = asyncio.get_running_loop().time() + LISTENING_S

    def fetch(self) -> list[Frame]:
        """Return what has crossed since the last look, and go on listening for a while."""
        frames = list(self._frames)
        self._frames.clear()
        self._until_s = asyncio.get_running_loop().time() + LISTENING_S
        return frames

    def note(self, frame: Frame) -> None:
        """Take one frame."""
        if self._is_opening and len(self.opening) < OPENING_MAX:
            self.opening.append(frame)
        if frame.time_s < self._until_s:
            self.dropped += len(self._frames) == self._frames.maxlen
            self._frames.append(frame)


class _Tapped:
    """Stands before a wire, or before what a wire hands out."""

    __slots__ = ("_path", "_real", "_tap")

    def __init__(self, real: Any, tap: Tap, path: str) -> None:
        self._real, self._tap, self._path = real, tap, path

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found
        if inspect.iscoroutinefunction(found):
            return self._awaited(name, found) if self._tap.is_on else found
        return self._called(name, found)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._stream("items", {}, aiter(self._real))

    def _awaited(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*given: Any, **named: Any) -> Any:
            with self._noting(name, arguments(given, named)) as answer:
                told = await real(*given, **named)
                answer.append(told)
            return told

        return call

    def _called(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            asked = arguments(given, named)
            told = real(*given, **named)
            if inspect.isasyncgen(told):
                return self._stream(name, asked, told)
            if isinstance(told, PLAIN):
                if self._tap.is_on:
                    with self._noting(name, asked, "now") as answer:
                        answer.append(told)
                return told
            path = path_of(self._path, name, given)
            if hasattr(told, "__aenter__"):
                return self._entered(path, told)
            return _Tapped(told, self._tap, path)

        return call

    @asynccontextmanager
    async def _entered(self, path: str, scope: Any) -> AsyncIterator[Any]:
        async with scope as inside:
            yield inside if isinstance(inside, PLAIN) else _Tapped(inside, self._tap, path)

    async def _stream(self, name: str, given: Any, items: Any) -> AsyncGenerator[Any, None]:
        async with AsyncExitStack() as stack:
            if hasattr(items, "aclose"):
                stack.push_async_callback(items.aclose)
            while True:
                with self._noting(name, given, "item") as answer:
                    try:
                        answer.append(await anext(items))
                    except StopAsyncIteration:
                        return
                yield answer[0]

    @contextmanager
    def _noting(self, name: str, given: Any, how: str = "await") -> Iterator[list[Any]]:
        """Note what is put into the list, or the error that the block ends with."""
        answer: list[Any] = []
        error = None
        try:
            yield answer
        except DeviceError as failed:
            error = (type(failed).__name__, str(failed))
            raise
        finally:
            if (answer or error) and self._tap.is_on:
                told = plain(answer[0]) if answer else None
                now_s = asyncio.get_running_loop().time()
                self._tap.note(Frame(now_s, self._path, name, given, told, error, how))
