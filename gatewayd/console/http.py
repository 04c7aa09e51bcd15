"""The HTTP console: the page for a person, the local API, metrics, on `[console] listen`.

Strategy: every request goes through one gate. What a stranger's page makes a browser ask is
refused (http_guard), then the password is asked for where there is one (http_keys), and only then
a handler sees it. Whatever a peer does is bounded: the size of heads and bodies, the time for
them, the time a reader may keep us waiting (by the kernel, TCP_USER_TIMEOUT), and how many are
connected at once.

Characteristics: in HTTP/1.1 · out answers, streams · `CONNECTIONS_MAX` connections, further ones
are closed at once · event loop only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from aiohttp import web

from gatewayd.config.settings import Console
from gatewayd.console.http_api import Api
from gatewayd.console.http_bodies import (
    BODY_BYTES_MAX,
    error_response,
    json_response,
    read_object,
)
from gatewayd.console.http_events import Events
from gatewayd.console.http_files import file_routes
from gatewayd.console.http_guard import HEADERS, OPEN_PATHS, find_objection, split_address
from gatewayd.console.http_keys import SESSION_S, Keys, Refusal, find_password, make_keys
from gatewayd.console.surface import ControlSurface
from gatewayd.errors import GatewayError
from gatewayd.transports.http_noise import Noise, make_logger

log = structlog.get_logger()

CONNECTIONS_MAX = 64
"""16 streams and what a handful of browsers and scrapers keep open beside them."""

IDLE_S = 60.0
"""For a connection to bring its next request, whole; a scraper comes every 15 s to 60 s."""

STUCK_S = 30.0
"""For a reader to take anything at all before the kernel gives it up."""

SHUTDOWN_S = 1.0
"""For requests under way when the console ends; of SIGTERM's 10 s."""

COOKIE = "gatewayd"

Mounts = Mapping[str, web.Application]
"""Further applications by the path they stand under (`/thingplus`): behind the same gate."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve_console(console: Console, surface: ControlSurface, mounts: Mounts) -> None:
    """Answer whoever asks, until cancelled.

    Raises:
        GatewayError: the address cannot be listened on; worth trying again later.
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
        GatewayError: the address cannot be listened on.
    """
    keys = await make_keys(console.password) if console.password else None
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
        async with _listening(runner, str(console.listen)) as address, asyncio.TaskGroup() as group:
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
        """`keys` None = no password, the listener is on the loopback."""
        self._keys = keys

    def routes(self) -> list[web.RouteDef]:
        """Return the paths of the gate itself."""
        return [
            web.get("/api/login", self.tell),
            web.post("/api/login", self.log_in),
            web.post("/api/logout", self.log_out),
        ]

    async def tell(self, request: web.Request) -> web.StreamResponse:
        """Tell whether there is a password at all."""
        return json_response({"needs_password": self._keys is not None})

    @web.middleware
    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through to its handler, or tell why not."""
        objection = find_objection(
            request.method, request.path, request.headers, needs_key=self._keys is not None
        )
        if objection:
            return error_response(objection, 403)
        try:
            refused = await self._refuse(request)
            return refused if refused is not None else await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            told = error_response(error.reason, error.status)
            if "Allow" in error.headers:
                told.headers["Allow"] = error.headers["Allow"]
            return told

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Open a session for `{"password": …}`."""
        password = (await read_object(request)).get("password")
        if self._keys is None:
            return json_response({"is_open": True})
        if not isinstance(password, str):
            return error_response("expected a password", 400)
        refusal = await self._keys.try_password(password, address_of(request.remote))
        if refusal is not None:
            log.warning("console login refused", peer=request.remote, reason=refusal.sentence)
            return _refused(refusal)
        answer = json_response({"is_open": True})
        answer.set_cookie(
            COOKIE,
            self._keys.open_session(),
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
        keys = self._keys
        if keys is None or request.path in OPEN_PATHS:
            return None
        if keys.holds(request.cookies.get(COOKIE, "")):
            return None
        password = find_password(request.headers.get("Authorization", ""))
        if password is not None:
            refusal = await keys.try_password(password, address_of(request.remote))
            return None if refusal is None else _refused(refusal)
        if request.path == "/":
            raise web.HTTPSeeOther("/login")
        return _refused(Refusal("log in, or bring the console's password as a Bearer token"))


def address_of(remote: str | None) -> str:
    """Return what stands for one guesser: an IPv4 address, or an IPv6 network, of which every
    host has 2⁶⁴ addresses."""
    address = ip_address(remote.partition("%")[0]) if remote else None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


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


class _TurnAway(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@asynccontextmanager
async def _listening(runner: web.AppRunner, listen: str) -> AsyncIterator[str]:
    """Accept connections for a runner while the block lasts; yields the page's address."""
    server, (host, port) = runner.server, split_address(listen)
    assert server is not None

    def welcome() -> asyncio.BaseProtocol:
        return server() if len(server.connections) < CONNECTIONS_MAX else _TurnAway()

    try:
        listener = await asyncio.get_running_loop().create_server(
            welcome, host, port, start_serving=False
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise GatewayError(f"the console cannot listen on {listen}: {reason}") from error
    try:
        for each in listener.sockets:  # What they accept inherits it.
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STUCK_S * 1000))
        await listener.start_serving()
        port = listener.sockets[0].getsockname()[1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    finally:
        listener.close()
