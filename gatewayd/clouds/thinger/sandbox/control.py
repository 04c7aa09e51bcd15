"""The control plane under `/_sandbox/`: make the world, look at it, break it, move its clock."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice

from aiohttp import web

from gatewayd.clouds.thinger.sandbox.control_faults import FAULT_VERBS
from gatewayd.clouds.thinger.sandbox.sandbox import Sandbox
from gatewayd.clouds.thinger.sandbox.world import FIRST_USER
from gatewayd.sandbox.bodies import BOOL, TEXT, WHOLE, Document, check, optional
from gatewayd.sandbox.control import (
    CLOCK_VERBS,
    COMMON_VERBS,
    VerbRow,
    control_routes,
    page_of,
    whole,
)
from gatewayd.transports.mqtt_packets import Message

_REVOKE = {"access": optional(BOOL), "refresh": optional(BOOL)}
_PUBLISH = {
    "topic": TEXT,
    "payload": TEXT,
    "user": optional(TEXT),
    "qos": optional(WHOLE),
    "retain": optional(BOOL),
}


async def token(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Tokens of `user` (the first one, if not named), as a log-in brings them."""
    user = check(body, {"user": optional(TEXT)}).get("user", FIRST_USER)
    return sandbox.doors.pair(sandbox.world.account(user))


async def revoke(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Make all access tokens of log-ins worthless, all refresh tokens, or both (default)."""
    said = check(body, _REVOKE)
    if said.get("access", True):
        sandbox.doors.revoke_access()
    if said.get("refresh", True):
        sandbox.doors.revoke_refresh()
    return {}


async def stats(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Counts: messages, bytes, points, values, overwritten, calls, samples, requests, log-ins."""
    names = ("messages", "bytes", "points", "values", "overwritten", "calls", "samples")
    more = ("requests", "connections", "logins_refused", "malformed", "keep_alives", "ignored")
    return {
        **dict.fromkeys((*names, *more, "callbacks", "rest_requests", "forgotten"), 0),
        **sandbox.journal.counts,
        "connected": sorted(device for _, device in sandbox.sockets.connections),
        "mqtt_connected": sorted(sandbox.broker.clients),
    }


async def messages(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Messages in order: ?after=NUMBER&limit=N&device=ID&way=WAY&what=PART."""
    after, limit = page_of(request)
    device, way = request.query.get("device", ""), request.query.get("way", "")
    part = request.query.get("what", "")
    found = (
        each
        for each in tuple(sandbox.journal.messages)
        if each.number > after
        and device in ("", each.device)
        and way in ("", each.way)
        and part in each.what
    )
    return {"messages": [asdict(each) for each in islice(found, limit)]}


async def bucket(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The points of a bucket, oldest first: ?user=ID&offset=N&limit=N."""
    user = request.query.get("user", FIRST_USER)
    found = sandbox.world.bucket(sandbox.world.account(user), request.match_info["id"])
    offset, (_, limit) = whole(request, "offset", 0), page_of(request)
    points = found.points.select(None, None, None, is_ascending=True)
    return {
        "bucket": found.id,
        "kept": len(points),
        "forgotten": found.points.forgotten,
        "points": [list(each) for each in points[offset : offset + limit]],
    }


async def endpoint(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The calls of an endpoint that came so far: ?user=ID."""
    user = request.query.get("user", FIRST_USER)
    found = sandbox.world.endpoint(sandbox.world.account(user), request.match_info["id"])
    return {"endpoint": found.id, "calls": list(found.calls)}


async def device(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """One device: its record, its latest connection, its properties and streams: ?user=ID."""
    user = request.query.get("user", FIRST_USER)
    found = sandbox.world.device(sandbox.world.account(user), request.match_info["id"])
    connection, now_ms = sandbox.connection(found.id, user), sandbox.clock.now_ms()
    return {
        **found.shown(user, now_ms),
        "stats": found.stats(now_ms),
        "properties": found.properties,
        "protocol": connection.dialect.value if connection else None,
        "streams": {str(id): list(path) for id, path in connection.streams.items()}
        if connection
        else {},
    }


async def publish(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Publish any text on any MQTT topic of an account."""
    said = check(body, _PUBLISH)
    qos = min(said.get("qos", 1), 1)
    message = Message(said["topic"], said["payload"].encode(), qos, said.get("retain", False))
    user = said.get("user", FIRST_USER)
    return {"delivered": sandbox.mqtt_side.publish(user, message)}


VERBS: tuple[VerbRow[Sandbox], ...] = (
    *COMMON_VERBS,
    *CLOCK_VERBS,
    ("POST", "/_sandbox/token", token),
    ("POST", "/_sandbox/revoke", revoke),
    ("GET", "/_sandbox/stats", stats),
    ("GET", "/_sandbox/messages", messages),
    ("GET", "/_sandbox/buckets/{id}", bucket),
    ("GET", "/_sandbox/endpoints/{id}", endpoint),
    ("GET", "/_sandbox/devices/{id}", device),
    *FAULT_VERBS,
    ("POST", "/_sandbox/publish", publish),
)


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Return the routes of the control plane."""
    return control_routes(sandbox, VERBS)
