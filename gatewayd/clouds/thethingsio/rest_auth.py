"""Sessions of the app plane: how a user gets in, and where the session token is kept.

A session lasts a year. The cloud says how long in seconds, so its end is known by our clock only
as well as that clock is: what counts is whether the cloud still takes the token. One that it
refuses is replaced once, if there are credentials, and the call is repeated; what was refused was
not carried out, so nothing is done twice.

Source: thethings.iO App Development guide, "Session Token", "Register", "Login".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson

from gatewayd.clock import Clock
from gatewayd.clouds.json_fields import Json, inner, needed, whole
from gatewayd.clouds.key_ring import KeyRing
from gatewayd.clouds.thethingsio.rest_errors import Denied, content_of
from gatewayd.clouds.thethingsio.verdict import JSON
from gatewayd.errors import LinkDenied, Malformed
from gatewayd.fields import Secret
from gatewayd.transports.http import Http, Request

T = TypeVar("T")

REGISTER, LOGIN = "/register", "/login"

LOGIN_HINT = "get one with `gatewayd cloud thethingsio login`"

SESSION_S = 31_536_000
"""What a session lasts where the cloud does not say."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, to which app."""

    email: str
    password: Secret
    app: str

    def body(self) -> dict[str, object]:
        """Return the JSON object that register and login take."""
        return {"email": self.email, "password": self.password.reveal(), "app": self.app}


Roles = Mapping[str, Mapping[str, frozenset[str]]]
"""Rights (`get`, `post`, `grant`, `put`, `delete`) by resource and thing id."""


@dataclass(frozen=True, slots=True)
class Session:
    """A user who is in. `expires_ms` is by our clock."""

    token: Secret
    email: str
    app: str
    expires_ms: int
    roles: Roles = field(default_factory=dict)

    @classmethod
    def of(cls, record: Json, login: Login, now_ms: int) -> Session:
        """Return the session that register or login answered. Raises Malformed."""
        lasts_s = whole(record, "expirationDate")
        expires_ms = now_ms + (SESSION_S if lasts_s is None else lasts_s) * 1000
        token = Secret(needed(record, "token"))
        return cls(token, login.email, login.app, expires_ms, _roles(record))


def _roles(record: Json) -> Roles:
    roles = inner(record, "roles") or {}
    return {
        name.removeprefix("RSRC_"): {
            thing: frozenset(right for right, is_given in rights.items() if is_given is True)
            for thing, rights in things.items()
            if isinstance(rights, Mapping)
        }
        for name, things in roles.items()
        if isinstance(things, Mapping)
    }


class SessionFile:
    """The one session of one server, in a file that only its owner can read."""

    def __init__(self, path: Path, url: str) -> None:
        self._ring = KeyRing(path, url)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self._ring.path

    def read(self) -> Session | None:
        """Return the session, without its roles, or None. Raises ConfigError."""
        words = self._ring.read()
        expires = words.get("expires_ms", "")
        if "token" not in words or not expires.isdecimal():
            return None
        email, app = words.get("email", ""), words.get("app", "")
        return Session(Secret(words["token"]), email, app, int(expires[:15]))

    def write(self, session: Session) -> None:
        """Keep a session, on the disk when this returns. Raises ConfigError."""
        token, expires = session.token.reveal(), str(session.expires_ms)
        self._ring.write(
            {"token": token, "email": session.email, "app": session.app, "expires_ms": expires}
        )

    def forget(self) -> bool:
        """Delete the file; return whether there was one."""
        return self._ring.forget()


class SessionKeeper:
    """Keeps the session of one server: in memory, in its file, and renewed when it must be.

    Characteristics: one session · renewed once for each refusal, by one caller while the others
    wait · durable in its file · one event loop only.
    """

    def __init__(
        self, http: Http, file: SessionFile, clock: Clock, renewal: Login | None = None
    ) -> None:
        self._http = http
        self._file = file
        self._clock = clock
        self._renewal = renewal
        self._session: Session | None = None
        self._renewing = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header: the token alone, no word before it.

        Raises:
            LinkDenied: there is no session, and nothing to open one with.
        """
        session = self._session or await self._renewed(None, "there is no session")
        return {"Authorization": session.token.reveal()}

    async def renew(self, refused: Denied) -> None:
        """Get another session than the refused one. Raises LinkDenied: there is no way to."""
        await self._renewed(self._session, str(refused))

    async def sign_in(self, path: str, login: Login) -> Session:
        """Register or log in, and keep the session.

        Raises:
            Denied: wrong password, user or app. Invalid: the user is there already.
        """
        request = Request("POST", path, JSON, orjson.dumps(login.body()))
        record = content_of(await self._http.send(request))
        if not isinstance(record, Mapping):
            raise Malformed("thethings.iO answers a login with no session")
        session = Session.of(record, login, self._clock.now_ms())
        await _on_disk(lambda: self._file.write(session))
        self._session = session
        return session

    async def _renewed(self, old: Session | None, why: str) -> Session:
        """Return another session than `old`: somebody else's, the file's, or a new one."""
        async with self._renewing:
            if self._session is not None and self._session is not old:
                return self._session
            kept = await _on_disk(self._file.read)
            if kept is not None and (old is None or kept.token != old.token):
                self._session = kept
                return kept
            if self._renewal is None:
                raise LinkDenied(f"{why}; {LOGIN_HINT}")
            return await self.sign_in(LOGIN, self._renewal)


async def _on_disk(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
