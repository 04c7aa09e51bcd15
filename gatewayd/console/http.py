"""The HTTP console: the page for a person, the local API, metrics, on `[console] listen`.

Strategy: every request goes through one gate. What a stranger's page makes a browser ask is
refused (http_guard), then a password or token is asked for where there is one (http_keys), then
its role is looked at (roles), and only then a handler sees it. Whatever a peer does is bounded:
the size of heads and bodies, the time for them, the time a reader may keep us waiting and how
many are connected at once (http_listener).

Characteristics: in HTTP/1.1 · out answers, streams · `CONNECTIONS_MAX` connections, further ones
are closed at once · event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from aiohttp import web

from gatewayd.config.settings import Console
from gatewayd.console.http_api import CALLER, Api
from gatewayd.console.http_bodies import (
    BODY_BYTES_MAX,
    error_response,
    json_response,
    read_object,
)
from gatewayd.console.http_events import Events
from gatewayd.console.http_files import file_routes
from gatewayd.console.http_guard import HEADERS, OPEN_PATHS, find_objection
from gatewayd.console.http_keys import (
    SESSION_S,
    Keys,
    Refusal,
    find_password,
    find_path_key,
    hide_path_key,
    make_keys,
)
from gatewayd.console.http_listener import listening
from gatewayd.console.roles import ANYBODY, Caller, needed_role
from gatewayd.console.surface import ControlSurface
from gatewayd.transports.http_noise import Noise, make_logger

log = structlog.get_logger()

IDLE_S = 60.0
"""For a connection to bring its next request, whole; a scraper comes every 15 s to 60 s."""

SHUTDOWN_S = 1.0
"""For requests under way when the console ends; of SIGTERM's 10 s."""

COOKIE = "gatewayd"

Mounts = Mapping[str, web.Application]
"""Further applications by the path they stand under (`/thingplus`): behind the same gate."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve_console(console: Console, surface: ControlSurface, mounts: Mounts) -> None:
    """Answer whoever asks, until cancelled.

    Raises:
        GatewayError: the address cannot be listened on, or the certificate cannot be used;
            worth trying again later.
    """
    async with open_console(console, surface, mounts) as address:
        log.info("console listens", address=address)
        await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def open_console(
    console: Console, surface: ControlSurface, mounts: Mounts | None = None
) -> AsyncIterator[str]:
    """Listen while the block lasts; yields the page's address, with the port that it got.

    Raises:
        GatewayError: the address cannot be listened on, or the certificate cannot be used.
    """
    keys = await make_keys(console)
    events = Events(surface)
    runner = web.AppRunner(
        make_app(surface, events, keys, mounts or {}),
        access_log=None,
        logger=make_logger(Noise(lambda count: log.warning("requests unreadable", count=count))),
        handler_cancellation=True,
        keepalive_timeout=IDLE_S,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        async with listening(runner, console) as address, asyncio.TaskGroup() as group:
            watching = group.create_task(events.run())
            try:
                yield address
            finally:
                watching.cancel()
                events.close()
    finally:
        await runner.cleanup()


def make_app(
    surface: ControlSurface, events: Events, keys: Keys | None, mounts: Mounts
) -> web.Application:
    """Return the application with everything behind its gate."""
    gate = Gate(keys)
    app = web.Application(middlewares=[gate.pass_through], client_max_size=BODY_BYTES_MAX)
    app.on_response_prepare.append(_add_headers)
    app.add_routes(Api(surface, events).routes())
    app.add_routes(file_routes())
    app.add_routes(gate.routes())
    for path, mounted in mounts.items():
        app.add_subapp(path, mounted)
    return app


class Gate:
    """Lets through who may ask."""

    def __init__(self, keys: Keys | None) -> None:
        """`keys` None = neither password nor token, the listener is on the loopback."""
        self._keys = keys

    def routes(self) -> list[web.RouteDef]:
        """Return the paths of the gate itself."""
        return [
            web.get("/api/login", self.tell),
            web.post("/api/login", self.log_in),
            web.post("/api/logout", self.log_out),
        ]

    async def tell(self, request: web.Request) -> web.StreamResponse:
        """Tell whether anybody is asked who he is, and what who asks may do."""
        known = self._find_session(request)
        role = known.role.name.lower() if known else None
        return json_response({"needs_password": self._keys is not None, "role": role})

    @web.middleware
    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through to its handler, or tell why not."""
        objection = find_objection(
            request.method, request.path, request.headers, needs_key=self._keys is not None
        )
        if objection:
            return error_response(objection, 403)
        try:
            refused = None if request.path in OPEN_PATHS else await self._refuse(request)
            return refused if refused is not None else await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            told = error_response(error.reason, error.status)
            if "Allow" in error.headers:
                told.headers["Allow"] = error.headers["Allow"]
            return told

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Open a session for `{"password": …}`; a token will do as well."""
        key = (await read_object(request)).get("password")
        if self._keys is None:
            return json_response({"is_open": True})
        if not isinstance(key, str):
            return error_response("expected a password", 400)
        caller = await self._keys.try_key(key, address_of(request.remote))
        if isinstance(caller, Refusal):
            _note_refusal(request, caller)
            return _refused(caller)
        answer = json_response({"is_open": True, "role": caller.role.name.lower()})
        answer.set_cookie(
            COOKIE,
            self._keys.open_session(caller),
            max_age=int(SESSION_S),
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )
        return answer

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End every session of this console, on every screen."""
        if self._keys is not None:
            self._keys.end_sessions()
        answer = json_response({"is_open": False})
        answer.del_cookie(COOKIE, path="/")
        return answer

    async def _refuse(self, request: web.Request) -> web.StreamResponse | None:
        """Return why a request goes no further; None lets it through, and notes who asks."""
        shown = request.headers.get("Authorization", "")
        key = find_password(shown) or find_path_key(request.path)
        caller = self._find_session(request)
        # Who shows a token means it, whatever session there is beside it. Basic may be meant for a
        # proxy in front of us.
        is_meant = caller is None or shown.lower().startswith("bearer")
        if self._keys is not None and key is not None and is_meant:
            told = await self._keys.try_key(key, address_of(request.remote))
            if isinstance(told, Refusal):
                _note_refusal(request, told)
                return _refused(told)
            caller = told
        if caller is None:
            if request.path == "/":
                raise web.HTTPSeeOther("/login")
            return _refused(Refusal("log in, or bring a token or the password as a Bearer token"))
        needed = needed_role(request.method, request.path)
        if caller.role < needed:
            who = f"{caller.name} may {caller.role.name.lower()}"
            log.warning(
                "console role too low", caller=caller.name, path=hide_path_key(request.path)[:100]
            )
            return error_response(f"{who}; this takes {needed.name.lower()}", 403)
        request[CALLER] = caller
        return None

    def _find_session(self, request: web.Request) -> Caller | None:
        if self._keys is None:
            return ANYBODY
        return self._keys.find_session(request.cookies.get(COOKIE, ""))


def address_of(remote: str | None) -> str:
    """Return what stands for one guesser: an IPv4 address, or an IPv6 network, of which every
    host has 2⁶⁴ addresses."""
    address = ip_address(remote.partition("%")[0]) if remote else None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


def _note_refusal(request: web.Request, refusal: Refusal) -> None:
    if not refusal.wait_s:  # Who has to wait is not written of again: a flood would fill the log.
        log.warning("console login refused", peer=request.remote, reason=refusal.sentence)


def _refused(refusal: Refusal) -> web.Response:
    answer = error_response(refusal.sentence, 429 if refusal.wait_s else 401)
    if refusal.wait_s:
        answer.headers["Retry-After"] = str(int(refusal.wait_s) + 1)
    else:
        # Not Basic: browsers would ask for a user in a window of their own.
        answer.headers["WWW-Authenticate"] = 'Bearer realm="gatewayd"'
    return answer


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
