"""What is shown at the door of the Thinger.io REST API: a session's token, or one made by hand.

Strategy: a token is renewed when its own clock says that it has ended, and once when the cloud
refuses it. Its end is told in the cloud's time, and a gateway's clock may be hours off; so the
difference is taken from the moment of issue, which every token names, each time that one is got.
A token from the file is judged by our clock, and at the worst renewed once too often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlencode

from gatewayd.clock import Clock
from gatewayd.clouds.thinger.rest_errors import Denied, content_of
from gatewayd.clouds.thinger.tokens import (
    Grant,
    PasswordGrant,
    RefreshGrant,
    Session,
    TokenFile,
    read_session,
)
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from gatewayd.transports.http import Http, Request

T = TypeVar("T")

LOGIN_HINT = "get one with `gatewayd cloud thinger login`"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path.
FORM = "application/x-www-form-urlencoded"


class SessionKeeper:
    """Keeps the session of one server: in memory, in its file, and renewed when it must be.

    Characteristics: one session · renewed by the refresh token, else by the password where there
    is one · once for each refusal, by one caller while the others wait · durable in its file ·
    one event loop only.
    """

    def __init__(
        self, http: Http, file: TokenFile, clock: Clock, grant: PasswordGrant | None = None
    ) -> None:
        self._http = http
        self._file = file
        self._clock = clock
        self._grant = grant
        self._session: Session | None = None
        self._ahead_ms = 0
        """How far our clock is ahead of the cloud's."""
        self._renewing = asyncio.Lock()

    async def token(self) -> Secret:
        """Return the access token, renewed first if it has ended.

        Raises:
            LinkDenied: there is none, or it has ended, and nothing renews it.
        """
        session = self._session
        if session is None or self._is_stale(session):
            session = await self._renewed(session, "has expired" if session else "is missing")
        return session.access

    async def renew(self, refused: Denied, shown: Secret) -> None:
        """Get another token than the one that was refused, or raise."""
        session = self._session
        if session is not None and session.access != shown:
            return  # Somebody else has got another one meanwhile.
        await self._renewed(session, f"was refused ({refused.message})")

    async def sign_in(self, grant: Grant) -> Session:
        """Exchange a grant for a session and keep it.

        Raises:
            Denied: a wrong user, password or refresh token.
        """
        body = urlencode(grant.form()).encode()
        request = Request("POST", TOKEN_PATH, {"Content-Type": FORM}, body)
        session = read_session(content_of(await self._http.send(request)))
        if session.issued_ms is not None:
            self._ahead_ms = self._clock.now_ms() - session.issued_ms
        # Kept before it is used: the refresh token that brought it may be spent.
        await _on_disk(lambda: self._file.write(session))
        self._session = session
        return session

    def _is_stale(self, session: Session) -> bool:
        return session.is_stale(self._clock.now_ms() - self._ahead_ms)

    async def _renewed(self, old: Session | None, why: str) -> Session:
        """Return another session than `old`: somebody else's, the file's, or a new one."""
        async with self._renewing:
            if self._session is not None and self._session is not old:
                return self._session
            kept = await _on_disk(self._file.read)
            if kept is not None and kept != old and not self._is_stale(kept):
                self._session = kept
                return kept
            for refresh in _refreshes(kept, old):
                try:
                    return await self.sign_in(RefreshGrant(refresh))
                except Denied as error:
                    why = f"{why}; {error.message}"
            if self._grant is None:
                raise LinkDenied(f"the Thinger.io access token {why}; {LOGIN_HINT}")
            return await self.sign_in(self._grant)


class MadeToken:
    """A token that a person made: an account's or a device's. Nobody but him renews it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def token(self) -> Secret:
        return self._token

    async def renew(self, refused: Denied, shown: Secret) -> None:
        raise refused


def _refreshes(*sessions: Session | None) -> list[Secret]:
    """Return the refresh tokens that are worth a try, each once."""
    found = [each.refresh for each in sessions if each is not None and each.refresh is not None]
    return list(dict.fromkeys(found))


async def _on_disk(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


def bearer(token: Secret) -> Mapping[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token.reveal()}"}
