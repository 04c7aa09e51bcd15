"""A whole world in one document: clients with tokens, groups, things, targets of pushes."""

from __future__ import annotations

from dataclasses import replace

from gatewayd.clouds.thingsee.codec import TUID
from gatewayd.clouds.thingsee.rest_types import InstallationStatus
from gatewayd.clouds.thingsee.sandbox.outlets import TARGETS_MAX, Outlets, Target
from gatewayd.clouds.thingsee.sandbox.records import AlertSpan, PlayedSensor, Thing
from gatewayd.clouds.thingsee.sandbox.world import World
from gatewayd.clouds.thingsee.tuid import is_gateway
from gatewayd.sandbox.bodies import (
    BOOL,
    FILLED,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    WHOLE,
    Document,
    Field,
    check,
    one_of,
    optional,
)
from gatewayd.sandbox.errors import schema

IDENTIFIER = Field(
    "a TUID", lambda value: isinstance(value, str) and TUID.fullmatch(value) is not None
)
ADDRESS = Field(
    "an http, https, ws or wss address",
    lambda value: (
        isinstance(value, str) and value.startswith(("http://", "https://", "ws://", "wss://"))
    ),
)
_DOCUMENT = {name: optional(LIST) for name in ("clients", "groups", "things", "targets")}
_DOCUMENT |= {"lenient": optional(BOOL), "publish_all": optional(BOOL)}
_CLIENT = {"client_id": FILLED, "client_secret": FILLED}
_GROUP = {"group_id": FILLED, "group_description": optional(TEXT)}
_TARGET = {"url": ADDRESS, "headers": optional(OBJECT)}
_THING = {
    "tuid": IDENTIFIER,
    "group": optional(TEXT),
    "status": optional(one_of(*InstallationStatus)),
    "is_gateway": optional(BOOL),
    "key": optional(FILLED),
    "gateway": optional(IDENTIFIER),
    "battery": optional(WHOLE),
    "version": optional(TEXT),
    "location": optional(OBJECT),
    "heartbeat_s": optional(WHOLE),
    "played": optional(BOOL),
    "delay_s": optional(NUMBER),
    "alerts": optional(LIST),
}
_LOCATION = {"lat": NUMBER, "lon": NUMBER}
_ALERT = {"type": FILLED, "from_ms": WHOLE, "to_ms": optional(WHOLE)}


def provision(world: World, outlets: Outlets, document: Document) -> Document:
    """Make what a document lists, and return it with a token for every client.

    ```
    {"lenient": true, "publish_all": true,
     "clients": [{"client_id": "app", "client_secret": "…"}],
     "groups": [{"group_id": "prfi00office", "group_description": "…"}],
     "targets": [{"url": "http://127.0.0.1:8095/", "headers": {"Authorization": "Bearer …"}}],
     "things": [
        {"tuid": "XXGD01AAAAAAAAAAA", "is_gateway": true, "key": "…", "group": "prfi00office"},
        {"tuid": "TSPR04E2O90201558", "gateway": "XXGD01AAAAAAAAAAA", "status": "installed",
         "played": true, "delay_s": 0.5}]}
    ```
    Everything but ids may be left out; a group that things name is made. `lenient` admits the
    remote command; `publish_all` puts every group on the stream; a `played` sensor answers by
    itself. What is made before an error stays.

    Raises:
        ApiError: 400 a wrong shape, 409 an id that is taken.
    """
    check(document, _DOCUMENT, place="document")
    world.settings = replace(
        world.settings,
        is_lenient=document.get("lenient", world.settings.is_lenient),
        publish_all=document.get("publish_all", world.settings.publish_all),
    )
    clients = [_add_client(world, each) for each in document.get("clients", ())]
    for each in document.get("groups", ()):
        check(each, _GROUP, place="group")
        world.add_group(each["group_id"], each.get("group_description", ""))
    things = [_add_thing(world, each) for each in document.get("things", ())]
    targets = [_add_target(outlets, each) for each in document.get("targets", ())]
    return {
        "clients": clients,
        "groups": list(world.groups),
        "things": things,
        "targets": targets,
    }


def _add_client(world: World, each: Document) -> Document:
    check(each, _CLIENT, place="client")
    client = world.add_client(each["client_id"], each["client_secret"])
    return {**each, "token": world.issue_token(client)}


def _add_thing(world: World, each: Document) -> Document:
    check(each, _THING, place="thing")
    thing = world.meet(each["tuid"])
    thing.is_gateway = each.get("is_gateway", thing.is_gateway or is_gateway(thing.tuid))
    thing.key = each.get("key", thing.key)
    thing.gateway = each.get("gateway", thing.gateway)
    thing.battery = each.get("battery", thing.battery)
    thing.version = each.get("version", thing.version)
    thing.heartbeat_s = each.get("heartbeat_s", thing.heartbeat_s)
    if "location" in each:
        place = check(each["location"], _LOCATION, place="location")
        thing.location = place["lat"], place["lon"]
    if each.get("played"):
        thing.played = PlayedSensor(each.get("delay_s", 0.0))
    if "group" in each:
        if each["group"] not in world.groups:
            world.add_group(each["group"])
        world.assign(thing, each["group"])
    if "status" in each:
        world.install(thing, each["status"], "")
    for alert in each.get("alerts", ()):
        _add_alert(thing, check(alert, _ALERT, place="alert"))
    status = thing.installations[0].status
    return {"tuid": thing.tuid, "group": thing.group, "status": status, "key": thing.key}


def _add_alert(thing: Thing, each: Document) -> None:
    thing.alerts.append(AlertSpan(each["type"], each["from_ms"], each.get("to_ms")))


def _add_target(outlets: Outlets, each: Document) -> str:
    check(each, _TARGET, place="target")
    headers = each.get("headers", {})
    if not all(isinstance(text, str) for text in headers.values()):
        raise schema("headers are texts")
    if len(outlets.targets) >= TARGETS_MAX:
        raise schema(f"more than {TARGETS_MAX} targets")
    outlets.add(Target(each["url"], headers))
    return str(each["url"])
