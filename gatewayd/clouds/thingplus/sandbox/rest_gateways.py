"""REST endpoints of gateways and their devices."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox.answers import Answer, Face
from gatewayd.clouds.thingplus.sandbox.bodies import IDENTIFIER, INTERVAL, YES_NO
from gatewayd.clouds.thingplus.sandbox.call import Call, Route
from gatewayd.clouds.thingplus.sandbox.documents import (
    as_created,
    device_document,
    device_views,
    gateway_document,
    gateway_view,
    gateway_views,
)
from gatewayd.clouds.thingplus.sandbox.listing import cut
from gatewayd.clouds.thingplus.sandbox.records import Device, Gateway
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.sandbox.bodies import FILLED, LIST, OBJECT, TEXT, Document, optional
from gatewayd.sandbox.errors import ApiError, not_found
from gatewayd.sandbox.violations import Violation

_GATEWAY_CHANGES = {
    "name": optional(FILLED),
    "reportInterval": optional(INTERVAL),
    "autoCreateDiscoverable": optional(YES_NO),
    "virtual": optional(YES_NO),
    "location": optional(OBJECT),
    "deviceModels": optional(LIST),
}
NEW_DEVICE = {"reqId": IDENTIFIER, "name": FILLED, "model": FILLED}
_DEVICE_CHANGES = {"name": optional(FILLED), "model": optional(TEXT)}


async def gateways(call: Call) -> Answer:
    """List the gateways that the caller may see."""
    world = call.world
    if call.caller.gateway is not None:
        mine = [call.caller.gateway]
    else:
        mine = [each for each in world.gateways.values() if world.may_enter(call.caller, each.site)]
    page, meta = gateway_views(mine, call.query, world)
    return Answer(page, meta=meta, is_paged=call.collection.is_paged)


async def gateway(call: Call) -> Answer:
    """Return one gateway, with what the query embeds."""
    return Answer(gateway_view(call.gateway(), call.collection, call.world))


async def update_gateway(call: Call) -> Answer:
    """Change a gateway's own members."""
    found = call.gateway()
    body = call.checked(_GATEWAY_CHANGES, is_open=call.face is Face.GATEWAY)
    apply_traits(found, body)
    found.modified_ms = call.world.clock.now_ms()
    return Answer(gateway_document(found))


def apply_traits(gateway: Gateway, body: Document) -> None:
    """Set the members of a gateway that a checked body names."""
    gateway.name = body.get("name", gateway.name)
    gateway.auto_create = body.get("autoCreateDiscoverable", gateway.auto_create)
    gateway.virtual = body.get("virtual", gateway.virtual)
    gateway.location = body.get("location", gateway.location)
    gateway.device_models = body.get("deviceModels", gateway.device_models)
    if "reportInterval" in body:
        gateway.report_interval_ms = int(body["reportInterval"])


async def delete_gateway(call: Call) -> Answer:
    """Delete a gateway with everything that hangs on it."""
    call.world.remove_gateway(call.gateway())
    return Answer(status=204)


async def devices(call: Call) -> Answer:
    """List the devices of a gateway."""
    page, meta = device_views(call.gateway(), call.query)
    return Answer(page, meta=meta, is_paged=call.collection.is_paged)


async def device(call: Call) -> Answer:
    """Return one device."""
    return Answer(cut(device_document(_device(call)), call.collection.fields))


async def create_device(call: Call) -> Answer:
    """Add a device to a gateway; a gateway itself may where discovery is allowed."""
    owner = call.gateway()
    with_blame = call.caller.gateway is not None
    try:
        body = call.checked(NEW_DEVICE)
        expect_discovery(call, owner)
        made = new_device(call.world, owner, body)
    except ApiError as error:
        if with_blame:
            _blame(call, owner, f"POST device: {error.status} {error}")
        raise
    return Answer(as_created(device_document(made)), 201)


def new_device(world: World, owner: Gateway, body: Document) -> Device:
    """Make and add a device from a checked body. Raises ApiError: 404, 409, 471."""
    now_ms = world.clock.now_ms()
    made = Device(body["reqId"], body["name"], body["model"], owner.id, now_ms, now_ms)
    world.add_device(owner, made)
    return made


def expect_discovery(call: Call, owner: Gateway) -> None:
    """Raise 403 if a gateway adds something that its owner did not allow it to discover."""
    if call.caller.gateway is not None and owner.auto_create != "y":
        raise ApiError(403, "ACL_DENY", "autoCreateDiscoverable is not y")


async def update_device(call: Call) -> Answer:
    """Change a device."""
    found = _device(call)
    body = call.checked(_DEVICE_CHANGES, is_open=call.face is Face.GATEWAY)
    if body.get("model", found.model) not in call.world.catalogue.device_models:
        raise not_found(f"device model {body['model']}")
    found.name, found.model = body.get("name", found.name), body.get("model", found.model)
    found.modified_ms = call.world.clock.now_ms()
    return Answer(device_document(found))


async def delete_device(call: Call) -> Answer:
    """Delete a device; its sensors stay, without one."""
    found = _device(call)
    owner = call.gateway()
    for sensor in owner.sensors.values():
        if sensor.device == found.id:
            sensor.device = None
    del owner.devices[found.id], call.world.devices[found.id]
    return Answer(status=204)


def _device(call: Call) -> Device:
    owner, name = call.gateway(), call.names["device"]
    if name in owner.devices:
        return owner.devices[name]
    elsewhere = call.world.devices.get(name)
    if elsewhere is not None:
        call.world.gateway_for(call.caller, elsewhere.owner)
    raise not_found(f"device {name}")


def _blame(call: Call, gateway: Gateway, text: str) -> None:
    now_ms = call.world.clock.now_ms()
    call.premises.journal.blame(Violation(now_ms, gateway.id, "rest", text))


_DEVICES = "/gateways/{gateway}/devices"

ROUTES = (
    Route("GET", "/gateways", gateways, is_for_gateways=True),
    Route("GET", "/gateways/{gateway}", gateway, is_for_gateways=True),
    Route("PUT", "/gateways/{gateway}", update_gateway, is_for_gateways=True),
    Route("DELETE", "/gateways/{gateway}", delete_gateway),
    Route("GET", _DEVICES, devices, is_for_gateways=True),
    Route("POST", _DEVICES, create_device, is_for_gateways=True),
    Route("GET", _DEVICES + "/{device}", device, is_for_gateways=True),
    Route("PUT", _DEVICES + "/{device}", update_device, is_for_gateways=True),
    Route("DELETE", _DEVICES + "/{device}", delete_device, is_for_gateways=True),
)
