"""REST endpoints of the catalogue, and of tags, timelines, rules and push devices."""

from __future__ import annotations

from collections.abc import Mapping

from gatewayd.clouds.thingplus.sandbox.answers import Answer, billing, foreign
from gatewayd.clouds.thingplus.sandbox.call import Call, Handler, Route
from gatewayd.clouds.thingplus.sandbox.documents import as_created
from gatewayd.clouds.thingplus.sandbox.listing import cut, select
from gatewayd.clouds.thingplus.sandbox.queries import Tree
from gatewayd.sandbox.bodies import (
    ANY,
    FILLED,
    LIST,
    OBJECT,
    TEXT,
    TEXTS,
    Document,
    Shape,
    one_of,
    optional,
)
from gatewayd.sandbox.errors import not_found, schema

SHAPES: Mapping[str, Shape] = {
    "tags": {"name": FILLED, "sensors": TEXTS},
    "rules": {
        "name": FILLED,
        "trigger": OBJECT,
        "conditions": optional(LIST),
        "actions": optional(LIST),
        "status": optional(one_of("activated", "deactivated")),
        "severity": optional(one_of("information", "warning", "fatal")),
        "timezone": optional(TEXT),
    },
    "pushDevices": {
        "name": optional(TEXT),
        "token": optional(TEXT),
        "type": optional(TEXT),
        "options": optional(ANY),
    },
}
"""What a new record of each collection is made of."""

_DEFAULTS: Mapping[str, Document] = {
    "tags": {},
    "rules": {
        "conditions": [],
        "actions": [],
        "status": "activated",
        "severity": "information",
        "timezone": "+0.00",
    },
    "pushDevices": {},
}


def _listing(name: str) -> Handler:
    async def list_records(call: Call) -> Answer:
        """List the caller's records, one page."""
        mine = [each for each in call.world.collections[name].values() if _is_mine(call, each)]
        meta_ids: Document = {}
        if name == "timelines":
            mine, meta_ids = _window(mine, call.query)
        page, meta = select(mine, call.collection, "time" if name == "timelines" else "ctime")
        cut_page = [cut(each, call.collection.fields) for each in page]
        return Answer(cut_page, meta=meta | meta_ids, is_paged=call.collection.is_paged)

    return list_records


def _window(entries: list[Document], query: Tree) -> tuple[list[Document], Document]:
    """Return the newest first, up to `maxId` (included) and after `sinceId` (excluded)."""
    limits: Document = {}
    for name in ("maxId", "sinceId"):
        text = query.get(name)
        if text is not None:
            if not isinstance(text, str) or not text.isdecimal():
                raise schema(f"{name} is not a number")
            limits[name] = text
    most, least = int(limits.get("maxId", 2**63)), int(limits.get("sinceId", -1))
    found = [each for each in entries if least < int(each["id"]) <= most]
    return sorted(found, key=lambda each: -int(each["id"])), limits


def _reading(name: str) -> Handler:
    async def read_record(call: Call) -> Answer:
        """Return one record."""
        return Answer(cut(_find(call, name), call.collection.fields))

    return read_record


def _creating(name: str) -> Handler:
    async def create_record(call: Call) -> Answer:
        """Make a record of the caller's."""
        body = call.checked(SHAPES[name])
        _expect_own_sensors(call, body)
        account, site = call.account, call.world.site(call.account.site)
        if name == "rules" and len(call.world.collections[name]) >= site.plan.rules_max:
            raise billing(f"{site.plan.rules_max} rules")
        owner = {"_user": account.id, "_site": account.site, "_service": account.service}
        document = call.world.add_document(name, {**_DEFAULTS[name], **body, **owner})
        return Answer(as_created(document), 201)

    return create_record


def _updating(name: str) -> Handler:
    async def update_record(call: Call) -> Answer:
        """Change a record of the caller's."""
        document = _find(call, name)
        shape = {member: optional(field) for member, field in SHAPES[name].items()}
        body = call.checked(shape)
        _expect_own_sensors(call, body)
        document |= body | {"mtime": str(call.world.clock.now_ms())}
        return Answer(document)

    return update_record


def _deleting(name: str) -> Handler:
    async def delete_record(call: Call) -> Answer:
        """Delete a record of the caller's."""
        del call.world.collections[name][_find(call, name)["id"]]
        return Answer(status=204)

    return delete_record


def _find(call: Call, name: str) -> Document:
    found = call.world.collections[name].get(call.names["id"])
    if found is None:
        raise not_found(f"{name} {call.names['id']}")
    if not _is_mine(call, found):
        raise foreign(f"{name} {call.names['id']}")
    return found


def _is_mine(call: Call, document: Document) -> bool:
    """Whether it is the caller's own; entries without a user belong to their site."""
    account = call.account
    if account.is_service_admin:
        return True
    owner = document.get("_user")
    return document.get("_site") == account.site if owner is None else owner == account.id


def _expect_own_sensors(call: Call, body: Document) -> None:
    """Raise 404 or 403 if a tag names sensors that are not there or not the caller's."""
    for name in body.get("sensors", ()):
        sensor = call.world.sensors.get(name)
        if sensor is None:
            raise not_found(f"sensor {name}")
        call.world.gateway_for(call.caller, sensor.owner)


def _shelf(name: str) -> tuple[Route, Route]:
    """Return the two routes of one part of the catalogue: no login needed."""

    def records(call: Call) -> Mapping[str, Document]:
        catalogue = call.world.catalogue
        return {
            "sensorTypes": catalogue.sensor_types,
            "sensorDrivers": catalogue.sensor_drivers,
            "gatewayModels": catalogue.gateway_models,
        }[name]

    async def list_shelf(call: Call) -> Answer:
        page, meta = select(records(call).values(), call.collection)
        cut_page = [cut(each, call.collection.fields) for each in page]
        return Answer(cut_page, meta=meta, is_paged=call.collection.is_paged)

    async def read_shelf(call: Call) -> Answer:
        found = records(call).get(call.names["id"])
        if found is None:
            raise not_found(f"{name} {call.names['id']}")
        return Answer(cut(found, call.collection.fields))

    return (
        Route("GET", f"/{name}", list_shelf, is_open=True, is_for_gateways=True),
        Route("GET", f"/{name}/{{id}}", read_shelf, is_open=True, is_for_gateways=True),
    )


def _routes(name: str) -> tuple[Route, ...]:
    one = f"/{name}/{{id}}"
    reads = (Route("GET", f"/{name}", _listing(name)), Route("GET", one, _reading(name)))
    if name not in SHAPES:
        return reads
    return (
        *reads,
        Route("POST", f"/{name}", _creating(name)),
        Route("PUT", one, _updating(name)),
        Route("DELETE", one, _deleting(name)),
    )


ROUTES = (
    *_shelf("sensorTypes"),
    *_shelf("sensorDrivers"),
    *_shelf("gatewayModels"),
    *_routes("tags"),
    *_routes("timelines"),
    *_routes("rules"),
    *_routes("pushDevices"),
)
