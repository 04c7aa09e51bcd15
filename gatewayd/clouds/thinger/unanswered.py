"""Commands that a connection left without an answer, for the next one to know them again.

A connection can die while a command is under way; the command takes its course. A server that
asks again, with the same id and content, soon after the next log-in means the same command: it
gets the same request id, and the desk gives it the same outcome without moving anything.

Answered commands are forgotten with their connection: a server may count its ids from 1 again,
and then the same words are a new wish.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog

from gatewayd.clock import Clock
from gatewayd.clouds.thinger.events import Run
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.small_files import DAMAGE, make_folder, replace_file

log = structlog.get_logger()

FILE = "unanswered.json"
BYTES_MAX = 256 * 1024
ID_END = 1 << 64
KEPT_MS = 60_000
"""Older ones are nobody's any more; the desk would refuse them as stale if they had a date."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """One command of the server, and the request id that it has at the desk."""

    run: Run
    request_id: str


@dataclass(slots=True)
class Memory:
    """What the connection before left, and what this one leaves."""

    inherited: Sequence[Unanswered] = ()
    left: list[Unanswered] = field(default_factory=list)


@asynccontextmanager
async def remembered_commands(folder: Path, clock: Clock) -> AsyncIterator[Memory]:
    """Yield what is inherited, and keep what is left at the end of the block."""
    loop = asyncio.get_running_loop()
    inherited = await loop.run_in_executor(None, take_unanswered, folder, clock.now_ms())
    memory = Memory(inherited)
    try:
        yield memory
    finally:
        if memory.left:
            try:
                kept = (folder, clock.now_ms(), list(memory.left))
                await loop.run_in_executor(None, store_unanswered, *kept)
            except OSError as error:
                log.warning("unanswered commands not kept", reason=error.strerror)


def take_unanswered(folder: Path, now_ms: int) -> list[Unanswered]:
    """Return what was left less than `KEPT_MS` ago, and forget it; a damaged file has nothing."""
    file = folder / FILE
    try:
        with file.open("rb") as stream:
            kept = orjson.loads(stream.read(BYTES_MAX))
        file.unlink()
        if not 0 <= now_ms - int(kept["left_ms"]) < KEPT_MS:
            return []
        return [_read(*row) for row in kept["commands"]]
    except DAMAGE:
        return []


def _read(id: int, path: list[str], payload: object, request_id: str) -> Unanswered:
    if not 0 <= id < ID_END:
        raise ValueError(f"no command has the number {id}")
    # JSON has no unset; a blink, which has no payload, is the only command without one.
    value = UNSET if payload is None else payload
    return Unanswered(Run(int(id), tuple(map(str, path)), value), str(request_id))  # type: ignore[arg-type]  # JSON.


def store_unanswered(folder: Path, now_ms: int, commands: Sequence[Unanswered]) -> None:
    """Keep commands; raises OSError."""
    rows = [
        (run.id, run.path, None if run.payload is UNSET else run.payload, request_id)
        for run, request_id in ((each.run, each.request_id) for each in commands)
    ]
    make_folder(folder)
    replace_file(folder / FILE, orjson.dumps({"left_ms": now_ms, "commands": rows}))
