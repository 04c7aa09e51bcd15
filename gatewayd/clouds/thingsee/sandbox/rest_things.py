"""REST endpoints of things: alerts, general information, messages, installation, group.

Chosen where the specification is silent: both ends of a time are included; messages and
installations come newest first.

Source: Thingsee Open Services API, Things.
"""

from __future__ import annotations

from gatewayd.clouds.thingsee.codec import to_json
from gatewayd.clouds.thingsee.sandbox.alerts import alerts_of, as_documents, is_alerting
from gatewayd.clouds.thingsee.sandbox.call import Call, Route
from gatewayd.clouds.thingsee.sandbox.errors import bad
from gatewayd.clouds.thingsee.sandbox.records import Installation, Thing
from gatewayd.sandbox.bodies import FILLED, Document


def alerting(call: Call) -> object:
    """Every thing with an alert that is on."""
    return {"alerting_tuids": _alerting(call)}


def alert_count(call: Call) -> object:
    """How many they are, as text."""
    return {"alert_count": str(len(_alerting(call)))}


def _alerting(call: Call) -> list[str]:
    world = call.world
    now_ms = world.clock.now_ms()
    return [
        thing.tuid for thing in world.things.values() if is_alerting(thing, now_ms, world.settings)
    ]


def alerts(call: Call) -> object:
    """The alerts of one thing that touch a stretch of time."""
    thing, world = call.thing(), call.world
    from_s, to_s = call.whole("from"), call.whole("to")
    now_ms = world.clock.now_ms()
    found = [
        each
        for each in alerts_of(thing, now_ms, world.settings)
        if (from_s is None or each.to_ms is None or each.to_ms >= from_s * 1000)
        and (to_s is None or each.from_ms <= to_s * 1000)
    ]
    return as_documents(thing, found)


def info(call: Call) -> object:
    """A thing in general; what nobody knows is null."""
    thing = call.thing()
    latitude, longitude = thing.location or (None, None)
    return {
        "battery_level": thing.battery,
        "timestamp": thing.time_s,
        "location": {"lat": latitude, "lon": longitude},
        "gateway_tuid": thing.way or None,
        "version": thing.version or None,
    }


def messages(call: Call) -> object:
    """The newest messages of a thing; the limit is required."""
    thing, selection = call.thing(), call.selection()
    if selection.limit is None:
        raise bad("limit is required")
    return [to_json(each) for each in call.world.history.of(thing.tuid, selection)]


def installations(call: Call) -> object:
    """The statuses that a thing has had, the current one first."""
    thing, limit = call.thing(), call.whole("limit")
    found = list(thing.installations)[: limit or None]
    return [_installation(thing, each) for each in found]


def _installation(thing: Thing, each: Installation) -> Document:
    return {
        "tuid": thing.tuid,
        "installation_status": each.status,
        "timestamp": each.time_s,
        "responsible": each.responsible,
    }


def install(call: Call) -> object:
    """Set a thing's status."""
    thing = call.thing()
    status = call.checked({"installation_status": FILLED})["installation_status"]
    call.world.install(thing, status, call.responsible)
    return {"tuid": thing.tuid, "installation_status": status}


def group(call: Call) -> object:
    """The group that a thing is in."""
    thing = call.thing()
    return {"group_id": thing.group, "tuid": thing.tuid}


def set_group(call: Call) -> object:
    """Put a thing into a group."""
    thing = call.thing()
    call.world.assign(thing, call.checked({"group_id": FILLED})["group_id"])
    return {"group_id": thing.group, "tuid": thing.tuid}


ROUTES = (
    Route("GET", "/things/alerts", alerting),
    Route("GET", "/things/alerts/count", alert_count),
    Route("GET", "/things/{tuid}/alerts", alerts),
    Route("GET", "/things/{tuid}", info),
    Route("GET", "/things/{tuid}/messages", messages),
    Route("GET", "/things/{tuid}/installations", installations),
    Route("POST", "/things/{tuid}/installations", install),
    Route("GET", "/things/{tuid}/group", group),
    Route("POST", "/things/{tuid}/group", set_group),
)
