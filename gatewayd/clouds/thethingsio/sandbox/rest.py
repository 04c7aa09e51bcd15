"""The HTTP side: every request from fault and session to the answer's body.

Lenient as real clients need it: slashes at the end or doubled, an empty query, forms for JSON.

Source: thethings.iO API reference; the vendor's and others' public clients.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import orjson
from aiohttp import web

from gatewayd.clouds.thethingsio.answers import encode_refused
from gatewayd.clouds.thethingsio.sandbox import (
    rest_firmwares,
    rest_objects,
    rest_resources,
    rest_things,
    rest_users,
)
from gatewayd.clouds.thethingsio.sandbox.call import Auth, Call, Premises, Route
from gatewayd.clouds.thethingsio.sandbox.control import routes
from gatewayd.clouds.thethingsio.sandbox.errors import bad, no_session, refusal
from gatewayd.clouds.thethingsio.sandbox.records import Session
from gatewayd.clouds.thethingsio.sandbox.sandbox import Sandbox
from gatewayd.sandbox.bodies import BODY_BYTES_MAX
from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.gate import Gate
from gatewayd.sandbox.routes import RouteTable
from gatewayd.sandbox.serving import date_answers, open_server

TABLE = RouteTable[Route](
    (
        *rest_things.ROUTES,
        *rest_firmwares.ROUTES,
        *rest_users.ROUTES,
        *rest_resources.ROUTES,
        *rest_objects.ROUTES,
    )
)

PREFIX = "/v2"
RETIRED = "/v1"


class AppSide:
    """The handler of every request that is not the control plane's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.gate = Gate(sandbox.rest_faults, sandbox.journal.counts, self._answer, _refuse)
        self._sandbox = sandbox
        self._premises = Premises(
            sandbox.world, sandbox.objects, sandbox.journal, sandbox.hub, sandbox.intake
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            route, names = _find(request)
            session = self._session(request, route)
            answer = await route.handler(
                Call(self._premises, request, names, await _body_of(request), session)
            )
        except ApiError as error:
            return _refuse(request, error)
        if isinstance(answer, web.StreamResponse):
            return answer
        return _json(answer.status, orjson.dumps(answer.body))

    def _session(self, request: web.Request, route: Route) -> Session | None:
        """Return the session that a route needs. Raises ApiError: 401, 404."""
        if route.auth is Auth.EITHER and "thingToken" in request.query:
            self._sandbox.world.thing(request.query["thingToken"])
            return None
        if route.auth in (Auth.NONE, Auth.TOKEN):
            return None
        return self._sandbox.world.session(request.headers.get("Authorization", ""))


def _find(request: web.Request) -> tuple[Route, dict[str, str]]:
    """Return the route of a request and the names in its path. Raises ApiError."""
    path = re.sub("/{2,}", "/", request.path)
    if path == RETIRED or path.startswith(f"{RETIRED}/"):
        raise refusal(410, "API v1 is retired")
    if path.rstrip("/") == PREFIX:
        raise no_session()  # Documented as the sign that all is well.
    if not path.startswith(f"{PREFIX}/"):
        raise refusal(404, "Not found")
    return TABLE.find(request.method, path[len(PREFIX) :])


async def _body_of(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise bad(f"a body of more than {BODY_BYTES_MAX} bytes") from None


def _refuse(request: web.Request, error: ApiError) -> web.Response:
    if error.status == 304:
        return web.Response(status=304)
    return _json(error.status, encode_refused(error.status, str(error)))


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json", charset="utf-8")


@asynccontextmanager
async def open_app_side(
    sandbox: Sandbox, port: int, tls: tuple[int, ssl.SSLContext] | None = None
) -> AsyncIterator[tuple[int, int | None]]:
    """Serve HTTP and the control plane on 127.0.0.1; yield the port, and that with TLS.

    Raises:
        OSError: a port is taken.
    """
    side = AppSide(sandbox)

    def application() -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        date_answers(app, sandbox.clock)
        app.add_routes(routes(sandbox))
        app.router.add_route("*", "/{path:.*}", side.gate.handle)
        return app

    async with AsyncExitStack() as stack:
        plain = await stack.enter_async_context(open_server(application(), port))
        safe = None
        if tls is not None:
            safe = await stack.enter_async_context(open_server(application(), *tls))
        stack.callback(sandbox.hub.end_all, "cut")
        yield plain, safe
