"""REST endpoints of sensors and actuators."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox.answers import Answer, Face
from gatewayd.clouds.thingplus.sandbox.bodies import IDENTIFIER, YES_NO
from gatewayd.clouds.thingplus.sandbox.call import Call, Route
from gatewayd.clouds.thingplus.sandbox.documents import (
    as_created,
    sensor_document,
    sensor_view,
    sensor_views,
)
from gatewayd.clouds.thingplus.sandbox.records import Gateway, Sensor
from gatewayd.clouds.thingplus.sandbox.rest_gateways import expect_discovery
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.sandbox.bodies import ANY, FILLED, OBJECT, TEXT, Document, one_of, optional

CATEGORY = one_of("sensor", "actuator")

NEW_SENSOR = {
    "reqId": IDENTIFIER,
    "category": CATEGORY,
    "type": FILLED,
    "model": FILLED,
    "driverName": FILLED,
    "network": FILLED,
    "name": FILLED,
    "deviceId": optional(IDENTIFIER),
    "sequence": optional(ANY),
    "address": optional(TEXT),
    "options": optional(OBJECT),
    "virtual": optional(YES_NO),
}
_READ_ONLY = ("id", "owner", "ctime", "mtime", "status", "series")
"""What the vendor's gateway sends along and the cloud writes itself."""

_CHANGES = {name: optional(NEW_SENSOR[name]) for name in NEW_SENSOR if name != "reqId"}
_TRAITS = ("model", "driverName", "network", "sequence", "address", "options", "virtual")


async def sensors(call: Call) -> Answer:
    """List the sensors of a gateway, with what the query embeds."""
    page, meta = sensor_views(call.gateway(), call.query, call.world)
    return Answer(page, meta=meta, is_paged=call.collection.is_paged)


async def sensor(call: Call) -> Answer:
    """Return one sensor, with what the query embeds."""
    return Answer(sensor_view(call.sensor(), call.collection, call.world))


async def create_sensor(call: Call) -> Answer:
    """Add a sensor or actuator to a gateway."""
    owner = call.gateway()
    shape = NEW_SENSOR
    if call.face is Face.GATEWAY:
        shape = shape | {name: optional(ANY) for name in _READ_ONLY}
    body = call.checked(shape)
    expect_discovery(call, owner)
    return Answer(as_created(sensor_document(new_sensor(call.world, owner, body))), 201)


def new_sensor(world: World, owner: Gateway, body: Document) -> Sensor:
    """Make and add a sensor from a checked body. Raises ApiError: 409, 471."""
    now_ms = world.clock.now_ms()
    made = Sensor(
        id=body["reqId"],
        owner=owner.id,
        name=body["name"],
        type=body["type"],
        category=body["category"],
        series=world.new_series(),
        created_ms=now_ms,
        modified_ms=now_ms,
        device=body.get("deviceId"),
        traits={name: body[name] for name in _TRAITS if name in body},
    )
    world.add_sensor(owner, made)
    return made


async def update_sensor(call: Call) -> Answer:
    """Change a sensor."""
    found = call.sensor()
    shape = _CHANGES | {name: optional(ANY) for name in (*_READ_ONLY, "reqId")}
    body = call.checked(shape if call.face is Face.GATEWAY else _CHANGES)
    found.name = body.get("name", found.name)
    found.type = body.get("type", found.type)
    found.category = body.get("category", found.category)
    found.device = body.get("deviceId", found.device)
    found.traits |= {name: body[name] for name in _TRAITS if name in body}
    found.modified_ms = call.world.clock.now_ms()
    return Answer(sensor_document(found))


async def delete_sensor(call: Call) -> Answer:
    """Delete a sensor and its values."""
    found = call.sensor()
    del call.gateway().sensors[found.id], call.world.sensors[found.id]
    return Answer(status=204)


_SENSORS = "/gateways/{gateway}/sensors"

ROUTES = (
    Route("GET", _SENSORS, sensors, is_for_gateways=True),
    Route("POST", _SENSORS, create_sensor, is_for_gateways=True),
    Route("GET", _SENSORS + "/{sensor}", sensor, is_for_gateways=True),
    Route("PUT", _SENSORS + "/{sensor}", update_sensor, is_for_gateways=True),
    Route("DELETE", _SENSORS + "/{sensor}", delete_sensor, is_for_gateways=True),
)
