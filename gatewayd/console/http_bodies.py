"""What goes in and out of the HTTP console as JSON, with limits on size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from aiohttp import web

BODY_BYTES_MAX = 16 * 1024
"""A command is a hundred bytes, a colour or a text for a display a few hundred."""

BODY_S = 10.0
"""For a request's body to arrive."""

STREAM_S_MAX = 3600.0
"""A stream ends after an hour; the page opens the next one and is asked for its session anew."""

WRITE_S = 10.0
"""For a client to take what it is told."""


async def read_body(request: web.Request) -> bytes:
    """Return the body of a request, which says that it is JSON: any page can have a browser post
    a form to the loopback, but not JSON.

    Raises:
        web.HTTPException: 415 another type, 413 too large, 408 too slow.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="expected Content-Type: application/json")
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason=f"the body did not arrive in {BODY_S:g} s") from None


async def read_object(request: web.Request) -> dict[str, object]:
    """Return the JSON object in a request.

    Raises:
        web.HTTPException: 415 another type, 413 too large, 408 too slow, 400 not an object.
    """
    raw = await read_body(request)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="expected a JSON object")
    return body


async def write_all(
    request: web.Request, stream: web.StreamResponse, chunks: AsyncGenerator[bytes, None]
) -> None:
    """Write a stream until it ends, for `STREAM_S_MAX`, or until its reader takes no more."""
    end_s = asyncio.get_running_loop().time() + STREAM_S_MAX
    async with aclosing(chunks):
        await stream.prepare(request)
        async for chunk in chunks:
            try:
                async with asyncio.timeout(WRITE_S):
                    await stream.write(chunk)
            except (TimeoutError, ConnectionError):
                if request.transport is not None:
                    request.transport.abort()  # Closing would wait for it to read the rest.
                break
            if asyncio.get_running_loop().time() >= end_s:
                break


def json_response(told: object, status: int = 200) -> web.Response:
    """Return an answer that nobody keeps: it is old in a moment."""
    body = orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS) + b"\n"
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def error_response(sentence: str, status: int) -> web.Response:
    """Return `{"error": "a sentence"}`."""
    return json_response({"error": sentence}, status)
