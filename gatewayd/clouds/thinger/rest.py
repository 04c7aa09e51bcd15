"""Typed client of the Thinger.io REST API, for whoever administers devices.

    async with open_rest(RestSettings(url=…, user="alice", token_file=…), clock) as api:
        await api.devices.add(NewDevice(id="gw01", credentials=Secret("…")))
        await api.devices.resources("gw01").write("pump/relay", True)
        async for point in api.buckets.points("boiler", start_ms, end_ms):
            …

Nouns are attributes. Every method tries once and raises `ThingerError` (see rest_errors) or what
`transports.http` raises.

Source: Thinger.io REST API; Thinger.io API description 2025.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.clouds.thinger.rest_account import Endpoints, Server, UserTokens
from gatewayd.clouds.thinger.rest_auth import MadeToken, SessionKeeper
from gatewayd.clouds.thinger.rest_buckets import Buckets
from gatewayd.clouds.thinger.rest_calls import Calls
from gatewayd.clouds.thinger.rest_devices import Devices
from gatewayd.clouds.thinger.rest_live import Live
from gatewayd.clouds.thinger.tokens import Grant, PasswordGrant, Session, TokenFile
from gatewayd.fields import Secret
from gatewayd.transports.http import HttpSettings, open_http


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSettings:
    """Where the API is and how to get in.

    Attributes:
        url: scheme, host and port; `https://api.thinger.io` for the public service.
        user: the account, not its e-mail address.
        token_file: where the session is kept, mode 0600.
        grant: what begins a new session when the refresh token has ended too.
        token: instead of a session: a token that a person made, for the account or a device.
        total_s: longer than the server waits for a device.
    """

    url: str
    user: str
    token_file: Path
    grant: PasswordGrant | None = None
    token: Secret | None = None
    ca_file: Path | None = None
    total_s: float = 30.0

    def http(self) -> HttpSettings:
        """Return the part that the transport needs."""
        return HttpSettings(base_url=self.url, ca_file=self.ca_file, total_s=self.total_s)


class Rest:
    """The API, noun by noun; made by `open_rest`."""

    def __init__(self, calls: Calls, keeper: SessionKeeper) -> None:
        self._keeper = keeper
        self.devices = Devices(calls)
        self.buckets = Buckets(calls)
        self.endpoints = Endpoints(calls)
        self.tokens = UserTokens(calls)
        self.server = Server(calls)
        self.live = Live(calls)

    async def sign_in(self, grant: Grant) -> Session:
        """Exchange a user's password, or a refresh token, for a session, and keep it."""
        return await self._keeper.sign_in(grant)


@asynccontextmanager
async def open_rest(settings: RestSettings, clock: Clock) -> AsyncIterator[Rest]:
    """Open the API; nothing is asked yet.

    Raises:
        ConfigError: the address is none, or the CA file cannot be used.
    """
    file = TokenFile(settings.token_file, settings.url)
    async with open_http(settings.http()) as http:
        keeper = SessionKeeper(http, file, clock, settings.grant)
        credentials = keeper if settings.token is None else MadeToken(settings.token)
        yield Rest(Calls(http, credentials, settings.user), keeper)
