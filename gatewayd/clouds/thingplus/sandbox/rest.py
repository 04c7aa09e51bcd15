"""The app side: one handler for every request, from fault and login to the answer's body.

Strategy: a request is met by the rate limit and the armed faults first, then it is routed, its
caller found and his scopes checked, and only then does an endpoint see it. Endpoints raise
`ApiError`; the face of the request (enveloped, raw, the gateway's own) decides the body.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from gatewayd.clouds.thingplus.sandbox import (
    rest_accounts,
    rest_commands,
    rest_gateways,
    rest_records,
    rest_registration,
    rest_sensors,
    rest_values,
)
from gatewayd.clouds.thingplus.sandbox.answers import (
    USUAL_CODE,
    Answer,
    Face,
    RawError,
    error_body,
    phrase,
    success_body,
)
from gatewayd.clouds.thingplus.sandbox.call import Call, Page, Premises, Route
from gatewayd.clouds.thingplus.sandbox.control import routes
from gatewayd.clouds.thingplus.sandbox.index import index_page
from gatewayd.clouds.thingplus.sandbox.rest_accounts import SESSION
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.scopes import is_allowed
from gatewayd.clouds.thingplus.sandbox.world import Caller
from gatewayd.sandbox.bodies import BODY_BYTES_MAX
from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.gate import Gate
from gatewayd.sandbox.routes import RouteTable
from gatewayd.sandbox.serving import open_server

TABLE = RouteTable(
    (
        *rest_accounts.ROUTES,
        *rest_gateways.ROUTES,
        *rest_sensors.ROUTES,
        *rest_values.ROUTES,
        *rest_commands.ROUTES,
        *rest_registration.ROUTES,
        *rest_records.ROUTES,
    )
)

STICKY = "dwTPlus"
"""The vendor's load balancer hands out this cookie; clients may return it."""

NOBODY = Caller(scopes=frozenset())


class AppSide:
    """The handler of every REST request that is not the control plane's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.gate = Gate(sandbox.rest_faults, sandbox.journal.counts, self._answer, _refuse)
        self._premises = Premises(sandbox.world, sandbox.journal, sandbox.calls, sandbox.doors)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        face, path = split_face(request.path)
        try:
            route, names = TABLE.find(request.method, path)
            caller = self._caller(request, face, route)
            answer = await route.handler(await self._call(request, face, caller, names))
        except ApiError as error:
            return _error(face, error)
        except RawError as error:
            if isinstance(error.body, str):
                return web.Response(status=error.status, text=error.body)
            return _json(error.status, error.body)
        if isinstance(answer, Page):
            return _page(answer)
        return _success(face, answer, has_cookie=STICKY in request.cookies)

    async def _call(
        self, request: web.Request, face: Face, caller: Caller, names: dict[str, str]
    ) -> Call:
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise ApiError(400, "INVALID_INPUT", f"a body over {BODY_BYTES_MAX} bytes") from None
        return Call(
            premises=self._premises,
            face=face,
            caller=caller,
            names=names,
            pairs=tuple(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)),
            raw=raw,
            is_form=request.content_type == "application/x-www-form-urlencoded",
            session=request.cookies.get(SESSION, ""),
        )

    def _caller(self, request: web.Request, face: Face, route: Route) -> Caller:
        """Return who asks, if he may ask this. Raises ApiError, RawError: 401, 403."""
        headers, doors = request.headers, self._sandbox.doors
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            caller = doors.bearer(token.strip())
        elif face is Face.GATEWAY and "apikey" in headers:
            return self._gateway(headers.get("username", ""), headers["apikey"], route)
        elif request.cookies.get(SESSION):
            caller = doors.session(request.cookies[SESSION])
        elif route.is_open:
            return NOBODY
        else:
            raise RawError(401, "Access denied")
        is_limited = caller.scopes is not None and route.needs_scope
        if is_limited and not is_allowed(caller.scopes or (), route.resource, request.method):
            raise ApiError(403, "ACL_DENY", f"no scope for {request.method} {route.path}")
        return caller

    def _gateway(self, gateway: str, key: str, route: Route) -> Caller:
        world = self._sandbox.world
        if not world.is_key_of(gateway, key):
            raise ApiError(401, "NEED_LOGIN", "the API key is wrong")
        if not route.is_for_gateways:
            raise ApiError(403, "ACL_DENY", "not for gateways")
        return Caller(gateway=world.gateways[gateway])


def split_face(path: str) -> tuple[Face, str]:
    """Return the face that a path belongs to, and the path without its prefix."""
    for face in (Face.V2, Face.V1):
        if path.startswith(face.value + "/"):
            return face, path[len(face.value) :]
    return Face.GATEWAY, path


def _success(face: Face, answer: Answer, *, has_cookie: bool) -> web.Response:
    if answer.status == 204:
        return web.Response(status=204)
    response = _json(answer.status, success_body(face, answer))
    response.headers.extend(answer.headers)
    if not has_cookie:
        response.headers.add("Set-Cookie", f"{STICKY}=sandbox; Path=/")
    return response


def _error(face: Face, error: ApiError) -> web.Response:
    return _json(error.status, error_body(face, error.status, error.code, str(error)))


def _refuse(request: web.Request, error: ApiError) -> web.Response:
    """Answer for the gate, with the code that is usual where none is named."""
    face, _ = split_face(request.path)
    code = error.code or USUAL_CODE.get(error.status, "-")
    return _error(face, ApiError(error.status, code, str(error)))


def _page(page: Page) -> web.Response:
    if page.location:
        return web.Response(status=page.status, headers={"Location": page.location})
    return web.Response(status=page.status, text=page.html, content_type="text/html")


def _json(status: int, body: object) -> web.Response:
    return web.Response(
        status=status,
        reason=phrase(status),
        body=orjson.dumps(body),
        content_type="application/json",
        charset="utf-8",
    )


async def _index(sandbox: Sandbox, request: web.Request) -> web.Response:
    return await index_page(sandbox, TABLE)


@asynccontextmanager
async def open_app_side(sandbox: Sandbox, port: int) -> AsyncIterator[int]:
    """Serve REST and the control plane on 127.0.0.1; yield the port.

    Raises:
        OSError: the port is taken.
    """
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.add_routes(routes(sandbox))
    app.router.add_get("/", partial(_index, sandbox))
    app.router.add_route("*", "/{path:.*}", AppSide(sandbox).gate.handle)
    async with open_server(app, port) as listening:
        yield listening
