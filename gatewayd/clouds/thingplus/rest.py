"""Typed client of the Thing+ management API, for whoever administers gateways.

    async with open_rest(RestSettings(url=…, token_file=…), clock) as api:
        me = await api.me()
        async for gateway in api.gateways.all():
            …
        await api.control.control(gateway.id, actuator, "on", {"duration": 3000})

Nouns are attributes (`api.gateways`, `api.tags`, …). Every method tries once and raises
`ThingPlusError` (see rest_errors) or what `transports.http` raises.

Source: Thing+ REST API "Getting Started"; v2 description; OAuth2 guide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gatewayd.clock import Clock
from gatewayd.clouds.json_fields import needed
from gatewayd.clouds.thingplus.query import Query
from gatewayd.clouds.thingplus.rest_auth import TokenKeeper
from gatewayd.clouds.thingplus.rest_calls import Calls, Collection, Page, Shelf
from gatewayd.clouds.thingplus.rest_control import Control
from gatewayd.clouds.thingplus.rest_gateways import Gateways
from gatewayd.clouds.thingplus.rest_records import (
    GatewayModel,
    Named,
    Rule,
    SensorDriver,
    SensorType,
    Tag,
    TimelineEntry,
    User,
)
from gatewayd.clouds.thingplus.tokens import (
    Grant,
    PasswordGrant,
    Scope,
    Token,
    TokenFile,
    authorize_path,
    password_digest,
)
from gatewayd.errors import Malformed
from gatewayd.fields import Secret
from gatewayd.transports.http import HttpSettings, open_http

PREFIX = "/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSettings:
    """Where the API is and how to get in.

    Attributes:
        url: scheme, host and port; `https://api.thingplus.net` for the commercial service.
        token_file: where the access token is kept, mode 0600.
        credentials: what renews the token; without them its end is `LinkDenied`.
        prefix: `/v2`, or `/v1` for the same without envelopes.
        total_s: longer than the 30 s that the cloud waits for an actuator.
    """

    url: str
    token_file: Path
    credentials: PasswordGrant | None = None
    ca_file: Path | None = None
    prefix: str = PREFIX
    total_s: float = 60.0
    read_s: float = 45.0

    def http(self) -> HttpSettings:
        """Return the part that the transport needs."""
        return HttpSettings(
            base_url=self.url, ca_file=self.ca_file, total_s=self.total_s, read_s=self.read_s
        )


class Rest:
    """The API, noun by noun; made by `open_rest`."""

    def __init__(self, calls: Calls, keeper: TokenKeeper, settings: RestSettings) -> None:
        self._calls = calls
        self._keeper = keeper
        self._settings = settings
        self.control = Control(calls)
        self.gateways = Gateways(calls)
        self.users = Shelf(calls, "/users", User.of)
        self.services = Shelf(calls, "/services", Named.of)
        self.sites = Shelf(calls, "/sites", Named.of)
        self.billings = Shelf(calls, "/billings", Named.of)
        self.gateway_models = Shelf(calls, "/gatewayModels", GatewayModel.of)
        self.sensor_types = Shelf(calls, "/sensorTypes", SensorType.of)
        self.sensor_drivers = Shelf(calls, "/sensorDrivers", SensorDriver.of)
        self.tags = Collection(calls, "/tags", Tag.of)
        self.rules = Collection(calls, "/rules", Rule.of)
        self.push_devices = Collection(calls, "/pushDevices", Named.of)
        self.timelines = Timelines(calls)

    async def sign_in(self, grant: Grant) -> Token:
        """Exchange a user's credentials, or a code, for a token, and keep it in the file."""
        return await self._keeper.sign_in(grant)

    def authorize_url(self, client_id: str, redirect_uri: str) -> str:
        """Return the address where a user's browser gets the code for a `CodeGrant`."""
        path = authorize_path(client_id, redirect_uri)
        return self._settings.url.rstrip("/") + self._settings.prefix + path

    async def log_in(self, login_id: str, password: Secret) -> None:
        """Open a session by cookie, as the portal does; needed to make the first client."""
        body = {"loginId": login_id, "password": password_digest(password)}
        await self._calls.open_call("POST", "/login", body)
        self._keeper.use_session(True)

    async def log_out(self) -> None:
        """End the session; tokens count again."""
        await self._calls.post("/logout", {})
        self._keeper.use_session(False)

    async def create_client(
        self, name: str, id: str, secret: Secret, scopes: Sequence[Scope]
    ) -> str:
        """Register an app that may ask for tokens, and return its id."""
        body = {
            "name": name,
            "reqId": id,
            "clientSecret": secret.reveal(),
            "scopes": [scope.value for scope in scopes],
        }
        return needed((await self._calls.post("/authClients", body)).record, "id")

    async def me(self) -> User:
        """Return the user whose token this is."""
        return User.of((await self._calls.get("/users/me")).record)

    async def update_me(self, changes: Mapping[str, object]) -> User:
        """Change the user's own profile: email, locale, timezone, country."""
        return User.of((await self._calls.put("/users/me", changes)).record)

    async def change_password(self, old: Secret, new: Secret) -> None:
        """Change the user's password. The vendor announces this and describes no body."""
        body = {"oldPassword": password_digest(old), "newPassword": password_digest(new)}
        await self._calls.post("/changePassword", body)

    async def site(self) -> Named:
        """Return the site of the user.

        Raises:
            Malformed: the answer names none.
        """
        records = (await self._calls.get("/site")).records
        if not records:
            raise Malformed("Thing+ names no site")
        return Named.of(records[0])


class Timelines:
    """`/timelines`: what happened, newest first."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._shelf = Shelf(calls, "/timelines", TimelineEntry.of)

    async def list(self, query: Query | None = None) -> Page[TimelineEntry]:
        """Return one page."""
        return await self._shelf.list(query)

    async def between(
        self, max_id: str | None = None, since_id: str | None = None
    ) -> Page[TimelineEntry]:
        """Return the entries up to `max_id` (included) and after `since_id` (excluded)."""
        named = (("maxId", max_id), ("sinceId", since_id))
        asked = "&".join(f"{name}={quote(id, safe='')}" for name, id in named if id is not None)
        envelope = await self._calls.call("GET", "/timelines" + (f"?{asked}" if asked else ""))
        return Page(tuple(map(TimelineEntry.of, envelope.records)), envelope.meta)

    async def get(self, id: str) -> TimelineEntry:
        """Return one entry."""
        return await self._shelf.get(id)


@asynccontextmanager
async def open_rest(settings: RestSettings, clock: Clock) -> AsyncIterator[Rest]:
    """Open the API; nothing is asked yet.

    Raises:
        ConfigError: the address is none, or the CA file cannot be used.
    """
    file = TokenFile(settings.token_file, settings.url)
    async with open_http(settings.http()) as http:
        keeper = TokenKeeper(http, settings.prefix, file, clock, settings.credentials)
        yield Rest(Calls(http, settings.prefix, keeper), keeper, settings)
