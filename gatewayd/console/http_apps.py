"""The clouds' own app calls over HTTP, each cloud's below its name: `/thingplus/v2/…`.

A cloud's code is loaded when the first call comes: who has no such app does not pay for it.

Characteristics: in requests · out answers, streams · `BODY_BYTES_MAX` a body, `STREAMS_MAX`
streams, further ones are refused · event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

from aiohttp import web

from gatewayd.clouds.local import Asked, LocalApp, Told
from gatewayd.console.answers import ANSWER_S
from gatewayd.console.http_api import CALLER
from gatewayd.console.http_bodies import error_response, read_body, write_all
from gatewayd.console.roles import ANYBODY
from gatewayd.errors import GatewayError

BODY_BYTES_MAX = 64 * 1024
"""Some hundred messages of Thingsee at once."""

STREAMS_MAX = 16

Opener = Callable[[], LocalApp]
"""Loads a cloud's code and returns what answers its calls; takes a moment, and a thread."""


def make_apps(openers: Mapping[str, Opener]) -> Mapping[str, web.Application]:
    """Return an application for each cloud, by the path that it stands under."""
    streams = asyncio.Semaphore(STREAMS_MAX)
    return {f"/{kind}": _CloudCalls(opener, streams).app() for kind, opener in openers.items()}


class _CloudCalls:
    def __init__(self, opener: Opener, streams: asyncio.Semaphore) -> None:
        self._opener, self._streams = opener, streams
        self._opening: asyncio.Future[LocalApp] | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.serve)
        return app

    async def serve(self, request: web.Request) -> web.StreamResponse:
        try:
            local = await self._open()
        except GatewayError as error:
            return error_response(str(error), 503)
        asked = Asked(
            request.method,
            request.match_info["path"],
            {name: request.query[name] for name in request.query},
            await read_body(request.clone(client_max_size=BODY_BYTES_MAX))
            if request.can_read_body
            else b"",
            request.get(CALLER, ANYBODY).origin,
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                told = await local.answer(asked)
        except TimeoutError:  # A command takes its course all the same.
            return error_response(f"no answer within {ANSWER_S:g} s", 504)
        if told.stream is None:
            headers = {"Cache-Control": "no-store"}
            return web.Response(
                body=told.body, status=told.status, content_type=told.content_type, headers=headers
            )
        return await self._stream(request, told, told.stream)

    async def _open(self) -> LocalApp:
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            loop = asyncio.get_running_loop()
            self._opening = loop.run_in_executor(None, self._opener)
        # Whoever leaves meanwhile does not take it from the others.
        return await asyncio.shield(self._opening)

    async def _stream(
        self, request: web.Request, told: Told, chunks: AsyncGenerator[bytes, None]
    ) -> web.StreamResponse:
        if self._streams.locked():
            return error_response("too many listen; try again", 503)
        async with self._streams:
            stream = web.StreamResponse(
                status=told.status,
                headers={
                    "Content-Type": told.content_type,
                    "Cache-Control": "no-store",
                    "X-Accel-Buffering": "no",  # nginx would hold them back.
                },
            )
            await write_all(request, stream, chunks)
            return stream
