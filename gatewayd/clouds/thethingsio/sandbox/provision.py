"""What people do at the vendor's panel: make things, codes, apps, firmware; in one document."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable

from gatewayd.clouds.thethingsio.answers import TOKEN
from gatewayd.clouds.thethingsio.sandbox.errors import bad
from gatewayd.clouds.thethingsio.sandbox.records import App, Firmware
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, World
from gatewayd.sandbox.bodies import (
    FILLED,
    LIST,
    TEXT,
    TEXTS,
    Document,
    Field,
    Shape,
    check,
    optional,
)

_DOCUMENT = {name: optional(LIST) for name in ("codes", "apps", "users", "things", "firmwares")}
_TOKEN = Field(
    "8 to 128 letters, digits, - or _",
    lambda value: isinstance(value, str) and TOKEN.fullmatch(value) is not None,
)
_CODE = {"code": optional(_TOKEN), "product": optional(TEXT)}
_APP = {"id": FILLED, "resources": optional(TEXTS)}
_USER = {"email": FILLED, "password": FILLED, "app": optional(TEXT), "things": optional(TEXTS)}
_THING = {
    "token": optional(_TOKEN),
    "id": optional(_TOKEN),
    "name": optional(TEXT),
    "product": optional(TEXT),
    "tags": optional(TEXTS),
}
_FIRMWARE = {
    "id": optional(FILLED),
    "mcu": optional(TEXT),
    "version": FILLED,
    "name": optional(TEXT),
    "product": optional(TEXT),
    "data_base64": TEXT,
}


def provision(world: World, document: Document) -> Document:
    """Make what the document says and return it, with the tokens, ids and codes made up here.

    {"codes": [{}], "apps": [{"id": "app", "resources": ["temperature"]}],
     "things": [{"token": "…", "name": "Boiler room", "tags": ["north"]}],
     "users": [{"email": "ann@example.com", "password": "…", "app": "app", "things": ["ID"]}],
     "firmwares": [{"mcu": "main", "version": "3", "data_base64": "…"}]}

    Everything of an entry but what stands for itself may be left out.

    Raises:
        ApiError: something is wrong or taken; what stands before it has been made.
    """
    check(document, _DOCUMENT)
    made: Document = {}
    for name, make, shape in _ROWS:
        made[name] = [
            make(world, check(each, shape, place=name)) for each in document.get(name, ())
        ]
    return made


def _thing(world: World, asked: Document) -> Document:
    tags = asked.pop("tags", ())
    thing = world.add_thing(**asked)
    thing.tags |= {f"tag-{number}": name for number, name in enumerate(tags)}
    return {"token": thing.token, "id": thing.id, "name": thing.name}


def _user(world: World, asked: Document) -> Document:
    app = asked.get("app", FIRST_APP)
    user = world.register(asked["email"], asked["password"], app)
    user.things |= {world.thing_of(id).id for id in asked.get("things", ())}
    return {"email": user.email, "app": app}


def _firmware(world: World, asked: Document) -> Document:
    try:
        data = base64.b64decode(asked["data_base64"], validate=True)
    except binascii.Error:
        raise bad("data_base64 is no base64") from None
    made = Firmware(
        asked.get("id") or f"firmware-{len(world.firmwares) + 1}",
        asked.get("mcu", "main"),
        asked["version"],
        data,
        asked.get("name", ""),
        asked.get("product", ""),
    )
    world.firmwares[made.id] = made
    return {"id": made.id, "sha256": hashlib.sha256(data).hexdigest()}


def _app(world: World, asked: Document) -> Document:
    resources = frozenset(asked["resources"]) if "resources" in asked else None
    world.apps[asked["id"]] = App(asked["id"], resources)
    return asked


def _code(world: World, asked: Document) -> str:
    return world.add_code(**asked).code


_ROWS: tuple[tuple[str, Callable[[World, Document], object], Shape], ...] = (
    ("apps", _app, _APP),
    ("codes", _code, _CODE),
    ("things", _thing, _THING),
    ("users", _user, _USER),
    ("firmwares", _firmware, _FIRMWARE),
)
"""In the order in which they need each other."""
