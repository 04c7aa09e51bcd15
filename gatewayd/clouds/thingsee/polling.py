"""Commands out of the command log of the Open Services API, for where nothing comes down to us.

Strategy: each thing's log is read from its newest known second on, and what was taken in that
second is remembered, so that every command is taken once. At the start the log is read back as far
as a customer waits for an answer; what is too old to move an output is refused at the desk.

Source: Thingsee Open Services API, GET /things/{tuid}/commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NoReturn

import orjson

from gatewayd.clock import Clock
from gatewayd.clouds.thingsee.codec import Message, to_json
from gatewayd.errors import Throttled

PATIENCE_S = 300
"""A customer gives up after five minutes (message commands, sample)."""

UNSURE_S = 5.0
"""How often to look whether the clock is set: without it nobody knows what is old."""

Fetch = Callable[[str, int], Awaitable[Sequence[Message]]]
"""Returns the commands to a thing since a time (unix s), the oldest first."""


class CommandLog:
    """How far one thing's log has been read."""

    def __init__(self, since_s: int) -> None:
        self.since_s = since_s
        self._taken: set[bytes] = set()

    def fresh(self, commands: Iterable[Message]) -> list[Message]:
        """Return the commands that were not taken before, and remember them."""
        found = []
        for command in commands:
            second = int(command.time_s or 0)
            if second < self.since_s:
                continue
            if second > self.since_s:
                self.since_s, self._taken = second, set()
            key = orjson.dumps(to_json(command), option=orjson.OPT_SORT_KEYS)
            if key not in self._taken:
                self._taken.add(key)
                found.append(command)
        return found


async def poll(
    things: Sequence[str],
    every_s: float,
    clock: Clock,
    fetch: Fetch,
    take: Callable[[Message], Awaitable[None]],
) -> NoReturn:
    """Look into the logs of some things again and again and hand on what is new.

    Raises:
        LinkLost, LinkDenied, Malformed: as `fetch` and `take` say.
    """
    while not clock.is_synchronised():
        await asyncio.sleep(UNSURE_S)
    since_s = clock.now_ms() // 1000 - PATIENCE_S
    logs = {thing: CommandLog(since_s) for thing in things}
    while True:
        for thing, log in logs.items():
            try:
                commands = await fetch(thing, log.since_s)
            except Throttled as error:
                await asyncio.sleep(error.retry_after_s)
                break
            for command in log.fresh(commands):
                await take(command)
        await asyncio.sleep(every_s)
