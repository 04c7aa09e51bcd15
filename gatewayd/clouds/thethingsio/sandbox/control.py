"""The control plane under `/_sandbox/`: make the world, look at it, break it, move its clock."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice

from aiohttp import web

from gatewayd.clouds.thethingsio.codec import encode_entry
from gatewayd.clouds.thethingsio.sandbox.errors import missing
from gatewayd.clouds.thethingsio.sandbox.rest_users import describe_session
from gatewayd.clouds.thethingsio.sandbox.sandbox import Sandbox
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL
from gatewayd.sandbox.bodies import BOOL, LIST, TEXT, Document, check, one_of, optional
from gatewayd.sandbox.control import (
    CLOCK_VERBS,
    COMMON_VERBS,
    VerbRow,
    control_routes,
    page_of,
    with_text,
)
from gatewayd.sandbox.outage import BROKER_SHAPE, break_broker

COUNTS = (
    *("messages", "bytes", "points_accepted", "duplicates", "malformed", "forgotten"),
    *("connections", "disconnections", "refused", "relayed", "repeated", "strays", "withheld"),
    *("rest_requests", "rest_faults"),
)
_STREAM = {
    "is_stalled": optional(BOOL),
    "no_keep_alive": optional(BOOL),
    "split": optional(BOOL),
    "merge": optional(BOOL),
    "end": optional(one_of("cut", "close")),
}


async def token(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """A session of the user `email` of the app `app`; of the first ones, if not named."""
    check(body, {"email": optional(TEXT), "app": optional(TEXT)})
    user = sandbox.world.user(body.get("app", FIRST_APP), body.get("email", FIRST_EMAIL))
    return describe_session(sandbox.world, sandbox.world.open_session(user))


async def revoke(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """End every session; with `thing` (an id): give that thing a new token instead."""
    check(body, {"thing": optional(TEXT)})
    if "thing" in body:
        thing = sandbox.world.thing_of(body["thing"])
        sandbox.revoke(thing)
        return {"token": thing.token}
    ended = len(sandbox.world.sessions)
    sandbox.world.sessions.clear()
    return {"sessions": ended}


async def stats(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Counts: messages, bytes, points accepted, duplicates, requests; and who is connected."""
    return {
        **dict.fromkeys(COUNTS, 0),
        **sandbox.journal.counts,
        "streams": len(sandbox.hub.listeners),
        "connected": sorted(sandbox.broker.clients),
    }


async def messages(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Writes in order: ?after=NUMBER&limit=N&thing=ID."""
    (after, limit), thing = page_of(request), request.query.get("thing", "")
    found = (
        each
        for each in sandbox.journal.messages
        if each.number > after and thing in ("", each.thing)
    )
    return {"messages": [with_text(asdict(each)) for each in islice(found, limit)]}


async def mails(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The mails that the cloud would have sent, to whom something was granted."""
    return {"mails": list(sandbox.journal.mails)}


async def things(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Every thing with its token, tags, settings and resources."""
    return {
        "things": [
            {
                "id": thing.id,
                "token": thing.token,
                "name": thing.name,
                "product": thing.product,
                "geo": None if thing.geo is None else thing.geo._asdict(),
                "settings": thing.settings,
                "tags": list(thing.tags.values()),
                "resources": {
                    key: {"total": line.total, "kept": len(line), "duplicates": line.duplicates}
                    for key, line in thing.timelines.items()
                },
            }
            for thing in sandbox.world.things.values()
        ]
    }


async def resource(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The newest values of one resource of the thing {id}, the newest first: ?limit=N."""
    thing = sandbox.world.thing_of(request.match_info["id"])
    line = thing.timelines.get(request.match_info["key"])
    if line is None:
        raise missing(f"Resource {request.match_info['key']}")
    _, limit = page_of(request)
    return {
        "total": line.total,
        "rows": [encode_entry(row) for row in line.read(limit, None, None)],
    }


async def write(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Write `values` to the thing `thing` (an id), as the vendor's panel does."""
    check(body, {"thing": TEXT, "values": LIST})
    thing = sandbox.world.thing_of(body["thing"])
    entries = sandbox.intake.take(thing, await request.read(), "panel")
    return {"written": len(entries)}


async def break_mqtt(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """refuse, hang, connack_code, withhold N, lose_ack N (-1 = all), ack_delay_s."""
    check(body, BROKER_SHAPE)
    await break_broker(sandbox.broker, sandbox.listeners, body)
    return sandbox.faults()


async def break_stream(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """is_stalled, no_keep_alive, split, merge; end: cut or close those that are open."""
    check(body, _STREAM)
    for name in ("is_stalled", "no_keep_alive", "split", "merge"):
        setattr(sandbox.hub.faults, name, body.get(name, getattr(sandbox.hub.faults, name)))
    if "end" in body:
        sandbox.hub.end_all(body["end"])
    return sandbox.faults()


async def kill(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Cut the connections of the thing with the token `token`, or all, streams too."""
    check(body, {"token": optional(TEXT)})
    return {"killed": sandbox.kill(body.get("token", ""))}


VERBS: tuple[VerbRow[Sandbox], ...] = (
    *COMMON_VERBS,
    *CLOCK_VERBS,
    ("POST", "/_sandbox/token", token),
    ("POST", "/_sandbox/revoke", revoke),
    ("GET", "/_sandbox/stats", stats),
    ("GET", "/_sandbox/messages", messages),
    ("GET", "/_sandbox/mails", mails),
    ("GET", "/_sandbox/things", things),
    ("GET", "/_sandbox/things/{id}/resources/{key}", resource),
    ("POST", "/_sandbox/write", write),
    ("POST", "/_sandbox/faults/mqtt", break_mqtt),
    ("POST", "/_sandbox/faults/stream", break_stream),
    ("POST", "/_sandbox/kill", kill),
)


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Return the routes of the control plane."""
    return control_routes(sandbox, VERBS)
