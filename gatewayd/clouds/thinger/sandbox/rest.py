"""The app side: one handler for every request, from fault and token to the answer's body.

Strategy: a request is met by the rate limit and the armed faults first, then it is routed, its
caller found and his rights checked, and only then does an endpoint see it. Endpoints raise
`ApiError`; every error has the same body.

Source: Thinger.io REST API; Thinger.io API description 2025 (403).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import unquote

import orjson
from aiohttp import web

from gatewayd.clouds.thinger.sandbox import (
    live,
    rest_account,
    rest_buckets,
    rest_devices,
    rest_oauth,
    rest_properties,
    rest_resources,
)
from gatewayd.clouds.thinger.sandbox.call import EMPTY, Call, Route
from gatewayd.clouds.thinger.sandbox.control import routes
from gatewayd.clouds.thinger.sandbox.doors import Caller, denied
from gatewayd.clouds.thinger.sandbox.journal import Received
from gatewayd.clouds.thinger.sandbox.sandbox import Sandbox
from gatewayd.sandbox.bodies import BODY_BYTES_MAX
from gatewayd.sandbox.errors import ApiError, invalid
from gatewayd.sandbox.gate import Gate
from gatewayd.sandbox.routes import RouteTable
from gatewayd.sandbox.serving import date_answers, open_server

TABLE = RouteTable(
    (
        *rest_oauth.ROUTES,
        *rest_devices.ROUTES,
        *rest_properties.ROUTES,
        *rest_buckets.ROUTES,
        *rest_account.ROUTES,
        *live.ROUTES,
        # The last of all: their paths take whatever follows a device.
        *rest_resources.ROUTES,
    )
)


class AppSide:
    """The handler of every REST request that is not the control plane's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.gate = Gate(sandbox.rest_faults, sandbox.journal.counts, self._answer, _refuse)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            # As it stands: what is quoted in a resource's name is part of the name.
            path = request.rel_url.raw_path
            route, names = TABLE.find(request.method, path)
            caller = self._caller(request, route, names)
            raw = await _read(request)
            self._note(request, caller)
            call = Call(self._sandbox.app_premises, request, caller, names, raw)
            answer = await route.handler(call)
        except ApiError as error:
            return _refuse(request, error)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response() if answer is EMPTY else _json(200, answer)

    def _caller(
        self, request: web.Request, route: Route, names: Mapping[str, str]
    ) -> Caller | None:
        """Return who asks, if he may ask this. Raises ApiError: 401, 403, 404."""
        if route.is_open:
            return None
        token = request.query.get("authorization", "")
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            token = shown.strip()
        if not token:
            raise denied("a token is missing")
        caller = self._sandbox.doors.caller(token)
        if "user" in names:
            account = self._sandbox.world.account(unquote(names["user"]))
            if account is not caller.account:
                raise ApiError(403, "", "the token is somebody else's")
        if not caller.may(route.wanted(names)):
            raise ApiError(403, "", "the token does not allow this")
        return caller

    def _note(self, request: web.Request, caller: Caller | None) -> None:
        journal, now_ms = self._sandbox.journal, self._sandbox.clock.now_ms()
        user = caller.account.id if caller else ""
        what = f"{request.method} {request.path}"[:500]
        received = Received(journal.next_number(), now_ms, "rest", user, "", what, None)
        journal.keep(received, request.content_length or 0)


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise invalid(f"a body over {BODY_BYTES_MAX} bytes") from None


def _refuse(request: web.Request, error: ApiError) -> web.Response:
    return _json(error.status, {"error": {"message": str(error)}})


def _json(status: int, body: object) -> web.Response:
    raw = orjson.dumps(body)
    return web.Response(status=status, body=raw, content_type="application/json", charset="utf-8")


@asynccontextmanager
async def open_app_side(sandbox: Sandbox, port: int) -> AsyncIterator[int]:
    """Serve REST and the control plane on 127.0.0.1; yield the port.

    Raises:
        OSError: the port is taken.
    """
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    date_answers(app, sandbox.clock)
    app.add_routes(routes(sandbox))
    app.router.add_route("*", "/{path:.*}", AppSide(sandbox).gate.handle)
    async with open_server(app, port) as listening:
        yield listening
