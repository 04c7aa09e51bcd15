"""The control plane under `/_sandbox/`: make the world, look at it, break it, move its clock."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice

from aiohttp import web

from gatewayd.clouds.thingsee.codec import Message, of_json, to_json
from gatewayd.clouds.thingsee.sandbox import conformance
from gatewayd.clouds.thingsee.sandbox.alerts import alerts_of
from gatewayd.clouds.thingsee.sandbox.control_faults import FAULT_VERBS
from gatewayd.clouds.thingsee.sandbox.records import LoggedCommand
from gatewayd.clouds.thingsee.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingsee.sandbox.world import FIRST_CLIENT
from gatewayd.errors import Malformed
from gatewayd.sandbox.bodies import LIST, TEXT, WHOLE, Document, check, optional
from gatewayd.sandbox.control import (
    CLOCK_VERBS,
    COMMON_VERBS,
    VerbRow,
    control_routes,
    page_of,
    with_text,
)
from gatewayd.sandbox.errors import invalid, not_found
from gatewayd.sandbox.violations import listed
from gatewayd.transports.mqtt_packets import Message as Packet

_PUBLISH = {"topic": TEXT, "payload": TEXT, "qos": optional(WHOLE)}
_MESSAGES = {"gateway": optional(TEXT), "messages": LIST}


async def token(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """A token of the client `client_id`; of the first one, if not named."""
    check(body, {"client_id": optional(TEXT)})
    client = sandbox.world.clients.get(body.get("client_id", FIRST_CLIENT))
    if client is None:
        raise not_found(f"client {body['client_id']}")
    return {"token": sandbox.world.issue_token(client)}


async def stats(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Counts: publishes, bytes, messages accepted and repeated, commands, pushes, violations."""
    names = ("messages", "bytes", "points_accepted", "repeats", "duplicates", "malformed")
    more = ("connections", "commands", "undelivered", "answers", "pushes", "pushes_lost")
    last = ("violations", "notes", "forgotten", "rest_requests")
    return {
        **dict.fromkeys((*names, *more, *last), 0),
        **sandbox.journal.counts,
        "history": len(sandbox.world.history),
        "connected": sorted(sandbox.broker.clients),
    }


async def messages(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Raw publishes and POSTs in order: ?after=NUMBER&limit=N&gateway=TUID."""
    after, limit = page_of(request)
    gateway = request.query.get("gateway", "")
    found = (
        each
        for each in tuple(sandbox.journal.messages)
        if each.number > after and gateway in ("", each.gateway)
    )
    return {"messages": [with_text(asdict(each)) for each in islice(found, limit)]}


async def arrivals(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Single messages as they came, repeats marked: ?after=PUBLISH&limit=N&tuid=TUID&id=TSMID."""
    after, limit = page_of(request)
    tuid, id = request.query.get("tuid", ""), request.query.get("id", "")
    found = (
        {"number": each.number, "is_repeat": each.is_repeat, "message": to_json(each.message)}
        for each in tuple(sandbox.journal.arrivals)
        if each.number > after
        and tuid in ("", each.message.thing)
        and id in ("", str(each.message.id))
    )
    return {"arrivals": list(islice(found, limit))}


async def violations(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """What gateways do wrong, what the vendor's app stumbles over, things not heard of so far."""
    gateway = request.query.get("gateway", "")
    things = sandbox.world.things.values()
    return {
        **listed(sandbox.journal.violations, gateway),
        "unseen": [each.tuid for each in things if conformance.unseen(each)],
    }


async def thing(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """One thing: what is known of it, its alerts, and the commands with their answers."""
    found = sandbox.world.thing(request.match_info["tuid"])
    now_ms = sandbox.clock.now_ms()
    alerts = alerts_of(found, now_ms, sandbox.settings)
    return {
        "tuid": found.tuid,
        "group": found.group,
        "is_gateway": found.is_gateway,
        "way": found.way,
        "heard_ms": found.heard_ms,
        "time_s": found.time_s,
        "battery": found.battery,
        "version": found.version,
        "location": found.location,
        "installations": [asdict(each) for each in found.installations],
        "alerts": [asdict(each) for each in alerts],
        "commands": [_logged(each) for each in found.commands],
    }


async def uplink(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Take `messages` as if `gateway` had sent them: a sensor of somebody else's, for routes."""
    check(body, _MESSAGES)
    return asdict(sandbox.inject(_messages(body), body.get("gateway", "")))


async def downlink(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Send `messages` to `gateway` as they are, allowed or not, logged nowhere."""
    check(body, _MESSAGES)
    return {"reached": sandbox.orders.send(body.get("gateway", ""), _messages(body))}


async def publish(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Publish any text on any topic, as the cloud."""
    check(body, _PUBLISH)
    packet = Packet(body["topic"], body["payload"].encode(), min(body.get("qos", 1), 1))
    return {"delivered": sandbox.broker.publish(packet)}


VERBS: tuple[VerbRow[Sandbox], ...] = (
    *COMMON_VERBS,
    *CLOCK_VERBS,
    ("POST", "/_sandbox/token", token),
    ("GET", "/_sandbox/stats", stats),
    ("GET", "/_sandbox/messages", messages),
    ("GET", "/_sandbox/arrivals", arrivals),
    ("GET", "/_sandbox/violations", violations),
    ("GET", "/_sandbox/things/{tuid}", thing),
    *FAULT_VERBS,
    ("POST", "/_sandbox/uplink", uplink),
    ("POST", "/_sandbox/downlink", downlink),
    ("POST", "/_sandbox/publish", publish),
)


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Return the routes of the control plane."""
    return control_routes(sandbox, VERBS)


def _messages(body: Document) -> list[Message]:
    try:
        return [of_json(each) for each in body["messages"]]
    except Malformed as error:
        raise invalid(str(error)) from None


def _logged(each: LoggedCommand) -> Document:
    return {
        "command": to_json(each.command),
        "responsible": each.responsible,
        "reached": each.reached,
        "answers": each.answers,
        "answer": None if each.answer is None else to_json(each.answer),
    }
