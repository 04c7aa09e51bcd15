"""REST endpoints that bring a gateway into being: its key, then itself with all it has."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox.answers import Answer, foreign
from gatewayd.clouds.thingplus.sandbox.bodies import IDENTIFIER, INTERVAL, YES_NO
from gatewayd.clouds.thingplus.sandbox.call import Call, Route
from gatewayd.clouds.thingplus.sandbox.documents import (
    as_created,
    device_document,
    gateway_document,
    sensor_document,
)
from gatewayd.clouds.thingplus.sandbox.records import Gateway
from gatewayd.clouds.thingplus.sandbox.rest_gateways import NEW_DEVICE, apply_traits, new_device
from gatewayd.clouds.thingplus.sandbox.rest_sensors import NEW_SENSOR, new_sensor
from gatewayd.sandbox.bodies import FILLED, LIST, OBJECT, TEXT, Document, check, one_of, optional
from gatewayd.sandbox.errors import ApiError, invalid, not_found, schema

_KEY = {
    "id": TEXT,
    "modelId": TEXT,
    "authType": one_of("apikey", "apikeyReady", "cert"),
    "passphrase": optional(TEXT),
}
_ACTIVATION = {"gatewayId": TEXT, "vendorKey": TEXT}
_REGISTRATION = {"id": optional(IDENTIFIER), "reqId": optional(IDENTIFIER), "params": OBJECT}
_PARAMS = {
    "siteId": TEXT,
    "model": TEXT,
    "name": FILLED,
    "reportInterval": optional(INTERVAL),
    "location": optional(OBJECT),
    "autoCreateDiscoverable": optional(YES_NO),
    "virtual": optional(YES_NO),
    "deviceModels": optional(LIST),
    "devices": optional(LIST),
    "sensors": optional(LIST),
}
_DEVICE_MODEL = {"id": optional(IDENTIFIER), "model": FILLED}


async def register_key(call: Call) -> Answer:
    """Make the API key of a gateway id, to be shown or to be fetched by the device."""
    body = call.checked(_KEY)
    gateway, model = body["id"], body["modelId"]
    _expect_model_id(call, gateway, model)
    if body["authType"] == "cert":
        raise invalid("the sandbox issues API keys, no client certificates")
    known = call.world.gateways.get(gateway)
    if known is not None and not call.world.may_enter(call.caller, known.site):
        raise foreign(f"gateway {gateway}")
    key = call.world.issue_key(gateway, call.account.site, model)
    key.is_ready_only = body["authType"] == "apikeyReady"
    return Answer(None if key.is_ready_only else {gateway: key.key})


async def activate_key(call: Call) -> Answer:
    """Hand a prepared API key to the device, which shows its vendor's key."""
    body = call.checked(_ACTIVATION)
    gateway, world = body["gatewayId"], call.world
    if not IDENTIFIER.is_valid(gateway):
        raise schema(f"gatewayId is not {IDENTIFIER.words}")
    vendors = [vendor for vendor, key in world.vendor_keys.items() if key == body["vendorKey"]]
    if not vendors:
        raise not_found("the vendor key")
    key = world.keys.get(gateway)
    if key is None or not key.is_ready_only:
        raise ApiError(500, "QUERY_RESULT_EMPTY", "no key is prepared for this gateway")
    if world.catalogue.gateway_models[key.model]["vendor"] not in vendors:
        raise ApiError(400, "MISMATCH_ERROR", "the key of another vendor")
    return Answer({gateway: key.key})


async def register_gateway(call: Call) -> Answer:
    """Make a gateway with its devices and sensors; 207 if it was made and some of these not."""
    body = call.checked(_REGISTRATION)
    name = body.get("id") or body.get("reqId")
    if name is None:
        raise schema("body has no id")
    params = _checked_params(body["params"])
    world = call.world
    site = world.site(params["siteId"])
    if not world.may_enter(call.caller, site.id):
        raise foreign(f"site {site.id}")
    _expect_model_id(call, name, params["model"])
    key = world.keys.get(name)
    if key is not None and not world.may_enter(call.caller, key.site):
        raise foreign(f"gateway {name}")
    now_ms = world.clock.now_ms()
    account = call.account
    made = Gateway(
        name, params["name"], params["model"], site.id, site.service, account.id, now_ms, now_ms
    )
    apply_traits(made, params)
    world.add_gateway(made)
    return _furnish(call, made, params)


def _furnish(call: Call, gateway: Gateway, params: Document) -> Answer:
    """Add devices and sensors; what cannot be added is told, and the rest stays."""
    errors: list[tuple[str, str]] = []
    devices: list[Document] = []
    sensors: list[Document] = []
    for each in params.get("devices", ()):
        try:
            devices.append(as_created(device_document(new_device(call.world, gateway, each))))
        except ApiError as error:
            errors.append((error.code, str(error)))
    for each in params.get("sensors", ()):
        try:
            sensors.append(as_created(sensor_document(new_sensor(call.world, gateway, each))))
        except ApiError as error:
            errors.append((error.code, str(error)))
    data = as_created(gateway_document(gateway)) | {"devices": devices, "sensors": sensors}
    return Answer(data, 207 if errors else 201, errors=tuple(errors))


def _checked_params(body: object) -> Document:
    params = check(body, _PARAMS, place="params")
    for each in params.get("deviceModels", ()):
        check(each, _DEVICE_MODEL, place="deviceModels")
    for each in params.get("devices", ()):
        check(each, NEW_DEVICE, place="devices")
    for each in params.get("sensors", ()):
        check(each, NEW_SENSOR, place="sensors")
    return params


def _expect_model_id(call: Call, gateway: str, model: str) -> None:
    """Raise 404 for an unknown model, 400 for an id of another form than the model's."""
    if model not in call.world.catalogue.gateway_models:
        raise not_found(f"gateway model {model}")
    if gateway in call.world.gateways:
        return
    if not call.world.catalogue.is_gateway_id(gateway, model):
        raise schema(f"{gateway[:80]} is no id for gateway model {model}")


ROUTES = (
    Route("POST", "/registerGatewayKey", register_key),
    Route("POST", "/activateGatewayKey", activate_key, is_open=True, needs_scope=False),
    Route("POST", "/registerGateway", register_gateway),
)
