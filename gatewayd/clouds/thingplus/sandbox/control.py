"""The control plane under `/_sandbox/`: make the world, look at it, break it, move its clock."""

from __future__ import annotations

import base64
from dataclasses import asdict, fields
from itertools import islice

from aiohttp import web

from gatewayd.clouds.thingplus.codec import maybe_gunzip
from gatewayd.clouds.thingplus.sandbox import conformance
from gatewayd.clouds.thingplus.sandbox.calls import NoAnswer
from gatewayd.clouds.thingplus.sandbox.control_faults import FAULT_VERBS
from gatewayd.clouds.thingplus.sandbox.journal import Received
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.tokens import PASSWORD_DAYS
from gatewayd.clouds.thingplus.sandbox.world import FIRST_LOGIN
from gatewayd.errors import Malformed
from gatewayd.sandbox.bodies import (
    ANY,
    BOOL,
    NUMBER,
    TEXT,
    WHOLE,
    Document,
    check,
    optional,
)
from gatewayd.sandbox.control import (
    CLOCK_SHAPE,
    COMMON_VERBS,
    VerbRow,
    control_routes,
    move_clock,
    page_of,
    whole,
)
from gatewayd.sandbox.errors import ApiError, not_found
from gatewayd.sandbox.violations import listed
from gatewayd.transports.mqtt_packets import Message

_CLOCK = {
    **CLOCK_SHAPE,
    "skew_ms": optional(WHOLE),
    "time_sync": optional(BOOL),
    "time_sync_delay_s": optional(NUMBER),
}
_REQUEST = {"gateway": TEXT, "method": TEXT, "params": optional(ANY), "id": optional(TEXT)}
_PUBLISH = {"topic": TEXT, "payload": TEXT, "qos": optional(WHOLE), "retain": optional(BOOL)}


async def token(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """A token of the user `login_id` for the app `client`; of the first ones, if not named."""
    check(body, {"login_id": optional(TEXT), "client": optional(TEXT)})
    account = sandbox.world.account_of(body.get("login_id", FIRST_LOGIN))
    client = sandbox.world.clients.get(body.get("client", FIRST_LOGIN))
    if client is None:
        raise not_found(f"client {body['client']}")
    access = sandbox.doors.issue_token(account, client, PASSWORD_DAYS)
    return {"access_token": access, "token_type": "Bearer"}


async def stats(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Counts: messages, bytes, points accepted, dropped by reason, duplicates, requests."""
    journal = sandbox.journal
    names = ("messages", "bytes", "points_accepted", "points_dropped", "duplicates", "malformed")
    more = ("connections", "violations", "notes", "forgotten", "rest_requests", "time_syncs")
    return {
        **dict.fromkeys((*names, *more), 0),
        **journal.counts,
        "dropped": dict(journal.dropped),
        "connected": sorted(sandbox.broker.clients),
    }


async def messages(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Raw messages in order: ?after=NUMBER&limit=N&gateway=ID&topic=PART."""
    after, limit = page_of(request)
    gateway, part = request.query.get("gateway", ""), request.query.get("topic", "")
    found = (
        each
        for each in tuple(sandbox.journal.messages)
        if each.number > after and gateway in ("", each.gateway) and part in each.topic
    )
    return {"messages": [_message(each) for each in islice(found, limit)]}


async def drops(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Points that were not taken, with reasons: ?after=MESSAGE&limit=N&sensor=ID."""
    after, limit = page_of(request)
    sensor = request.query.get("sensor", "")
    found = (
        each
        for each in tuple(sandbox.journal.drops)
        if each.message > after and sensor in ("", each.sensor)
    )
    return {
        "dropped": dict(sandbox.journal.dropped),
        "drops": [asdict(each) for each in islice(found, limit)],
    }


async def violations(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """What the vendor's conformance tester would object to, and sensors not seen so far."""
    gateway = request.query.get("gateway", "")
    gateways = sandbox.world.gateways.values()
    return {
        **listed(sandbox.journal.violations, gateway),
        "unseen": [
            each
            for owner in gateways
            if gateway in ("", owner.id)
            for each in conformance.unseen(owner)
        ],
    }


async def gateway(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """One gateway: its connection, the states that count now, its sensors and their counts."""
    found = sandbox.world.gateways.get(request.match_info["id"])
    if found is None:
        raise not_found(f"gateway {request.match_info['id']}")
    now_ms, expired = sandbox.clock.now_ms(), sandbox.settings.expired_state
    clients = [each for each in sandbox.broker.clients.values() if each.login.username == found.id]
    return {
        "id": found.id,
        "connection": found.connection,
        "is_connected": bool(clients),
        "is_tls": any(each.is_tls for each in clients),
        "keep_alive_s": clients[0].login.keep_alive_s if clients else None,
        "subscriptions": sorted(clients[0].subscriptions) if clients else [],
        "report_interval_ms": found.report_interval_ms,
        "state": found.status.state(now_ms, expired) if found.status else None,
        "sensors": {
            each.id: {
                "state": each.status.state(now_ms, expired) if each.status else None,
                "total": each.series.total,
                "last_ms": each.series.last_ms,
                "last_value": each.series.last_value(),
            }
            for each in found.sensors.values()
        },
    }


async def series(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The points of one sensor, oldest first: ?offset=N&limit=N, counted from the oldest kept."""
    found = sandbox.world.sensors.get(request.match_info["id"])
    if found is None:
        raise not_found(f"sensor {request.match_info['id']}")
    offset, (_, limit) = whole(request, "offset", 0), page_of(request)
    times_ms, values = found.series.page(offset, limit)
    return {
        "sensor": found.id,
        "total": found.series.total,
        "kept": len(found.series),
        "points": [list(pair) for pair in zip(times_ms, values, strict=True)],
    }


async def clock(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The cloud's clock: shift_ms sets, move_ms adds; skew_ms falsifies timeSync only."""
    check(body, _CLOCK)
    sync = sandbox.device_side.time_sync
    sync.skew_ms = body.get("skew_ms", sync.skew_ms)
    sync.is_on = body.get("time_sync", sync.is_on)
    sync.delay_s = body.get("time_sync_delay_s", sync.delay_s)
    return {
        **move_clock(sandbox.clock, body),
        "skew_ms": sync.skew_ms,
        "time_sync": sync.is_on,
        "time_sync_delay_s": sync.delay_s,
    }


async def ask(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Send a request of any method to a gateway and return its answer; `id` repeats one."""
    check(body, _REQUEST)
    name, method = body["gateway"], body["method"]
    try:
        answer = await sandbox.request(
            name, method, body.get("params"), request_id=body.get("id", "")
        )
    except NoAnswer as error:
        raise ApiError(504, "PROCESS_COMMAND_RESULT", str(error)) from None
    return asdict(answer)


async def publish(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Publish any text on any topic, as the cloud."""
    check(body, _PUBLISH)
    payload, qos = body["payload"].encode(), min(body.get("qos", 1), 1)
    message = Message(body["topic"], payload, qos, body.get("retain", False))
    return {"delivered": sandbox.broker.publish(message)}


VERBS: tuple[VerbRow[Sandbox], ...] = (
    *COMMON_VERBS,
    ("POST", "/_sandbox/token", token),
    ("GET", "/_sandbox/stats", stats),
    ("GET", "/_sandbox/messages", messages),
    ("GET", "/_sandbox/drops", drops),
    ("GET", "/_sandbox/violations", violations),
    ("GET", "/_sandbox/gateways/{id}", gateway),
    ("GET", "/_sandbox/series/{id}", series),
    ("GET", "/_sandbox/clock", clock),
    ("POST", "/_sandbox/clock", clock),
    *FAULT_VERBS,
    ("POST", "/_sandbox/request", ask),
    ("POST", "/_sandbox/publish", publish),
)


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Return the routes of the control plane."""
    return control_routes(sandbox, VERBS)


def _message(each: Received) -> Document:
    """Return a message with its payload as text, inflated; base64 where it is no text."""
    document: Document = {
        field.name: getattr(each, field.name) for field in fields(each) if field.name != "payload"
    }
    document["size"] = len(each.payload)
    try:
        document["payload"] = maybe_gunzip(each.payload).decode()
        document["is_gzip"] = each.payload[:2] == b"\x1f\x8b"
    except (Malformed, UnicodeDecodeError):
        document["payload_base64"] = base64.b64encode(each.payload).decode()
    return document
