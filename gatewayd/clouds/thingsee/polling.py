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
from gatewayd.clouds.thingsee.rest import RestSettings, open_rest
from gatewayd.clouds.thingsee.rest_errors import NotFound
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.settings import Config
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.errors import Throttled

PATIENCE_S = 300
"""A customer gives up after five minutes (message commands, sample)."""

UNSURE_S = 5.0
"""How often to look whether the clock is set: without it nobody knows what is old."""

Fetch = Callable[[str, int], Awaitable[Sequence[Message]]]
"""Returns the commands to a thing since a time (unix s), the oldest first."""

Take = Callable[[Message], Awaitable[None]]


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


async def poll_api(config: Config, clock: Clock, things: Sequence[str], take: Take) -> NoReturn:
    """Open the API and poll it; see `poll`."""
    assert config.poll_interval is not None and config.client_secret is not None
    credentials = Credentials(config.client_id, config.client_secret)
    settings = RestSettings(url=config.rest_url, credentials=credentials, ca_file=config.ca_file)
    async with open_rest(settings, clock) as api:

        async def fetch(thing: str, since_s: int) -> Sequence[Message]:
            try:
                logged = await api.things.commands(thing, Selection(from_s=since_s))
            except NotFound:  # The cloud gets to know a thing with its first message.
                return ()
            return [each.command for each in logged]

        await poll(things, config.poll_interval, clock, fetch, take)


async def poll(
    things: Sequence[str],
    every_s: float,
    clock: Clock,
    fetch: Fetch,
    take: Take,
) -> NoReturn:
    """Look into the logs of some things again and again and hand on what is new.

    Raises:
        LinkLost, LinkDenied, Malformed: as `fetch` and `take` say.
    """
    while not clock.is_synchronised():  # noqa: ASYNC110  # A clock tells nobody when it is set.
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
