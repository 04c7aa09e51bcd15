"""Calls of the Thingsee REST API: one request, one answer, out of its envelope.

Tries once, with one bounded exception: a token that the cloud refuses is renewed once and the
call repeated. That doubles no command, because what was refused at the door was not carried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import orjson

from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thingsee.envelope import open_envelope
from gatewayd.clouds.thingsee.rest_auth import TokenKeeper
from gatewayd.clouds.thingsee.rest_errors import Denied
from gatewayd.clouds.thingsee.tokens import Token
from gatewayd.transports.http import Http, Request

Asked = Mapping[str, str | int]
"""A query: names and values."""

Body = Mapping[str, object] | Sequence[Mapping[str, object]]


class Calls:
    """The API as calls; `data` is what was in the envelope, `time` the cloud's, as answers say."""

    def __init__(self, http: Http, keeper: TokenKeeper, time: CloudTime) -> None:
        self._http = http
        self._keeper = keeper
        self.time = time

    async def get(self, path: str, asked: Asked | None = None) -> object:
        """Ask; return the data."""
        return await self.call("GET", f"{path}?{urlencode(asked)}" if asked else path)

    async def post(self, path: str, body: Body) -> object:
        """Send a body; return the data."""
        return await self.call("POST", path, body)

    async def delete(self, path: str) -> object:
        """Delete; return the data."""
        return await self.call("DELETE", path)

    async def call(self, method: str, path: str, body: Body | None = None) -> object:
        """Send one request and return the data of its answer.

        Raises:
            ThingseeError: the cloud refused; its class says whose turn it is.
            LinkLost, LinkDenied, Malformed: see transports.http.
        """
        token = await self._keeper.token()
        try:
            return await self._try(token, method, path, body)
        except Denied as refused:
            token = await self._keeper.renew(token, refused)
        return await self._try(token, method, path, body)

    async def _try(self, token: Token, method: str, path: str, body: Body | None) -> object:
        headers = {"Authorization": token.authorization}
        raw = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            raw = orjson.dumps(body)
        answer = await self._http.send(Request(method, path, headers, raw))
        self.time.note(answer.headers)
        return open_envelope(answer)
