"""The control plane under /_sandbox/ that every sandbox has: routes, errors, the common verbs."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

import orjson
from aiohttp import web

from gatewayd.sandbox.bodies import (
    BOOL,
    NUMBER,
    TEXT,
    WHOLE,
    Document,
    check,
    optional,
    parse_body,
)
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errors import ApiError, invalid
from gatewayd.sandbox.faults import RateLimit, RestFault, RestFaults

ROOT = "/_sandbox"
LIMIT = 1000
LIMIT_MAX = 100_000
"""Rows of one answer."""

_REST = {
    "path": optional(TEXT),
    "method": optional(TEXT),
    "times": optional(WHOLE),
    "status": optional(WHOLE),
    "code": optional(TEXT),
    "message": optional(TEXT),
    "retry_after_s": optional(WHOLE),
    "delay_s": optional(NUMBER),
    "after": optional(BOOL),
    "hang": optional(BOOL),
    "cut": optional(BOOL),
}
_RATE = {"count": WHOLE, "window_s": optional(NUMBER)}
CLOCK_SHAPE = {"shift_ms": optional(WHOLE), "move_ms": optional(WHOLE)}


class Controlled(Protocol):
    """What every cloud's Sandbox has."""

    @property
    def clock(self) -> MovableClock:
        """Its wall clock."""
        ...

    @property
    def rest_faults(self) -> RestFaults:
        """What goes wrong with its HTTP side."""
        ...

    def describe(self) -> Document:
        """Return where it listens."""
        ...

    def faults(self) -> Document:
        """Return what is broken now; see `rest_broken`."""
        ...

    def provision(self, document: Document) -> Document:
        """Make what the document says and return it. Raises ApiError."""
        ...

    async def clear_faults(self) -> None:
        """Put everything right again."""
        ...

    async def reset(self) -> None:
        """Begin anew: nothing received, no faults, only what a fresh cloud has."""
        ...


S = TypeVar("S", bound=Controlled)

Verb: TypeAlias = Callable[[S, web.Request, Document], Awaitable[object]]
"""One thing that the control plane does; what it returns is the JSON answer."""

VerbRow: TypeAlias = tuple[str, str, Verb[S]]
"""Method, path, verb."""


def rest_broken(faults: RestFaults) -> Document:
    """Return the HTTP part of `Controlled.faults`."""
    return {
        "rest": [asdict(each) for each in faults.armed()],
        "rate_limit": asdict(faults.rate_limit),
    }


def with_text(message: Document) -> Document:
    """Return a received message with its `payload` as text, base64 where it is none; and `size`."""
    payload = message["payload"]
    shown = {name: value for name, value in message.items() if name != "payload"}
    shown["size"] = len(payload)
    try:
        return shown | {"payload": payload.decode()}
    except UnicodeDecodeError:
        return shown | {"payload_base64": base64.b64encode(payload).decode()}


async def reset(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """Begin anew: nothing received, no faults, only what a fresh cloud has."""
    await sandbox.reset()
    return sandbox.describe()


async def provision(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """Make what a cloud's people make: accounts, keys, gateways or things; see the sandbox."""
    return sandbox.provision(body)


async def clock(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """The cloud's clock: shift_ms sets how far it is off, move_ms adds to that."""
    return move_clock(sandbox.clock, check(body, CLOCK_SHAPE))


def move_clock(clock: MovableClock, body: Document) -> Document:
    """Move a clock as a checked body says, and return where it stands."""
    clock.shift_ms = body.get("shift_ms", clock.shift_ms) + body.get("move_ms", 0)
    return {"now_ms": clock.now_ms(), "shift_ms": clock.shift_ms}


async def faults(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """What is broken now."""
    return sandbox.faults()


async def clear(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """Put everything right again."""
    await sandbox.clear_faults()
    return sandbox.faults()


async def break_rest(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """For the next `times` requests whose path contains `path`: status and code, delay, cut …"""
    fault = RestFault(**check(body, _REST))
    if fault.status is not None and not 200 <= fault.status <= 999:
        raise invalid("status is 200 to 999")
    sandbox.rest_faults.add(fault)
    return sandbox.faults()


async def limit_rate(sandbox: Controlled, request: web.Request, body: Document) -> object:
    """Answer 429 with Retry-After beyond `count` requests in `window_s`; 0 = no limit."""
    sandbox.rest_faults.rate_limit = RateLimit(**check(body, _RATE))
    return sandbox.faults()


COMMON_VERBS: tuple[VerbRow[Controlled], ...] = (
    ("POST", f"{ROOT}/reset", reset),
    ("POST", f"{ROOT}/provision", provision),
    ("GET", f"{ROOT}/faults", faults),
    ("DELETE", f"{ROOT}/faults", clear),
    ("POST", f"{ROOT}/faults/rest", break_rest),
    ("POST", f"{ROOT}/faults/rate", limit_rate),
)
CLOCK_VERBS: tuple[VerbRow[Controlled], ...] = (
    ("GET", f"{ROOT}/clock", clock),
    ("POST", f"{ROOT}/clock", clock),
)


def control_routes(sandbox: S, verbs: Sequence[VerbRow[S]]) -> list[web.RouteDef]:
    """Return the routes of a control plane; `GET /_sandbox/` lists its verbs."""

    async def overview(sandbox: S, request: web.Request, body: Document) -> object:
        """What there is."""
        rows = [
            {"method": method, "path": path, "does": (verb.__doc__ or "").strip()}
            for method, path, verb in verbs
        ]
        return {**sandbox.describe(), "verbs": rows}

    every = (("GET", f"{ROOT}/", overview), ("GET", ROOT, overview), *verbs)
    return [web.route(method, path, partial(_serve, sandbox, verb)) for method, path, verb in every]


async def _serve(sandbox: S, verb: Verb[S], request: web.Request) -> web.Response:
    try:
        body = parse_body(await request.read())
        if not isinstance(body, dict):
            raise invalid("the body is not an object")
        status, answer = 200, await verb(sandbox, request, body)
    except ApiError as error:
        status, answer = error.status, {"error": str(error), "code": error.code}
    raw = orjson.dumps(answer)
    return web.Response(status=status, body=raw, content_type="application/json")


def whole(request: web.Request, name: str, default: int) -> int:
    """Return a query parameter that is a whole number. Raises ApiError."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 15:
        raise invalid(f"{name} is not a whole number")
    return int(text)


def page_of(request: web.Request) -> tuple[int, int]:
    """Return the query's `after` (a number) and `limit` (of rows). Raises ApiError."""
    return whole(request, "after", 0), min(whole(request, "limit", LIMIT), LIMIT_MAX)
