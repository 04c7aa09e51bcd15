"""Firmware of a thing, and what the cloud's clock says.

Downloads answer `Range`, so that a slow line can go on where it broke; the vendor's pages say
nothing of it. The version that is latest is the highest number, of one micro-controller each.

Source: thethings.iO API reference, "Firmwares", "Get Server Date"; vendor's ESP8266 library.
"""

from __future__ import annotations

import hashlib
import re

from aiohttp import web

from gatewayd.clouds.thethingsio.codec import encode_time
from gatewayd.clouds.thethingsio.sandbox.call import Answer, Auth, Call, Route
from gatewayd.clouds.thethingsio.sandbox.errors import bad, missing, refusal
from gatewayd.clouds.thethingsio.sandbox.records import Firmware, Thing

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?")
CHUNK_BYTES = 16 * 1024


async def latest(call: Call) -> Answer:
    """Return the latest firmware of every micro-controller of the thing's product."""
    newest: dict[str, Firmware] = {}
    for each in call.world.firmwares.values():
        if _is_for(each, call.thing()) and (
            each.mcu not in newest or _number(each) > _number(newest[each.mcu])
        ):
            newest[each.mcu] = each
    found = [
        {"_id": each.id, "mcu": each.mcu, "version": each.version, "name": each.name}
        for each in newest.values()
    ]
    call.thing()
    return Answer({"status": "success", "firmwares": found})


async def download(call: Call) -> web.StreamResponse:
    """Send a firmware's bytes, all or from where the caller asks."""
    found = call.world.firmwares.get(call.names["id"])
    if found is None or not _is_for(found, call.thing()):
        raise missing("Firmware")
    data, first, last = found.data, 0, len(found.data) - 1
    tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
    headers = {"Content-Type": "application/octet-stream", "ETag": tag, "Accept-Ranges": "bytes"}
    asked = call.request.headers.get("Range", "")
    if asked and call.request.headers.get("If-Range", tag) == tag:
        match = _RANGE.fullmatch(asked)
        if match is None or int(match[1]) > last:
            raise refusal(416, "Range not satisfiable")
        first, last = int(match[1]), min(int(match[2] or last), last)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    status = 206 if "Content-Range" in headers else 200
    response = web.StreamResponse(status=status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(call.request)
    for place in range(first, last + 1, CHUNK_BYTES):
        await response.write(data[place : min(place + CHUNK_BYTES, last + 1)])
    await response.write_eof()
    return response


def _is_for(firmware: Firmware, thing: Thing) -> bool:
    return firmware.product in ("", thing.product)


def _number(firmware: Firmware) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d{1,9}", firmware.version)))


async def date(call: Call) -> Answer:
    """Return what time it is: `UTC` as text, `unix_timestamp` in seconds."""
    form, now_ms = call.request.query.get("format", "UTC"), call.world.clock.now_ms()
    if form not in ("UTC", "unix_timestamp"):
        raise bad("format is neither UTC nor unix_timestamp")
    value = encode_time(now_ms) if form == "UTC" else now_ms // 1000
    return Answer({"date": value, "values": [{"value": value}]})


ROUTES = (
    Route("GET", "/things/{token}/firmwares/latest", latest, Auth.TOKEN),
    Route("GET", "/things/{token}/firmwares/download/{id}", download, Auth.TOKEN),
    Route("GET", "/utils/date", date, Auth.EITHER),
)
