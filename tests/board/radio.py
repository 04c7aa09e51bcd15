"""The guest's Bluetooth controller and a tag near it: bumble in a process of its own (tag.py)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.board.cache import ROOT

ADDRESS = "F0:F1:F2:F3:F4:F5"
"""The tag's; a static random one, as tags have."""

BTHOME = 0xFCD2
ANSWER_S = 20.0


@dataclass(slots=True)
class Tag:
    """A thermometer that speaks BTHome version 2 in the clear (https://bthome.io/format)."""

    process: asyncio.subprocess.Process
    packets: int = 0

    async def measure(self, temperature_c: float, humidity_percent: float) -> None:
        """Advertise these from now on, twice a second."""
        self.packets += 1
        said = bytes([0x40, 0x00, self.packets])
        said += b"\x02" + round(temperature_c * 100).to_bytes(2, "little", signed=True)
        said += b"\x03" + round(humidity_percent * 100).to_bytes(2, "little")
        await self._order({"service": BTHOME, "hex": said.hex()})

    async def be_silent(self) -> None:
        """Stop advertising: out of range, or the battery is empty."""
        await self._order({})

    async def _order(self, order: dict[str, object]) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(ANSWER_S):
            answer = await self.process.stdout.readline()
        assert answer == b"{}\n", "the radio has ended; see radio.log"


@asynccontextmanager
async def in_the_air(socket: Path, bumble: Path) -> AsyncIterator[Tag]:
    """Connect a controller to the guest's UART, with a tag in its air that is silent yet."""
    with socket.with_name("radio.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.board.tag", f"unix:{socket}", ADDRESS),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(bumble)},
        )
    try:
        yield Tag(process)
    finally:
        process.kill()
        await process.wait()
