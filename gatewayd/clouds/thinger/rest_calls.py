"""Calls of the Thinger.io REST API: one request, one answer.

Tries once. A token that the cloud refuses is renewed once and the call repeated: a refused request
was not carried out, so nothing happens twice. Nothing else is repeated.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol
from urllib.parse import urlencode

import orjson

from gatewayd.clouds.json_fields import Json
from gatewayd.clouds.places import place
from gatewayd.clouds.thinger.rest_auth import bearer
from gatewayd.clouds.thinger.rest_errors import Denied, content_of, error_of
from gatewayd.errors import Malformed
from gatewayd.fields import Secret
from gatewayd.transports.http import Http, Request, Stream
from gatewayd.transports.websocket import Refused, WebSocket, open_websocket

JSON = "application/json;charset=UTF-8"
BYTES = "application/octet-stream"

Pairs = Mapping[str, object]
"""A query; what is None is left out."""


class Credentials(Protocol):
    """What opens the door."""

    async def token(self) -> Secret:
        """Return the token of the next request. Raises LinkDenied: there is nothing to show."""
        ...

    async def renew(self, refused: Denied, shown: Secret) -> None:
        """Get something better than what was just refused, or raise."""
        ...


class Calls:
    """The API as one user."""

    def __init__(self, http: Http, credentials: Credentials, user: str) -> None:
        self._http = http
        self._credentials = credentials
        self._user = user

    def path(self, version: str, *names: str) -> str:
        """Return the path of something that belongs to the user."""
        return place(version, "users", self._user, *names)

    async def get(self, path: str, query: Pairs | None = None) -> object:
        return await self.call("GET", with_query(path, query))

    async def post(self, path: str, body: object) -> object:
        return await self.call("POST", path, orjson.dumps(body))

    async def put(self, path: str, body: object) -> object:
        return await self.call("PUT", path, orjson.dumps(body))

    async def delete(self, path: str) -> None:
        await self.call("DELETE", path)

    async def call(
        self, method: str, path: str, body: bytes | None = None, content_type: str = JSON
    ) -> object:
        """Send one request and return what its answer says, None for nothing.

        Raises:
            ThingerError: the cloud refused; its class says whose turn it is.
            LinkLost, LinkDenied, Malformed: see transports.http.
        """
        token = await self._credentials.token()
        try:
            return await self._try(method, path, token, body, content_type)
        except Denied as refused:
            await self._credentials.renew(refused, token)
            return await self._try(
                method, path, await self._credentials.token(), body, content_type
            )

    @asynccontextmanager
    async def stream(self, path: str, silence_s: float) -> AsyncIterator[Stream]:
        """Hold an answer open whose server sends events.

        Raises:
            ThingerError, LinkLost, LinkDenied, Malformed: as for `call`.
        """
        async with AsyncExitStack() as stack:
            token = await self._credentials.token()
            try:
                stream = await stack.enter_async_context(self._open(path, token, silence_s))
            except Denied as refused:
                await self._credentials.renew(refused, token)
                token = await self._credentials.token()
                stream = await stack.enter_async_context(self._open(path, token, silence_s))
            yield stream

    @asynccontextmanager
    async def socket(self, path: str, silence_s: float) -> AsyncIterator[WebSocket]:
        """Open a WebSocket.

        Raises:
            ThingerError, LinkLost, LinkDenied: as for `call`.
        """
        async with AsyncExitStack() as stack:
            token = await self._credentials.token()
            try:
                socket = await stack.enter_async_context(self._join(path, token, silence_s))
            except Denied as refused:
                await self._credentials.renew(refused, token)
                token = await self._credentials.token()
                socket = await stack.enter_async_context(self._join(path, token, silence_s))
            yield socket

    async def _try(
        self, method: str, path: str, token: Secret, body: bytes | None, content_type: str
    ) -> object:
        headers = dict(bearer(token))
        if body is not None:
            headers["Content-Type"] = content_type
        return content_of(await self._http.send(Request(method, path, headers, body)))

    @asynccontextmanager
    async def _open(self, path: str, token: Secret, silence_s: float) -> AsyncIterator[Stream]:
        headers = {**bearer(token), "Accept": "text/event-stream"}
        async with self._http.stream(Request("GET", path, headers), silence_s) as stream:
            if stream.status != 200:
                raise error_of(await stream.whole())
            yield stream

    @asynccontextmanager
    async def _join(self, path: str, token: Secret, silence_s: float) -> AsyncIterator[WebSocket]:
        async with AsyncExitStack() as stack:
            request = Request("GET", path, bearer(token))
            opening = open_websocket(self._http, request, silence_s)
            try:
                socket = await stack.enter_async_context(opening)
            except Refused as refused:
                raise error_of(refused.answer) from refused
            yield socket


def with_query(path: str, query: Pairs | None) -> str:
    """Return a path with a query; lists repeat their name, None is left out."""
    asked = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(asked, doseq=True)}" if asked else path


def as_object(content: object) -> Json:
    """Return content that must be an object. Raises Malformed."""
    if not isinstance(content, Mapping):
        raise Malformed("Thinger.io answers something else than an object")
    return content


def as_objects(content: object) -> tuple[Json, ...]:
    """Return content that must be a list, of which only the objects count. Raises Malformed."""
    if not isinstance(content, list):
        raise Malformed("Thinger.io answers something else than a list")
    return tuple(each for each in content if isinstance(each, Mapping))
