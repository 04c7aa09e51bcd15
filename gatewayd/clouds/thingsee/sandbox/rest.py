"""The app side: one handler for every request, from fault and token to the answer's body.

Strategy: a request is met by the rate limit and the armed faults first, then it is routed and its
token looked at, and only then does an endpoint see it. Success is `{"data": …}`. Errors are always
an object, because the vendor's app reads every body as one before it looks at the status.

Source: Thingsee Open Services API; Thingsee Toolbox (error model).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import unquote

import orjson
from aiohttp import web

from gatewayd.clouds.thingsee.rest_errors import phrase
from gatewayd.clouds.thingsee.sandbox import (
    rest_commands,
    rest_groups,
    rest_things,
    rest_uplink,
)
from gatewayd.clouds.thingsee.sandbox.call import Call, Premises, Route
from gatewayd.clouds.thingsee.sandbox.control import routes
from gatewayd.clouds.thingsee.sandbox.errors import bad, missing, unauthorized
from gatewayd.clouds.thingsee.sandbox.index import index_page
from gatewayd.clouds.thingsee.sandbox.sandbox import Sandbox
from gatewayd.sandbox.bodies import BODY_BYTES_MAX
from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.gate import Gate
from gatewayd.sandbox.routes import RouteTable
from gatewayd.sandbox.serving import date_answers, open_server

TABLE = RouteTable((*rest_groups.ROUTES, *rest_things.ROUTES, *rest_commands.ROUTES))
DEVICE_TABLE = RouteTable(rest_uplink.ROUTES)
PREFIXES = ("/prod/v1", "/v1")
"""The stage and version of the vendor's addresses; and without the stage."""


class AppSide:
    """The handler of every request that is not the control plane's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._premises = Premises(
            sandbox.world,
            sandbox.journal,
            sandbox.intake,
            sandbox.orders,
            sandbox.device_side,
        )
        self.gate = Gate(sandbox.rest_faults, sandbox.journal.counts, self._answer, _refuse)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            route, names = _find(request.method, request.rel_url.raw_path)
            data = route.handler(await self._call(request, route, names))
        except ApiError as error:
            return _refuse(request, error)
        return _json(200, {"data": data})

    async def _call(self, request: web.Request, route: Route, names: dict[str, str]) -> Call:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        client = None
        if not route.is_open:
            if not bearer:
                raise unauthorized("Authorization: Bearer … is missing")
            client = self._sandbox.world.client_of(bearer)
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise bad(f"a body over {BODY_BYTES_MAX} bytes") from None
        decoded = {name: unquote(text) for name, text in names.items()}
        return Call(self._premises, client, decoded, request.query, raw, bearer)


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the endpoint of a path, with or without the stage. Raises ApiError: 404."""
    for prefix in PREFIXES:
        if path.startswith(prefix + "/"):
            return TABLE.find(method, path[len(prefix) :])
    if path.startswith("/thingsee/"):
        return DEVICE_TABLE.find(method, path)
    raise missing(f"{method} {path[:120]}")


def _refuse(request: web.Request, error: ApiError) -> web.Response:
    """Answer with an error. What throttles stands before the API and words it in its own way."""
    if error.status == 429:
        return _json(429, {"message": "Too Many Requests"})
    words = phrase(error.status) or "Error"
    body = {"statusCode": error.status, "error": words, "message": str(error)}
    return _json(error.status, body)


def _json(status: int, body: object) -> web.Response:
    raw = orjson.dumps(body)
    return web.Response(status=status, body=raw, content_type="application/json")


async def _index(sandbox: Sandbox, request: web.Request) -> web.Response:
    return index_page(sandbox, TABLE)


@asynccontextmanager
async def open_app_side(sandbox: Sandbox, port: int) -> AsyncIterator[int]:
    """Serve REST and the control plane on 127.0.0.1; yield the port.

    Raises:
        OSError: the port is taken.
    """
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    date_answers(app, sandbox.clock)
    app.add_routes(routes(sandbox))
    app.router.add_get("/", partial(_index, sandbox))
    app.router.add_route("*", "/{path:.*}", AppSide(sandbox).gate.handle)
    async with open_server(app, port) as listening:
        yield listening
