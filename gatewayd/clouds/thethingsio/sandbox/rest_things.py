"""What a thing may ask with its token in the path: write, read, listen, tags, firmware.

Source: thethings.iO API reference, "Things"; specification rows 1 to 10, 32 and 33.
"""

from __future__ import annotations

import secrets

from aiohttp import web

from gatewayd.clouds.thethingsio.codec import Entry, encode_push, encode_write
from gatewayd.clouds.thethingsio.sandbox.call import FORM, Answer, Auth, Call, Route, success
from gatewayd.clouds.thethingsio.sandbox.errors import bad, missing
from gatewayd.clouds.thethingsio.sandbox.hub import News, Render, Wish, Written
from gatewayd.clouds.thethingsio.sandbox.records import DESCRIPTION, Thing
from gatewayd.sandbox.bodies import FILLED, TEXT, Document, optional

TAGS_MAX = 1000
TAG_LETTERS_MAX = 128

_CODE = {
    "activationCode": FILLED,
    "productId": optional(TEXT),
}


async def activate(call: Call) -> Answer:
    """Spend an activation code on a new thing."""
    body = call.body()
    if not body.get("activationCode"):
        raise bad("activationCode is required")
    body = call.checked(_CODE)
    thing = call.world.activate(body["activationCode"], body.get("productId", ""))
    return success("thing activated", 201, "created", thingToken=thing.token)


async def write(call: Call) -> Answer:
    """Take a thing's values."""
    is_form = call.request.content_type == FORM
    call.premises.intake.take(
        call.thing(),
        encode_form(call.body()) if is_form else call.raw,
        "http",
        store=call.flag("store", default=True),
        broadcast=call.flag("broadcast", default=True),
    )
    return success("created", 201, "created")


def encode_form(body: Document) -> bytes:
    """Return the write that a form stands for. Raises ApiError."""
    values = body.get("values")
    if not isinstance(values, list) or not all("key" in value for value in values):
        raise bad("no values")
    return encode_write(Entry(value["key"], value.get("value")) for value in values)


async def listen(call: Call) -> web.StreamResponse:
    """Push every write to the thing for as long as the caller listens."""
    thing = call.thing()
    return await call.premises.hub.serve(
        call.request, Wish(pushes_of(thing), call.keep_alive_s(), thing.token)
    )


def pushes_of(thing: Thing) -> Render:
    """Return what shows a thing's own listener each write."""

    def render(news: News) -> bytes | None:
        is_own = isinstance(news, Written) and news.thing is thing
        return encode_push(news.entries) if is_own and isinstance(news, Written) else None

    return render


async def read(call: Call) -> Answer:
    """Return values of one resource."""
    return Answer(call.rows(call.thing(), call.names["key"]))


async def keys(call: Call) -> Answer:
    """Return the names of the thing's resources."""
    return Answer({"status": "success", "resources": list(call.thing().timelines)})


async def last_values(call: Call) -> Answer:
    """Return the newest values of every resource."""
    thing = call.thing()
    return Answer([{"key": key, "values": call.rows(thing, key)} for key in thing.timelines])


async def describe(call: Call) -> Answer:
    """Replace the thing's description."""
    return set_description(call, call.thing())


def set_description(call: Call, thing: Thing) -> Answer:
    """Store a description whole; nobody is told."""
    entry = Entry(DESCRIPTION, call.body())
    call.premises.intake.take(thing, encode_write([entry]), "app", broadcast=False)
    return success("updated")


async def add_tag(call: Call) -> Answer:
    """Add one tag or several."""
    thing, body = call.thing(), call.body()
    names = body["tags"] if "tags" in body else [body.get("name", body.get("tag"))]
    if not isinstance(names, list) or not names or not all(map(_is_tag, names)):
        raise bad("name is required")
    if len(thing.tags) + len(names) > TAGS_MAX:
        raise bad(f"More than {TAGS_MAX} tags")
    made = {secrets.token_urlsafe(9): name for name in names}
    thing.tags |= made
    return success("created", 201, "created", id=next(iter(made)), ids=list(made))


def _is_tag(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= TAG_LETTERS_MAX


async def tags(call: Call) -> Answer:
    """Return the thing's tags."""
    found = [{"_id": id, "name": name} for id, name in call.thing().tags.items()]
    return Answer({"status": "success", "tags": found})


async def delete_tag(call: Call) -> Answer:
    """Delete a tag."""
    if call.thing().tags.pop(call.names["tag"], None) is None:
        raise missing("Tag")
    return success("deleted")


ROUTES = (
    Route("POST", "/things", activate, Auth.NONE),
    Route("POST", "/things/{token}", write, Auth.TOKEN),
    Route("GET", "/things/{token}", listen, Auth.TOKEN),
    Route("GET", "/things/{token}/resources", keys, Auth.TOKEN),
    Route("GET", "/things/{token}/resources/{key}", read, Auth.TOKEN),
    Route("PUT", "/things/{token}/resources/description", describe, Auth.TOKEN),
    Route("GET", "/things/{token}/all_resources", last_values, Auth.TOKEN),
    Route("POST", "/things/{token}/tags", add_tag, Auth.TOKEN),
    Route("GET", "/things/{token}/tags", tags, Auth.TOKEN),
    Route("DELETE", "/things/{token}/tags/{tag}", delete_tag, Auth.TOKEN),
)
