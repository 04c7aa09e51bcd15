"""REST: what the cloud keeps for a device, and the way in of devices that speak HTTP.

Source: Thinger.io API description 2025; Thinger.io documentation, HTTP devices.
"""

from __future__ import annotations

import orjson

from gatewayd.clouds.thinger.names import NAME
from gatewayd.clouds.thinger.sandbox.call import EMPTY, Call, Route
from gatewayd.clouds.thinger.sandbox.doors import ACCESS_CALLBACK
from gatewayd.clouds.thinger.sandbox.journal import Received
from gatewayd.clouds.thinger.sandbox.records import Device
from gatewayd.sandbox.bodies import ANY, OBJECT, WHOLE, check, optional
from gatewayd.sandbox.errors import ApiError, invalid, not_found

DEVICE = "/v3/users/{user}/devices/{device}"
PROPERTIES = DEVICE + "/properties"
CALLBACK = DEVICE + "/callback"
_VALUE = {"value": ANY}
_ACTIONS = ("write_bucket", "call_endpoint", "set_property", "send_property")
_CALLBACK = {"actions": optional(OBJECT), "properties": optional(OBJECT)}


async def list_properties(call: Call) -> object:
    """All properties of the device."""
    return [{"property": id, "value": value} for id, value in call.device.properties.items()]


async def add(call: Call) -> object:
    """Make or replace one property, or a list of them."""
    body = call.body()
    for each in body if isinstance(body, list) else [body]:
        said = check(each, {"property": ANY, **_VALUE})
        _set(call, str(said["property"]), said["value"])
    return EMPTY


async def get(call: Call) -> object:
    """One property."""
    id = call.name("property")
    return {"property": id, "value": _value(call, id)}


async def put(call: Call) -> object:
    """Make or replace one property."""
    _set(call, call.name("property"), check(call.body(), _VALUE)["value"])
    return EMPTY


async def change(call: Call) -> object:
    """Change members of one property that is an object."""
    id, members = call.name("property"), check(call.body(), _VALUE)["value"]
    value = _value(call, id)
    if not isinstance(value, dict) or not isinstance(members, dict):
        raise invalid(f"property {id} is no object")
    _set(call, id, {**value, **members})
    return EMPTY


async def delete(call: Call) -> object:
    """Delete one property."""
    _value(call, call.name("property"))
    del call.device.properties[call.name("property")]
    return EMPTY


async def configure(call: Call) -> object:
    """Say what becomes of what the device sends, and what answers it."""
    said = check(call.body(), _CALLBACK)
    actions = said.get("actions", {})
    if not set(actions) <= set(_ACTIONS):
        raise invalid(f"actions are {', '.join(_ACTIONS)}")
    more = check(said.get("properties", {}), {"timeout": optional(WHOLE)})
    callback = call.device.callback
    callback.actions = {name: str(target) for name, target in actions.items()}
    callback.timeout_min = more.get("timeout", callback.timeout_min)
    return EMPTY


async def called_back(call: Call) -> object:
    """Take what an HTTP device sends. What is no JSON is 200 all the same, and lost."""
    device, premises = _http_device(call), call.premises
    now_ms = call.world.clock.now_ms()
    device.callback.heard_ms = device.changed_ms = now_ms
    device.connected_ms = device.connected_ms or now_ms
    device.ip_address = call.query.get("ip", call.request.remote or "")
    device.rx_bytes += len(call.raw)
    try:
        data: object = orjson.loads(call.raw)
    except orjson.JSONDecodeError:
        _note(call, None, "no JSON")
        return _response(call)
    _note(call, data)
    actions = device.callback.actions
    if "write_bucket" in actions:
        time_ms = call.whole("ts")
        point = {"ts": time_ms, **data} if time_ms is not None and isinstance(data, dict) else data
        bucket = call.world.bucket(call.account, actions["write_bucket"])
        premises.intake.store(call.account, bucket, point)
    if "call_endpoint" in actions:
        premises.intake.call(call.account, actions["call_endpoint"], data)
    if "set_property" in actions:
        premises.intake.set_property(call.account, device, actions["set_property"], data)
    return _response(call)


async def response_data(call: Call) -> object:
    """Answer a device without its sending anything."""
    _http_device(call)
    return _response(call)


def _response(call: Call) -> object:
    id = call.device.callback.actions.get("send_property")
    return call.device.properties.get(id, None) if id in call.device.properties else EMPTY


def _http_device(call: Call) -> Device:
    if call.device.type != "HTTP" or not call.device.is_enabled:
        raise ApiError(400, "", f"device {call.device.id} does not speak HTTP")
    return call.device


def _value(call: Call, id: str) -> object:
    if id not in call.device.properties:
        raise not_found(f"property {id[:40]}")
    return call.device.properties[id]


def _set(call: Call, id: str, value: object) -> None:
    if not NAME.fullmatch(id):
        raise invalid("a property id is of letters, digits or _, 32 at the most")
    call.premises.intake.set_property(call.account, call.device, id, value)


def _note(call: Call, content: object, verdict: str = "") -> None:
    journal = call.premises.journal
    journal.counts["callbacks"] += 1
    user, device, now_ms = call.account.id, call.device.id, call.world.clock.now_ms()
    number = journal.next_number()
    received = Received(number, now_ms, "callback", user, device, "data", content, verdict)
    journal.keep(received, len(call.raw))


ROUTES = (
    Route("GET", PROPERTIES, list_properties, action="ListDeviceProperties"),
    Route("POST", PROPERTIES, add, action="CreateDeviceProperty"),
    Route("GET", PROPERTIES + "/{property}", get, action="ReadDeviceProperty"),
    Route("PUT", PROPERTIES + "/{property}", put, action="UpdateDeviceProperty"),
    Route("PATCH", PROPERTIES + "/{property}", change, action="UpdateDeviceProperty"),
    Route("DELETE", PROPERTIES + "/{property}", delete, action="DeleteDeviceProperty"),
    Route("PUT", CALLBACK, configure, action="UpdateDeviceCallback"),
    Route("POST", CALLBACK, called_back, action=ACCESS_CALLBACK),
    Route("POST", CALLBACK + "/data", called_back, action=ACCESS_CALLBACK),
    Route("GET", CALLBACK + "/data", response_data, action=ACCESS_CALLBACK),
)
