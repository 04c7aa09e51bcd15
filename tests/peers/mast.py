"""Eight Modbus slaves on one real line, at the speed of 9600 baud, each with a temper.

async with mast() as mast:
    mast.temper[3] = Temper.DEAD
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.peers.modbus import Line, Slave, garbage, rtu_line

SLAVES = range(1, 9)
BYTE_S = 11 / 9600
QUESTION_BYTES = 8
TURNAROUND_S = 0.005
"""Of a meter between the question's last byte and the answer's first."""

SLOW_S = 0.15


class Temper(Enum):
    """What a slave does with a question."""

    WELL = auto()
    DEAD = auto()
    SLOW = auto()
    GARBLING = auto()


@dataclass
class Mast:
    """The line and what its slaves do; `line.port` is what the gateway opens."""

    line: Line
    temper: dict[int, Temper] = field(default_factory=dict)

    def heard(self, slave: int) -> int:
        """Return how often a slave was asked."""
        return sum(request[0] == slave for request in self.line.requests)

    def _answer(self, frame: bytes) -> bytes:
        """Let the answer go out when a real one would have arrived."""
        temper = self.temper.get(frame[0], Temper.WELL)
        delay_s = (QUESTION_BYTES + len(frame)) * BYTE_S + TURNAROUND_S
        if temper is Temper.SLOW:
            delay_s += SLOW_S
        if temper is Temper.GARBLING:
            frame = garbage(frame)
        if temper is not Temper.DEAD:
            assert self.line.pty is not None
            asyncio.get_running_loop().call_later(delay_s, self.line.pty.write, frame)
        return b""


@asynccontextmanager
async def raised() -> AsyncIterator[Mast]:
    """Raise the mast, all slaves well."""
    slaves = {slave: Slave(holding=[100 * slave + n for n in range(16)]) for slave in SLAVES}
    async with rtu_line(slaves) as line:
        mast = Mast(line)
        line.fault = mast._answer
        yield mast
