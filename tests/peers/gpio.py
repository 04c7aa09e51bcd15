"""Stands for libgpiod and a chip below it whose lines are inputs: queues edges as the kernel does.

The descriptor is a real one (a pipe), so that the event loop really waits for it.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

import gpiod
from gpiod.line import Direction, Edge, Value

NAMES = {"GPIO17": 17, "GPIO27": 27}
LINES = 28


@dataclass
class InputKernel:
    """The kernel's side of requests for inputs.

    Attributes:
        refuses: errno for a wish: "debounce", "edges" or "all"; 0 or missing is granted.
        pins: what each line shows, high or low.
        fails: errno of every access to a request, or 0.
    """

    refuses: dict[str, int] = field(default_factory=dict)
    pins: dict[int, bool] = field(default_factory=dict)
    requests: list[InputRequest] = field(default_factory=list)
    fails: int = 0
    asked: list[gpiod.LineSettings] = field(default_factory=list)

    def request_lines(
        self,
        path: str,
        *,
        consumer: str,
        config: dict[tuple[int | str, ...], gpiod.LineSettings],
        event_buffer_size: int,
    ) -> InputRequest:
        ((lines, settings),) = config.items()
        assert consumer == "gatewayd"
        assert settings.direction is Direction.INPUT
        self.asked.append(settings)
        offsets = [NAMES.get(each, LINES) if isinstance(each, str) else each for each in lines]
        if max(offsets) >= LINES or len(set(offsets)) < len(offsets):
            raise ValueError("line offset out of range, or repeated")
        has_edges = settings.edge_detection is not Edge.NONE
        for wish, is_wanted in (
            ("all", True),
            ("edges", has_edges),
            ("debounce", bool(settings.debounce_period)),
        ):
            if is_wanted and (code := self.refuses.get(wish)):
                raise raised_by_gpiod(code)
        if any(set(offsets) & set(each.offsets) for each in self.requests):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        request = InputRequest(self, offsets, settings, event_buffer_size)
        self.requests.append(request)
        return request

    def drive(self, line: int, is_high: bool, time_ns: int) -> None:
        """Move a pin at an instant."""
        if self.pins.get(line, False) == is_high:
            return
        self.pins[line] = is_high
        for request in self.requests:
            if line in request.offsets:
                request.see(line, is_high, time_ns)

    def hang_up(self) -> None:
        """Let the chip be gone: descriptors wake, accesses fail."""
        self.fails = errno.ENODEV
        for request in self.requests:
            request.wake()


@dataclass
class InputRequest:
    kernel: InputKernel
    offsets: list[int]
    settings: gpiod.LineSettings
    size: int
    queue: deque[gpiod.EdgeEvent] = field(default_factory=deque)
    seqno: int = 0
    line_seqno: dict[int, int] = field(default_factory=dict)
    ends: tuple[int, int] = field(default_factory=os.pipe)
    thread: threading.Thread | None = None
    is_released: bool = False

    @property
    def fd(self) -> int:
        return self.ends[0]

    def see(self, line: int, is_high: bool, time_ns: int) -> None:
        is_active = is_high != self.settings.active_low
        wanted = {Edge.NONE: (), Edge.RISING: (True,), Edge.BOTH: (True, False)}
        if is_active not in wanted[self.settings.edge_detection]:
            return
        self.seqno += 1
        self.line_seqno[line] = self.line_seqno.get(line, 0) + 1
        kind = gpiod.EdgeEvent.Type.RISING_EDGE if is_active else gpiod.EdgeEvent.Type.FALLING_EDGE
        if len(self.queue) == self.size:
            self.queue.popleft()
            os.read(self.fd, 1)
        self.queue.append(
            gpiod.EdgeEvent(kind.value, time_ns, line, self.seqno, self.line_seqno[line])
        )
        self.wake()

    def wake(self) -> None:
        os.write(self.ends[1], b"!")

    def get_values(self) -> list[Value]:
        self._fail()
        shown = [self.kernel.pins.get(each, False) for each in self.offsets]
        low = self.settings.active_low
        return [Value.ACTIVE if high != low else Value.INACTIVE for high in shown]

    def wait_edge_events(self, timeout: timedelta) -> bool:
        assert not timeout, "the thread of a port does not wait for edges"
        return bool(self.queue or self.kernel.fails)  # A descriptor that hung up is readable.

    def read_edge_events(self, most: int) -> list[gpiod.EdgeEvent]:
        self._fail()
        count = min(most, len(self.queue))
        os.read(self.fd, count)
        return [self.queue.popleft() for _ in range(count)]

    def release(self) -> None:
        assert not self.is_released
        self.is_released = True
        self.kernel.requests.remove(self)
        for end in self.ends:
            os.close(end)

    def _fail(self) -> None:
        assert not self.is_released
        here = threading.current_thread()
        self.thread = self.thread or here
        assert self.thread is here, "a request belongs to one thread"
        if self.kernel.fails:
            raise raised_by_gpiod(self.kernel.fails)


def raised_by_gpiod(code: int) -> Exception:
    """Return what libgpiod's Python makes of an errno; two are no OSError there."""
    words = os.strerror(code)
    if code == errno.EINVAL:
        return ValueError(words)
    return NotImplementedError(words) if code == errno.EOPNOTSUPP else OSError(code, words)
