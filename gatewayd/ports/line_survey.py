"""Who holds which line of a GPIO chip, for a scan: nothing is requested, nothing moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewayd.errors import DeviceAbsent
from gatewayd.ports.worker import Worker

SURVEY_S = 5.0
"""A chip behind a hung USB adapter; others answer in microseconds a line."""


@dataclass(frozen=True, slots=True)
class LineInfo:
    """One line: its offset, its name where it has one, and who holds it, empty for nobody."""

    offset: int
    name: str
    holder: str

    @property
    def label(self) -> str:
        """The offset, and the name where it has one."""
        return f"{self.offset} ({self.name})" if self.name else str(self.offset)


async def survey(path: Path) -> list[LineInfo]:
    """Return the lines of the chip at a path.

    Raises:
        DeviceAbsent: there is no chip, or it may not be opened.
        DeviceTimeout: it hangs.
    """
    worker = Worker(str(path))
    try:
        return await worker.run(_survey, path, timeout_s=SURVEY_S)
    finally:
        await worker.close(lambda: None)


def _survey(path: Path) -> list[LineInfo]:
    import gpiod

    try:
        with gpiod.Chip(str(path)) as chip:
            infos = [chip.get_line_info(offset) for offset in range(chip.get_info().num_lines)]
    except OSError as error:
        raise DeviceAbsent(f"{path} cannot be looked at: {error.strerror}") from error
    return [
        LineInfo(info.offset, info.name or "", (info.consumer or "the kernel") if info.used else "")
        for info in infos
    ]
