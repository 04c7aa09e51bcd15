"""Finds the adapter behind which a Modbus slave answers.

Strategy: where the line was last time is asked first, then every other adapter that the owner's
patterns name and nobody else has open, in the order of their names. Each is asked for one holding
register, which changes nothing; a refusal is an answer too. Where the slave answers nowhere but
its line was known, that line is used: the slave may be dead and the others on its line are not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from glob import glob
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from gatewayd.errors import DeviceAbsent, DeviceError
from gatewayd.ports.modbus_asking import Refused
from gatewayd.ports.names import SHOWN_MAX, Find

ANSWER_S = 0.3
"""For the one register; each adapter is given twice that. A slave slower than this is no good
landmark."""

ADAPTERS_MAX = 16
"""More serial adapters on one Pi are a pattern that names too much."""


class Landmark(Protocol):
    """A slave that is looked for."""

    async def read_registers(
        self, table: Literal["holding"], address: int, count: int
    ) -> Sequence[int]:
        """Return registers."""
        ...


class Line(Protocol):
    """An open line, as a search needs it."""

    def slave(self, id: int, *, timeout_s: float) -> Landmark:
        """Return one device on it."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


L = TypeVar("L", bound=Line)


def candidates(find: Find, last: str | None) -> list[str]:
    """Return the paths to try, each adapter once, the last one first."""
    paths = sorted(path for pattern in find.candidates for path in glob(pattern))  # noqa: PTH207 — Absolute patterns.
    once = {Path(path).resolve(): path for path in reversed(paths)}
    ordered = sorted(once.values(), key=lambda path: (path != last, path))
    return ordered[:ADAPTERS_MAX]


async def find_line(
    name: str,
    find: Find,
    open_at: Callable[[str], Awaitable[L]],
    found: MutableMapping[str, str] | None = None,
) -> L:
    """Return the open line on which the slave answers, and remember where it is.

    Raises:
        DeviceAbsent: it answers nowhere.
    """
    found = {} if found is None else found
    last = found.get(name)
    paths = candidates(find, last)
    for path in paths:
        try:
            line = await open_at(path)
        except DeviceError:  # In use, or gone since.
            continue
        if await _answers(line, find.slave):
            found[name] = path
            return line
        await line.close()
    if last in paths:
        return await open_at(last)
    tried = ", ".join(paths[:SHOWN_MAX]) or "no adapter: " + ", ".join(find.candidates)
    raise DeviceAbsent(f"slave {find.slave} of port {name} answers nowhere; tried {tried}")


async def _answers(line: Line, slave: int) -> bool:
    try:
        await line.slave(slave, timeout_s=ANSWER_S).read_registers("holding", 0, 1)
    except Refused:
        return True
    except DeviceError:
        return False
    return True
