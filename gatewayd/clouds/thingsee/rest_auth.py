"""What is shown at the door of the Thingsee REST API: a client token that is renewed in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import orjson

from gatewayd.clock import Clock
from gatewayd.clouds.json_fields import needed
from gatewayd.clouds.thingsee.envelope import open_envelope, record_in
from gatewayd.clouds.thingsee.rest_errors import Denied
from gatewayd.clouds.thingsee.tokens import RENEW_AFTER_S, Credentials, Token, TokenFile
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from gatewayd.transports.http import Http, Request

T = TypeVar("T")

LOGIN_HINT = "get one with `gatewayd cloud thingsee login`"
PLACE = "/auth/client-token"


class TokenKeeper:
    """Keeps the token of one server: in memory, in its file if there is one, and renewed.

    Within a process a token's age is told by the loop's own time: a wall clock that jumps
    neither makes it old nor keeps it young. Across processes there is only the wall clock, and
    the cloud has the last word.

    Characteristics: one token · renewed after `RENEW_AFTER_S`, and once for each refusal, by one
    caller while the others wait · durable in its file · one event loop only.
    """

    def __init__(
        self, http: Http, file: TokenFile | None, clock: Clock, credentials: Credentials | None
    ) -> None:
        self._http = http
        self._file = file
        self._clock = clock
        self._credentials = credentials
        self._token: Token | None = None
        self._renew_at_s = 0.0
        self._renewing = asyncio.Lock()

    async def token(self) -> Token:
        """Return a token that is good as far as anybody knows, renewed first if it is due.

        Raises:
            LinkDenied: there is none and nothing to get one with, or the credentials are wrong.
        """
        held = self._token
        if held is not None and (not self._credentials or self._now_s() < self._renew_at_s):
            return held
        return await self._another(held, "is missing")

    async def renew(self, refused: Token, error: Denied) -> Token:
        """Return another token than the refused one.

        Raises:
            Denied: the token was not the reason. LinkDenied: there is nothing to renew it with.
        """
        if error.status != 401:
            raise error
        return await self._another(refused, "was refused")

    async def sign_in(self, credentials: Credentials) -> Token:
        """Get a token and keep it.

        Raises:
            Denied: no such client, or a wrong secret.
        """
        headers = {"Content-Type": "application/json"}
        request = Request("POST", PLACE, headers, orjson.dumps(credentials.body()))
        asked_s = self._now_s()
        record = record_in(open_envelope(await self._http.send(request)))
        token = Token(Secret(needed(record, "token")), self._clock.now_ms())
        file = self._file
        if file is not None:
            await _on_disk(lambda: file.write(token))
        self._hold(token, asked_s)
        return token

    async def _another(self, old: Token | None, why: str) -> Token:
        """Return another token than `old`: somebody else's, the file's, or a new one."""
        async with self._renewing:
            if self._token is not None and self._token != old:
                return self._token
            kept = None if self._file is None else await _on_disk(self._file.read)
            if kept is not None and kept != old:
                now_ms = self._clock.now_ms()
                # Without credentials an old one is worth a try: the clock may be what is wrong.
                if kept.is_fresh(now_ms) or not self._credentials:
                    self._hold(kept, self._now_s() - (kept.age_s(now_ms) or 0.0))
                    return kept
            if self._credentials is None:
                raise LinkDenied(f"the Thingsee token {why}; {LOGIN_HINT}")
            return await self.sign_in(self._credentials)

    def _hold(self, token: Token, since_s: float) -> None:
        self._token = token
        self._renew_at_s = since_s + RENEW_AFTER_S

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


async def _on_disk(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
