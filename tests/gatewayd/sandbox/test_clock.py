"""The clock that can be moved."""

from __future__ import annotations

from gatewayd.clock import SystemClock
from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.control import move_clock


def test_it_is_the_machines_until_it_is_moved() -> None:
    """Forwards or backwards, set or added."""
    clock = MovableClock(SystemClock())
    assert abs(clock.now_ms() - SystemClock().now_ms()) < 1000
    steps: tuple[Document, ...] = ({"shift_ms": 5}, {"move_ms": -20}, {"shift_ms": 1, "move_ms": 2})
    assert [move_clock(clock, step)["shift_ms"] for step in steps] == [5, -15, 3]
