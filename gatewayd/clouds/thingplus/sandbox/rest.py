"""The app side: one handler for every request, from fault and login to the answer's body.

Strategy: a request is met by the rate limit and the armed faults first, then it is routed, its
caller found and his scopes checked, and only then does an endpoint see it. Endpoints raise
`ApiError`; the face of the request (enveloped, raw, the gateway's own) decides the body.
"""

from __future__ import annotations

import asyncio
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
    ApiError,
    Face,
    RawError,
    error_body,
    phrase,
    success_body,
)
from gatewayd.clouds.thingplus.sandbox.bodies import BODY_BYTES_MAX
from gatewayd.clouds.thingplus.sandbox.call import Call, Page, Premises, Route, RouteTable
from gatewayd.clouds.thingplus.sandbox.control import control_routes
from gatewayd.clouds.thingplus.sandbox.faults import RestFault
from gatewayd.clouds.thingplus.sandbox.index import index_page
from gatewayd.clouds.thingplus.sandbox.rest_accounts import SESSION
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.scopes import is_allowed
from gatewayd.clouds.thingplus.sandbox.world import Caller

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
        self._premises = Premises(sandbox.world, sandbox.journal, sandbox.calls, sandbox.doors)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, spoiled by a fault if one is armed for it."""
        self._sandbox.journal.counts["rest_requests"] += 1
        face, path = split_face(request.path)
        wait_s = self._sandbox.rest_faults.retry_after_s(asyncio.get_running_loop().time())
        if wait_s is not None:
            return _error(face, ApiError(429, "-", "too many requests"), wait_s)
        fault = self._sandbox.rest_faults.strike(request.method, request.path)
        if fault is None:
            return await self._answer(request, face, path)
        self._sandbox.journal.counts["rest_faults"] += 1
        return await self._spoil(request, fault)

    async def _spoil(self, request: web.Request, fault: RestFault) -> web.StreamResponse:
        face, path = split_face(request.path)
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        is_plain = fault.status is None and not fault.cut
        if fault.after or (is_plain and not fault.hang):
            response = await self._answer(request, face, path)
        if fault.hang:
            await self._sandbox.rest_faults.wait_cleared()
        if fault.cut and request.transport is not None:
            request.transport.abort()
        if fault.status is not None:
            code = fault.code or USUAL_CODE.get(fault.status, "-")
            return _error(face, ApiError(fault.status, code, fault.message), fault.retry_after_s)
        return response if is_plain and not fault.hang else web.Response(status=500)

    async def _answer(self, request: web.Request, face: Face, path: str) -> web.StreamResponse:
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


def _error(face: Face, error: ApiError, retry_after_s: int | None = None) -> web.Response:
    response = _json(error.status, error_body(face, error.status, error.code, str(error)))
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


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
    app.add_routes(control_routes(sandbox))
    app.router.add_get("/", partial(_index, sandbox))
    app.router.add_route("*", "/{path:.*}", AppSide(sandbox).handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
