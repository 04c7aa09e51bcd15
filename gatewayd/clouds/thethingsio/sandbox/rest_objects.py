"""Objects that apps store, in collections of any depth.

Source: thethings.iO App Development guide, "Objects. Storing App data"; API reference rows 24
to 29. (Row 26 of the reference prints `things` for `classes`; the guide has it right.)
"""

from __future__ import annotations

import orjson
from aiohttp import web

from gatewayd.clouds.thethingsio.sandbox.call import Answer, Call, Route, success
from gatewayd.clouds.thethingsio.sandbox.errors import bad, missing
from gatewayd.clouds.thethingsio.sandbox.hub import News, Render, Stored, Wish
from gatewayd.clouds.thethingsio.sandbox.objects import Shelf, split_path
from gatewayd.sandbox.bodies import Document


def _place(call: Call) -> tuple[Shelf, str | None]:
    """Return whose collection it is, and the primary key. Raises ApiError."""
    words, id = split_path(call.names["path"])
    app = call.user.app.id
    match call.names["tree"]:
        case "me":
            return ("me", app, call.user.email, *words), id
        case "app":
            return ("app", app, *words), id
    raise missing("Collection")


def _object(call: Call) -> tuple[Shelf, str]:
    shelf, id = _place(call)
    if id is None:
        raise bad("the path has no primary key")
    return shelf, id


async def store(call: Call) -> Answer:
    """Store a new object; its id in the path, in the body, or made now."""
    shelf, id = _place(call)
    document: Document = dict(call.body())
    if id is not None:
        document["_id"] = id
    made = call.premises.objects.store(shelf, document)
    call.premises.hub.tell(Stored(shelf, document))
    return success("created", 201, id=made)


async def look(call: Call) -> Answer | web.StreamResponse:
    """Return one object or a collection, or push a collection's changes from now on."""
    shelf, id = _place(call)
    objects = call.premises.objects
    if id is not None:
        return Answer({"results": [objects.get(shelf, id)]})
    if call.flag("subscribe", default=False):
        wish = Wish(news_of(shelf), call.keep_alive_s())
        return await call.premises.hub.serve(call.request, wish)
    return Answer({"results": objects.list(shelf)})


def news_of(shelf: Shelf) -> Render:
    """Return what shows a listener each object that is stored or changed on a shelf."""

    def render(news: News) -> bytes | None:
        is_here = isinstance(news, Stored) and news.shelf == shelf
        return orjson.dumps([news.document]) if is_here and isinstance(news, Stored) else None

    return render


async def update(call: Call) -> Answer:
    """Change some values of an object; the others stay."""
    shelf, id = _object(call)
    changed = call.premises.objects.update(shelf, id, call.body())
    call.premises.hub.tell(Stored(shelf, changed))
    return success("updated")


async def delete(call: Call) -> Answer:
    """Delete an object."""
    call.premises.objects.delete(*_object(call))
    return success("deleted")


ROUTES = (
    Route("POST", "/classes/{tree}/{path...}", store),
    Route("GET", "/classes/{tree}/{path...}", look),
    Route("PUT", "/classes/{tree}/{path...}", update),
    Route("DELETE", "/classes/{tree}/{path...}", delete),
)
