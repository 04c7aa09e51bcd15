"""Commands out of the command log of the Open Services API, for where nothing comes down to us.

Strategy: each thing's log is read back as far as a customer waits for an answer, by the cloud's own
clock, which dates it; what was taken is remembered, so that every command is taken once, also when
that clock is set. What is too old to move an output is refused at the desk.

Source: Thingsee Open Services API, GET /things/{tuid}/commands.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NoReturn

import orjson

from gatewayd.clock import Clock
from gatewayd.clouds.cloud_time import CloudTime
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

TakeDated = Callable[[Message, int], Awaitable[None]]
"""Takes a command, and how much later it is where that was dated (ms)."""

TAKEN_MAX = 4096
"""Per thing, many times what anybody sends in five minutes; 8 bytes each."""


class CommandLog:
    """What was taken of one thing's log; the oldest of `TAKEN_MAX` is forgotten."""

    def __init__(self) -> None:
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    def fresh(self, commands: Iterable[Message]) -> list[Message]:
        """Return the commands that were not taken before, and remember them."""
        found = []
        for command in commands:
            plain = orjson.dumps(to_json(command), option=orjson.OPT_SORT_KEYS)
            key = hashlib.blake2b(plain, digest_size=8).digest()
            if key not in self._taken:
                found.append(command)
            self._taken[key] = None
            self._taken.move_to_end(key)
        while len(self._taken) > TAKEN_MAX:
            self._taken.popitem(last=False)
        return found


async def poll_api(
    config: Config, clock: Clock, things: Sequence[str], take_dated: TakeDated
) -> NoReturn:
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

        async def take(command: Message) -> None:
            await take_dated(command, api.time.ahead_ms())

        await poll(things, config.poll_interval, api.time, fetch, take)


async def poll(
    things: Sequence[str],
    every_s: float,
    clock: Clock | CloudTime,
    fetch: Fetch,
    take: Take,
) -> NoReturn:
    """Look into the logs of some things again and again and hand on what is new.

    Args:
        clock: the cloud's, as far as it is known; it dates the logs.

    Raises:
        LinkLost, LinkDenied, Malformed: as `fetch` and `take` say.
    """
    while not clock.is_synchronised():  # noqa: ASYNC110  # A clock tells nobody when it is set.
        await asyncio.sleep(UNSURE_S)
    logs = {thing: CommandLog() for thing in things}
    while True:
        for thing, log in logs.items():
            try:
                commands = await fetch(thing, clock.now_ms() // 1000 - PATIENCE_S)
            except Throttled as error:
                await asyncio.sleep(error.retry_after_s)
                break
            for command in log.fresh(commands):
                await take(command)
        await asyncio.sleep(every_s)
