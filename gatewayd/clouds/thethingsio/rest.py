"""Typed client of the thethings.iO API, for devices and for whoever administers them.

    async with open_rest(RestSettings(url=…, session_file=…), clock) as api:
        await api.log_in(Login("ann@example.com", Secret("…"), "app"))
        thing_id = await api.link(token)
        await api.resources.write("pump.relay", thing_id, ["on"])
        rows = await api.thing(token).rows("boiler.temperature", 100)

Nouns are attributes (`api.resources`, `api.objects`, …), a thing is `api.thing(token)` and needs
no session. Every method tries once and raises `ThethingsioError` (see rest_errors) or what
`transports.http` raises.

Source: thethings.iO API reference; App Development guide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clock import Clock
from gatewayd.clouds.json_fields import Json, needed, text
from gatewayd.clouds.thethingsio.activation import activate
from gatewayd.clouds.thethingsio.rest_auth import (
    LOGIN,
    REGISTER,
    Login,
    Session,
    SessionFile,
    SessionKeeper,
)
from gatewayd.clouds.thethingsio.rest_calls import Calls, Nobody
from gatewayd.clouds.thethingsio.rest_errors import Denied
from gatewayd.clouds.thethingsio.rest_objects import Objects
from gatewayd.clouds.thethingsio.rest_resources import Resources
from gatewayd.clouds.thethingsio.rest_things import Thing, time_of, unix_time_of
from gatewayd.fields import Secret
from gatewayd.transports.http import HttpSettings, open_http

Permissions = Mapping[str, Mapping[str, Mapping[str, bool]]]
"""Rights by resource and thing id: `{"temperature": {"ID": {"get": True}}}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSettings:
    """Where the API is and how to get in.

    Attributes:
        url: base address with `/v2`; `https://api.thethings.io/v2` for apps.
        session_file: where the session token is kept, mode 0600.
        credentials: what opens another session; without them its end is `LinkDenied`.
    """

    url: str
    session_file: Path
    credentials: Login | None = None
    ca_file: Path | None = None
    read_s: float = 30.0
    total_s: float = 60.0

    def http(self) -> HttpSettings:
        """Return the part that the transport needs."""
        return HttpSettings(
            base_url=self.url, ca_file=self.ca_file, total_s=self.total_s, read_s=self.read_s
        )


@dataclass(frozen=True, slots=True)
class LinkedThing:
    """A thing of the user's."""

    id: str
    name: str


class Rest:
    """The API, noun by noun; made by `open_rest`."""

    def __init__(self, calls: Calls, keeper: SessionKeeper) -> None:
        self._calls = calls
        self._keeper = keeper
        self._open = Calls(calls.http, Nobody())
        self.resources = Resources(calls)
        self.objects = Objects(calls, "me")
        self.app_objects = Objects(calls, "app")

    def thing(self, token: Secret) -> Thing:
        """Return the thing of a token; nothing is asked yet."""
        return Thing(self._open, token.reveal())

    async def activate(self, code: Secret, product_id: str = "") -> Secret:
        """Spend an activation code and return the new thing's token: keep it before anything else.

        Raises:
            LinkDenied: the cloud does not take the code.
        """
        return await activate(self._calls.http, code.reveal(), product_id)

    async def register(self, login: Login) -> Session:
        """Make a user of an app; he is logged in then. Raises Invalid: there is one."""
        return await self._keeper.sign_in(REGISTER, login)

    async def log_in(self, login: Login) -> Session:
        """Open a session and keep it. Raises Denied."""
        return await self._keeper.sign_in(LOGIN, login)

    async def is_reached(self) -> bool:
        """Return whether this is thethings.iO: who has no session is refused."""
        try:
            await self._open.call("GET", "/")
        except Denied:
            return True
        return False

    async def link(self, token: Secret) -> str:
        """Make the user the owner of a thing whose token he knows; return the thing's id."""
        body = {"thingToken": token.reveal()}
        return needed(await self._calls.record("POST", "/me/things", body), "thingId")

    async def link_id(self, thing: str) -> str:
        """Make the user the owner of a thing whose id he knows; return the thing's id."""
        body = {"thingId": thing}
        return needed(await self._calls.record("POST", "/me/things", body), "thingId")

    async def things(self) -> tuple[LinkedThing, ...]:
        """Return the user's things."""
        found = await self._calls.records("/me/things")
        return tuple(LinkedThing(needed(each, "_id"), text(each, "name")) for each in found)

    async def unlink(self, thing: str) -> None:
        """Take a thing from the user. Raises Forbidden: it is not his."""
        await self._calls.record("DELETE", "/me/things", {"thingId": thing})

    async def share(self, email: str, permissions: Permissions) -> None:
        """Let another user of the app do what the user may do himself. Raises Forbidden."""
        body = {"email": email, "permissions": permissions}
        await self._calls.record("PUT", "/me/grant", body)

    async def grant(self, permissions: Permissions) -> None:
        """Let the app do something with the user's own things. Raises Forbidden."""
        await self._calls.record("PUT", "/me/grant", {"permissions": permissions})

    async def settings(self) -> Json:
        """Return the user's settings."""
        return await self._calls.record("GET", "/me/settings")

    async def set_settings(self, changes: Json) -> None:
        """Change some of the user's settings."""
        await self._calls.record("PUT", "/me/settings", dict(changes))

    async def set_password(self, password: Secret) -> None:
        """Change the user's password."""
        await self._calls.record("PUT", "/me/settings", {"password": password.reveal()})

    async def now_ms(self) -> int:
        """Return the cloud's time, UTC milliseconds."""
        return await time_of(self._calls)

    async def unix_time(self) -> int:
        """Return the cloud's time in seconds since 1970, as the cloud writes it itself."""
        return await unix_time_of(self._calls)


@asynccontextmanager
async def open_rest(settings: RestSettings, clock: Clock) -> AsyncIterator[Rest]:
    """Open the API; nothing is asked yet.

    Raises:
        ConfigError: the address is none, or the CA file cannot be used.
    """
    file = SessionFile(settings.session_file, settings.url)
    async with open_http(settings.http()) as http:
        keeper = SessionKeeper(http, file, clock, settings.credentials)
        yield Rest(Calls(http, keeper), keeper)
