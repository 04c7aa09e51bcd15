"""REST: devices, their statistics and tokens.

Source: Thinger.io REST API, Devices API; Thinger.io API description 2025.
"""

from __future__ import annotations

import asyncio
import contextlib

import orjson
from aiohttp import web

from gatewayd.clouds.thinger.names import DEVICE_ID
from gatewayd.clouds.thinger.sandbox.call import EMPTY, Call, Route
from gatewayd.sandbox.errors import invalid

DEVICES = "/v1/users/{user}/devices"
DEVICE = DEVICES + "/{device}"
STATS_S = 1.0
"""Between two events of the statistics, while the device is connected."""


async def list_devices(call: Call) -> object:
    """All devices, or those whose id, name or type is asked for."""
    now_ms = call.world.clock.now_ms()
    wanted = call.query.get("id", "")
    if wanted and not DEVICE_ID.fullmatch(wanted):
        raise invalid("the device's name to search for is not valid")
    found = [
        each
        for each in call.account.devices.values()
        if wanted in each.id
        and call.query.get("name", "") in each.name
        and call.query.get("type", each.type) == each.type
    ]
    count, index = call.whole("count") or 0, call.whole("index") or 0
    page = found[index * count : (index + 1) * count] if count > 0 else found
    return [each.shown(call.account.id, now_ms) for each in page]


async def add(call: Call) -> object:
    """Make a device, from the first description's body or from today's."""
    call.world.add_device(call.account, call.body())
    return EMPTY


async def get(call: Call) -> object:
    """One device."""
    return call.device.shown(call.account.id, call.world.clock.now_ms())


async def change(call: Call) -> object:
    """Change some fields."""
    call.world.change_device(call.device, call.body())
    return EMPTY


async def delete(call: Call) -> object:
    """Delete a device that is not connected."""
    call.world.delete_device(call.account, call.name("device"))
    return EMPTY


async def stats(call: Call) -> object:
    """The latest connection; as server-sent events while it lasts, where those are asked for."""
    if not DEVICE_ID.fullmatch(call.name("device")):
        raise invalid("the device's name is not valid")
    device, clock = call.device, call.world.clock
    if "text/event-stream" not in call.request.headers.get("Accept", ""):
        return device.stats(clock.now_ms())
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(call.request)
    with contextlib.suppress(ConnectionError):
        while True:
            data = orjson.dumps(device.stats(clock.now_ms()))
            await response.write(b"data: " + data + b"\n\n")
            if not device.is_connected:
                await response.write_eof()
                return response
            await asyncio.sleep(STATS_S)
    return response


async def list_tokens(call: Call) -> object:
    """The device's tokens."""
    return [each.shown() for each in call.device.tokens.values()]


async def add_token(call: Call) -> object:
    """Make a token, perhaps for some resources, perhaps for a while."""
    return call.premises.doors.add_device_token(call.account, call.device, call.body()).shown()


async def delete_token(call: Call) -> object:
    """Delete a token; it opens nothing any more."""
    call.premises.doors.delete_device_token(call.device, call.name("token"))
    return EMPTY


ROUTES = (
    Route("GET", DEVICES, list_devices, action="ListDevices"),
    Route("POST", DEVICES, add, action="CreateDevice"),
    Route("GET", DEVICE, get, action="ReadDevice"),
    Route("PUT", DEVICE, change, action="UpdateDevice"),
    Route("DELETE", DEVICE, delete, action="DeleteDevice"),
    Route("GET", DEVICE + "/stats", stats, action="ReadDeviceStatistics"),
    Route("GET", "/v3/users/{user}/devices/{device}/stats", stats, action="ReadDeviceStatistics"),
    Route("GET", DEVICE + "/tokens", list_tokens, action="ListDeviceTokens"),
    Route("POST", DEVICE + "/tokens", add_token, action="CreateDeviceToken"),
    Route("DELETE", DEVICE + "/tokens/{token}", delete_token, action="DeleteDeviceToken"),
)
