"""What goes in and out of the HTTP console as JSON, with limits on size and time."""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import web

BODY_BYTES_MAX = 16 * 1024
"""A command is a hundred bytes, a colour or a text for a display a few hundred."""

BODY_S = 10.0
"""For a request's body to arrive."""


async def read_object(request: web.Request) -> dict[str, object]:
    """Return the JSON object in a request.

    Raises:
        web.HTTPException: 415 another type, 413 too large, 408 too slow, 400 not an object.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="expected Content-Type: application/json")
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason=f"the body did not arrive in {BODY_S:g} s") from None
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="expected a JSON object")
    return body


def json_response(told: object, status: int = 200) -> web.Response:
    """Return an answer that nobody keeps: it is old in a moment."""
    body = orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS) + b"\n"
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def error_response(sentence: str, status: int) -> web.Response:
    """Return `{"error": "a sentence"}`."""
    return json_response({"error": sentence}, status)
