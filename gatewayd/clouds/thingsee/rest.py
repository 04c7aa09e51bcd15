"""Typed client of the Thingsee Open Services API.

    settings = RestSettings(url=…, credentials=Credentials(client_id, secret))
    async with open_rest(settings, clock) as api:
        info = await api.things.info(tuid)
        sent = await api.things.send(tuid, [Message(id=1500, event=30, fields={…})])
        groups = await api.groups.all()

Every method tries once and raises `ThingseeError` (see rest_errors) or what `transports.http`
raises. Not here, because nobody has described their bodies: firmware, config and status of a
group.

Source: Thingsee Open Services API; Thingsee Toolbox; Haltian developer site, Open Services API
and deployment groups.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thingsee.rest_auth import TokenKeeper
from gatewayd.clouds.thingsee.rest_calls import Calls
from gatewayd.clouds.thingsee.rest_groups import Groups
from gatewayd.clouds.thingsee.rest_things import Things
from gatewayd.clouds.thingsee.tokens import Credentials, Token, TokenFile
from gatewayd.transports.http import HttpSettings, open_http


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSettings:
    """Where the API is and how to get in.

    Attributes:
        url: with its path, `https://{id}.execute-api.{region}.amazonaws.com/prod/v1/`.
        credentials: what tokens are got with; without them the file's token must do.
        token_file: where the token is kept, mode 0600; None = in memory only, for the daemon,
            which would write a card for nothing every twelve minutes.
        total_s: longer than the 29 s that what stands before the API waits for it.
    """

    url: str
    credentials: Credentials | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    total_s: float = 40.0
    read_s: float = 35.0

    def http(self) -> HttpSettings:
        """Return the part that the transport needs."""
        return HttpSettings(
            base_url=self.url, ca_file=self.ca_file, total_s=self.total_s, read_s=self.read_s
        )


class Rest:
    """The API, noun by noun; made by `open_rest`."""

    def __init__(self, calls: Calls, keeper: TokenKeeper) -> None:
        self._keeper = keeper
        self.time = calls.time
        self.things = Things(calls)
        self.groups = Groups(calls)

    async def sign_in(self, credentials: Credentials) -> Token:
        """Get a token for these credentials and keep it."""
        return await self._keeper.sign_in(credentials)


@asynccontextmanager
async def open_rest(settings: RestSettings, clock: Clock) -> AsyncIterator[Rest]:
    """Open the API; nothing is asked yet.

    Raises:
        ConfigError: the address is none, or the CA file cannot be used.
    """
    path = settings.token_file
    file = None if path is None else TokenFile(path, settings.url)
    async with open_http(settings.http()) as http:
        keeper = TokenKeeper(http, file, clock, settings.credentials)
        yield Rest(Calls(http, keeper, CloudTime(clock)), keeper)
