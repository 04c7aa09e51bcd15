"""What is shown at the door of the Thing+ REST API: a user's token, or a gateway's API key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import orjson

from gatewayd.clock import Clock
from gatewayd.clouds.json_fields import needed, text
from gatewayd.clouds.thingplus.envelope import open_envelope
from gatewayd.clouds.thingplus.rest_errors import BAD_TOKEN, EXPIRED, Denied
from gatewayd.clouds.thingplus.tokens import Grant, PasswordGrant, Token, TokenFile
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from gatewayd.transports.http import Http, Request

T = TypeVar("T")

LOGIN_HINT = "get one with `gatewayd cloud thingplus login`"


class TokenKeeper:
    """Keeps the token of one server: in memory, in its file, and renewed when it must be.

    Characteristics: one token · renewed by the password grant only, once for each refusal,
    by one caller while the others wait · durable in its file · one event loop only.
    """

    def __init__(
        self,
        http: Http,
        prefix: str,
        file: TokenFile,
        clock: Clock,
        renewal: PasswordGrant | None = None,
    ) -> None:
        self._renewal = renewal
        self._http = http
        self._prefix = prefix
        self._file = file
        self._clock = clock
        self._token: Token | None = None
        self._has_session = False
        self._renewing = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header, renewed first if its token has ended.

        Raises:
            LinkDenied: there is no token, or it has ended, and nothing to renew it with.
        """
        if self._has_session:
            return {}
        token = self._token
        if token is None or token.is_expired(self._clock.now_ms()):
            why = "has expired" if token else "is missing"
            token = await self._renewed(token, why)
        return {"Authorization": token.authorization}

    async def renew(self, refused: Denied) -> None:
        """Get a new token if the refused one was the reason, else raise `refused`."""
        is_token = refused.status == 401 or refused.code in (EXPIRED, BAD_TOKEN)
        if not is_token or self._has_session:
            raise refused
        await self._renewed(self._token, "was refused")

    async def sign_in(self, grant: Grant) -> Token:
        """Exchange a grant for a token and keep it.

        Raises:
            Denied: wrong client, user, password or code.
        """
        headers = {"Content-Type": "application/json"}
        place = f"{self._prefix}/oauth2/token"
        request = Request("POST", place, headers, orjson.dumps(grant.form()))
        record = open_envelope(await self._http.send(request)).record
        token = Token(
            Secret(needed(record, "access_token")), text(record, "token_type") or "Bearer"
        )
        await _on_disk(lambda: self._file.write(token))
        self._token = token
        return token

    def use_session(self, has_session: bool) -> None:
        """Say whether a cookie, and not a token, opens the door from now on."""
        self._has_session = has_session

    async def _renewed(self, old: Token | None, why: str) -> Token:
        """Return another token than `old`: somebody else's, the file's, or a new one."""
        async with self._renewing:
            if self._token is not None and self._token is not old:
                return self._token
            kept = await _on_disk(self._file.read)
            if kept is not None and kept != old:
                if not kept.is_expired(self._clock.now_ms()):
                    self._token = kept
                    return kept
                why = "has expired"
            if self._renewal is None:
                raise LinkDenied(f"the Thing+ access token {why}; {LOGIN_HINT}")
            return await self.sign_in(self._renewal)


class KeyHolder:
    """A gateway's own credentials: its id and its API key. They do not end by themselves."""

    def __init__(self, gateway_id: str, api_key: Secret) -> None:
        self._gateway_id = gateway_id
        self._api_key = api_key

    async def headers(self) -> Mapping[str, str]:
        return {"username": self._gateway_id, "apikey": self._api_key.reveal()}

    async def renew(self, refused: Denied) -> None:
        raise refused


async def _on_disk(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
