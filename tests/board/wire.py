"""A unix socket of the virtual machine that speaks JSON, a document a line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ANSWER_S = 20.0
"""An emulated machine on a busy host may be slow, but not so slow."""

CONNECT_S = 10.0
LINE_BYTES_MAX = 1 << 24


class Refused(Exception):
    """The other side took a request and answered with an error."""


@dataclass(slots=True)
class Wire:
    """One connection; one question at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[dict[str, Any]] = field(default_factory=list)
    """What was said unasked, oldest first."""

    async def say(self, document: dict[str, Any]) -> None:
        """Send one document."""
        self.writer.write(json.dumps(document).encode() + b"\n")
        await self.writer.drain()

    async def hear(self) -> dict[str, Any]:
        """Return the next document. Raises ConnectionError when the other side is gone."""
        line = await self.reader.readline()
        if not line:
            raise ConnectionError("the virtual machine has closed the line")
        # The guest's agent begins a new conversation with 0xFF.
        document: dict[str, Any] = json.loads(line.lstrip(b"\xff"))
        return document

    async def ask(self, document: dict[str, Any]) -> dict[str, Any]:
        """Send one document and return the answer to it."""
        async with asyncio.timeout(ANSWER_S):
            await self.say(document)
            while "event" in (answer := await self.hear()):
                self.events.append(answer)
        if "error" in answer:
            raise Refused(f"{document}: {answer['error']}")
        return answer

    async def execute(self, command: str, **arguments: Any) -> Any:
        """Run a command of QMP or of the guest's agent and return its result. Raises Refused."""
        return (await self.ask({"execute": command, "arguments": arguments}))["return"]

    async def wait_event(self, name: str, deadline_s: float) -> None:
        """Wait until an event has come."""
        async with asyncio.timeout(deadline_s):
            while all(event["event"] != name for event in self.events):
                self.events.append(await self.hear())


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Wire]:
    """Connect as soon as somebody listens there."""
    async with asyncio.timeout(CONNECT_S):
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
                break
            except OSError:
                await asyncio.sleep(0.02)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
