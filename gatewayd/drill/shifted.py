"""The daemon with a wall clock that the drill moves: `python -m gatewayd.drill.shifted … run`.

The machine's own clock stays as it is. Everything else is the daemon as it always runs.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import sys
from pathlib import Path

from gatewayd.clock import SystemClock

SHIFT = struct.Struct("<q?")
"""How far the wall clock is off (ms), and whether it is synchronised."""

VARIABLE = "DRILL_CLOCK"
"""Names the file that holds it."""


class ShiftedClock(SystemClock):
    """The machine's clock, moved by what a file says at the moment."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        with file.open("rb") as opened:
            self._shift = mmap.mmap(opened.fileno(), SHIFT.size, access=mmap.ACCESS_READ)

    def now_ms(self) -> int:
        shift_ms, _ = SHIFT.unpack_from(self._shift)
        return super().now_ms() + int(shift_ms)

    def is_synchronised(self) -> bool:
        _, is_synchronised = SHIFT.unpack_from(self._shift)
        return bool(is_synchronised)


def set_clock(file: Path, shift_ms: int, *, is_synchronised: bool = True) -> None:
    """Move the clock that a file stands for; whoever reads it sees the new time at once."""
    file.touch()
    with file.open("r+b") as opened:
        opened.write(SHIFT.pack(shift_ms, is_synchronised))


def main() -> int:
    """Run the daemon; anything but `run` is the program as it is."""
    from gatewayd import cli
    from gatewayd.cli import run as daemon
    from gatewayd.config import load
    from gatewayd.logs import configure_logs

    if sys.argv[-1] != "run":
        return cli.main()
    config = Path(sys.argv[sys.argv.index("--config") + 1])
    configure_logs("info")
    clock = ShiftedClock(Path(os.environ[VARIABLE]))
    asyncio.run(daemon.run_for_ever(config, load(config), clock))
    return cli.DONE


if __name__ == "__main__":
    sys.exit(main())
