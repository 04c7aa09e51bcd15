"""The resources of a user's things: names, values, streams, writes, descriptions.

Source: thethings.iO App Development guide, "Accessing the user's resources", "Magic resources";
API reference rows 14 and 17 to 20.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from gatewayd.clouds.thethingsio.sandbox.call import Answer, Call, Route, success
from gatewayd.clouds.thethingsio.sandbox.errors import bad
from gatewayd.clouds.thethingsio.sandbox.hub import News, Render, Wish, Written
from gatewayd.clouds.thethingsio.sandbox.magic import is_magic
from gatewayd.clouds.thethingsio.sandbox.records import DESCRIPTION, User
from gatewayd.clouds.thethingsio.sandbox.rest_things import set_description
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.sandbox.bodies import LIST, Document


async def names(call: Call) -> Answer:
    """Return every resource that the user may see, and whose it is."""
    found: dict[str, list[str]] = {}
    for key, thing_id in call.world.visible(call.user):
        found.setdefault(key, []).append(thing_id)
    return Answer([{"name": key, "things": things} for key, things in found.items()])


async def values(call: Call) -> Answer | web.StreamResponse:
    """Return values of one resource of all things, or push them from now on."""
    key, world, user = call.names["key"], call.world, call.user
    if call.flag("subscribe", default=False):
        wish = Wish(news_of(world, user, key), call.keep_alive_s())
        return await call.premises.hub.serve(call.request, wish)
    found: Document = {}
    for name, thing_id in world.visible(user):
        if name == key and "get" in world.rights(user, key, thing_id):
            thing = world.ids[thing_id]
            rows = call.rows(thing, key) if key in thing.timelines else []
            found[thing_id] = [_without_key(row) for row in rows]
    return Answer(found)


def _without_key(row: Document) -> Document:
    return {name: value for name, value in row.items() if name != "key"}


def news_of(world: World, user: User, key: str) -> Render:
    """Return what shows a user each new value of a resource, as far as he may see it."""

    def render(news: News) -> bytes | None:
        if not isinstance(news, Written) or "get" not in world.rights(user, key, news.thing.id):
            return None
        values = [entry.value for entry in news.entries if entry.key == key]
        rows = [{"value": value, "id": news.thing.id} for value in values]
        return orjson.dumps(rows) if rows else None

    return render


async def values_of_one(call: Call) -> Answer:
    """Return values of one resource of one thing."""
    key = call.names["key"]
    thing = call.world.permitted(call.user, key, call.names["id"], "get")
    if key == DESCRIPTION and key not in thing.timelines:
        return Answer([])
    return Answer(call.rows(thing, key))


async def write(call: Call) -> Answer:
    """Take an app's values for a thing: this is how a command reaches a gateway."""
    key = call.names["key"]
    thing = call.world.permitted(call.user, key, call.names["id"], "post")
    entries = call.checked({"values": LIST})["values"]
    if not all(isinstance(entry, dict) for entry in entries):
        raise bad("an entry is no object")
    call.premises.intake.take(
        thing,
        orjson.dumps({"values": [{**entry, "key": key} for entry in entries]}),
        "app",
        store=call.flag("store", default=True),
        broadcast=call.flag("broadcast", default=True),
    )
    if is_magic(key):
        return Answer({"status": "created"}, 201)
    return success("Created", 201, "Success")


async def describe(call: Call) -> Answer:
    """Replace the description of a thing, the whole document."""
    thing = call.world.permitted(call.user, DESCRIPTION, call.names["id"], "put")
    return set_description(call, thing)


ROUTES = (
    Route("GET", "/me/resources", names),
    Route("PUT", "/me/resources/description/{id}", describe),
    Route("GET", "/me/resources/{key}", values),
    Route("GET", "/me/resources/{key}/{id}", values_of_one),
    Route("POST", "/me/resources/{key}/{id}", write),
)
