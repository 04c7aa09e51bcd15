"""An actuator that remembers every write, does what it is told, or fails as scripted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Value


class Fault(Enum):
    """What goes wrong with one write."""

    LOST = "the answer is late, and the output did not move"
    LATE = "the answer is late, and the output moved"
    HANG = "no answer, ever, and the output moved"
    REFUSE = "the device says no"
    STUCK = "the device says yes, and the output does not move"


class Write(NamedTuple):
    """One write that arrived at the hardware, at the loop's time."""

    time_s: float
    channel: str
    value: Value


@dataclass(slots=True)
class FakeActuator:
    """A relay board on the bench.

    Attributes:
        levels: what each output really does; at power-on whatever the test says.
        writes: every write that arrived, in order.
        faults: what goes wrong with the next writes, first come first served.
        is_plugged: False = nobody answers, also when opened.
        can_read_back: False = the hardware cannot say what its outputs do.
        write_s: how long a write takes.
        sessions: how often it was opened.
    """

    levels: dict[str, Value]
    writes: list[Write] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    is_plugged: bool = True
    can_read_back: bool = True
    write_s: float = 0.0
    sessions: int = 0

    @classmethod
    def of(cls, levels: Mapping[str, Value]) -> FakeActuator:
        """Return an actuator whose outputs do these things now."""
        return cls(dict(levels))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeActuator]:
        """Open it, as a driver's `open_driver` does. Raises DeviceAbsent when unplugged."""
        self._prove_plugged()
        self.sessions += 1
        yield self

    async def write(self, channel: str, value: Value) -> None:
        """Set one output, or fail as scripted."""
        self._prove_plugged()
        fault = self.faults.popleft() if self.faults else None
        if self.write_s:
            await asyncio.sleep(self.write_s)
        self.writes.append(Write(asyncio.get_running_loop().time(), channel, value))
        if fault in {None, Fault.LATE, Fault.HANG}:
            self.levels[channel] = value
        match fault:
            case Fault.LOST | Fault.LATE:
                raise DeviceTimeout(f"{channel}: no answer")
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.REFUSE:
                raise DeviceFault(f"{channel}: the device says no")

    async def read_back(self, channel: str) -> Value | None:
        """Return what the output really does, or None where the hardware cannot say."""
        self._prove_plugged()
        return self.levels[channel] if self.can_read_back else None

    def _prove_plugged(self) -> None:
        if not self.is_plugged:
            raise DeviceAbsent("nobody answers")
