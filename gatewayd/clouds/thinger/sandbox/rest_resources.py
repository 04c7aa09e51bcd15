"""REST: a device's resources, in the three forms of the same calls.

v2 wraps values in `in` and `out`, v1 and v3 do not. An input that is only read answers its state,
which the device tells in a description; what the real server does there is unknown. A device that
does not answer is 504.

Source: Thinger.io REST API, Access Device Resources; Thinger.io API description 2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from gatewayd.clouds.thinger.classic_codec import DESCRIPTION
from gatewayd.clouds.thinger.events import Answer, Describe, Kind, Path
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.sandbox.call import EMPTY, Call, Route
from gatewayd.clouds.thinger.sandbox.connection import Connection, Gone, NoReply
from gatewayd.clouds.thinger.sandbox.doors import ACCESS_RESOURCES
from gatewayd.clouds.thinger.sandbox.live import live_resources, wants_socket
from gatewayd.clouds.thinger.sandbox.plain import as_json
from gatewayd.sandbox.errors import ApiError

DEVICE = "users/{user}/devices/{device}"
BYTES = "application/octet-stream"


async def read(is_wrapped: bool, call: Call) -> object:
    """Run an output or a resource without values; tell the state of an input."""
    if wants_socket(call):
        return await live_resources(call, "/".join(call.resource))
    path = call.resource
    if is_wrapped and path[-1] == DESCRIPTION:
        return await describe(call, path[:-1])
    connection = _connection(call)
    try:
        kind = await connection.kind_of(path, call.world.settings.request_timeout_s)
    except (Gone, NoReply) as error:
        raise _missing(error) from None
    if kind is Kind.INPUT:
        state = await describe(call, path)
        return state if is_wrapped or not isinstance(state, Mapping) else state.get("in")
    return _answered(await _run(call, path), is_wrapped=is_wrapped)


async def write(is_wrapped: bool, call: Call) -> object:
    """Hand a resource a value, and answer what it makes of it."""
    value: Pson = UNSET
    if call.request.content_type == BYTES:
        value = call.raw
    elif call.raw:
        body = call.body()
        # A body without `in` is the value itself: the vendor's own example does so.
        is_in = is_wrapped and isinstance(body, dict) and "in" in body
        value = body["in"] if is_in and isinstance(body, dict) else body  # type: ignore[assignment]  # JSON.
    return _answered(await _run(call, call.resource, value), is_wrapped=is_wrapped)


async def listing(call: Call) -> object:
    """Every resource with its kind; by WebSocket, samples of those that are asked for."""
    if wants_socket(call):
        return await live_resources(call, "")
    return await describe(call, ())


async def describe(call: Call, path: Path) -> object:
    """Ask a device for a description."""
    connection = _connection(call)
    try:
        timeout_s = call.world.settings.request_timeout_s
        answer = await connection.ask(lambda number: Describe(number, path), timeout_s)
    except (Gone, NoReply) as error:
        raise _missing(error) from None
    if not answer.is_ok:
        raise _refused(answer)
    return {} if answer.payload is UNSET else as_json(answer.payload)


async def _run(call: Call, path: Path, value: Pson = UNSET) -> Answer:
    _connection(call)
    try:
        answer = await call.premises.sockets.ask(call.account.id, call.name("device"), path, value)
    except (Gone, NoReply) as error:
        raise _missing(error) from None
    except ValueError as error:  # A number that has no bytes.
        raise ApiError(400, "", str(error)) from None
    if not answer.is_ok:
        raise _refused(answer)
    return answer


def _connection(call: Call) -> Connection:
    """Return the device's connection. Raises ApiError: 404."""
    found = call.premises.sockets.find(call.account.id, call.name("device"))
    if found is None:
        raise _missing(Gone())
    return found


def _missing(error: Gone | NoReply) -> ApiError:
    if isinstance(error, NoReply):
        return ApiError(504, "", "request timeout")
    return ApiError(404, "", "device not found")


def _refused(answer: Answer) -> ApiError:
    """Return what a device's error becomes; only the newer protocol has a code and words."""
    status = answer.code if 400 <= answer.code <= 599 else 404
    return ApiError(status, "", answer.detail or "the resource is not available")


def _answered(answer: Answer, *, is_wrapped: bool) -> object:
    if answer.payload is UNSET:
        return EMPTY
    value = as_json(answer.payload)
    return {"out": value} if is_wrapped else value


_V3 = f"/v3/{DEVICE}/resources"
ROUTES = (
    Route("GET", _V3, listing, action=ACCESS_RESOURCES),
    Route("GET", _V3 + "/{resource...}", partial(read, False), action=ACCESS_RESOURCES),
    Route("POST", _V3 + "/{resource...}", partial(write, False), action=ACCESS_RESOURCES),
    *(
        Route(method, f"/{version}/{DEVICE}/{{resource...}}", handler, action=ACCESS_RESOURCES)
        for version, is_wrapped in (("v2", True), ("v1", False))
        for method, handler in (
            ("GET", partial(read, is_wrapped)),
            ("POST", partial(write, is_wrapped)),
        )
    ),
)
