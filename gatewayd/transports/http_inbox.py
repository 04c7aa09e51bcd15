"""A small HTTP server for what others push to this gateway: bytes in, a verdict out.

It knows no path and reads no payload; whoever opens it decides. A body is bounded in size and
time.

Characteristics: in requests · out answers · buffered nothing · at most `REQUESTS_MAX` under way,
more are refused (503) · event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayd.errors import ConfigError
from gatewayd.transports.http_door import Door, open_door
from gatewayd.transports.http_noise import Noise, make_logger

if TYPE_CHECKING:
    from aiohttp import web

BODY_BYTES_MAX = 1024 * 1024
"""The clouds that push send some kilobytes; a megabyte is none of theirs."""

BODY_S = 10.0
"""For a whole request to arrive, once it has begun."""

REQUESTS_MAX = 32
CONNECTIONS_MAX = 64
"""Also those that say nothing yet."""

IDLE_S = 30.0
"""For a connection to bring its next request, whole."""

SHUTDOWN_S = 1.0


@dataclass(frozen=True, slots=True)
class Posted:
    """One request whose body is complete. Header names are lower case."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is answered: a status, and a JSON text as body."""

    status: int
    body: bytes


@asynccontextmanager
async def open_inbox(host: str, port: int, take: Callable[[Posted], Verdict]) -> AsyncIterator[int]:
    """Listen for POSTs and yield the port; port 0 takes any free one.

    Args:
        take: called on the event loop for every request; must be quick and may not raise.

    Raises:
        ConfigError: the address is taken or is none of this machine.
    """
    from aiohttp import web  # Some megabytes that only who listens should pay.

    places = asyncio.Semaphore(REQUESTS_MAX)

    def answer(verdict: Verdict) -> web.Response:
        return web.Response(
            status=verdict.status, body=verdict.body, content_type="application/json"
        )

    async def serve(request: web.Request) -> web.Response:
        if request.method != "POST":
            return answer(Verdict(405, b'{"message":"POST only"}'))
        if places.locked():
            return answer(Verdict(503, b'{"message":"too many at once"}'))
        async with places:
            try:
                async with asyncio.timeout(BODY_S):
                    body = await request.read()
            except TimeoutError:
                return answer(Verdict(408, b'{"message":"too slow"}'))
            except web.HTTPRequestEntityTooLarge:
                return answer(Verdict(413, b'{"message":"too large"}'))
            headers = {name.lower(): value for name, value in request.headers.items()}
            return answer(take(Posted(request.path, headers, body)))

    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=make_logger(Noise()),
        handler_cancellation=True,
        keepalive_timeout=IDLE_S,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        assert runner.server is not None
        door = Door(host=host, port=port, connections_max=CONNECTIONS_MAX)
        async with AsyncExitStack() as stack:
            try:
                port = await stack.enter_async_context(open_door(runner.server, door))
            except OSError as error:
                raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
            yield port
    finally:
        await runner.cleanup()
