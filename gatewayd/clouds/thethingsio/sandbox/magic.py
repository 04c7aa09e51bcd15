"""The resources that begin with `$`: where a thing is, and its settings.

Chosen where the vendor's pages are silent: `$settings` is merged, not replaced; a path makes the
objects it needs; what is not there reads as null; other names are 400.

Source: thethings.iO App Development guide, "Magic resources"; API reference.
"""

from __future__ import annotations

from typing import Any

from gatewayd.clouds.thethingsio.codec import GEO, SETTINGS, Entry, decode_point, encode_point
from gatewayd.clouds.thethingsio.sandbox.errors import bad
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.errors import Malformed

DEPTH_MAX = 20
"""Levels of a dotted path."""


def is_magic(key: str) -> bool:
    """Return whether a resource has a behaviour of its own."""
    return key.startswith("$")


def check_magic(entry: Entry) -> None:
    """Raise ApiError, 400, unless a write of this magic resource would be understood."""
    if entry.key == GEO:
        try:
            decode_point(entry)
        except Malformed as error:
            raise bad(str(error)) from None
    elif entry.key == SETTINGS:
        if not isinstance(entry.value, dict):
            raise bad("$settings is no object")
    else:
        path_of(entry.key)


def write_magic(thing: Thing, entry: Entry) -> None:
    """Do what a checked write of a magic resource asks for."""
    if entry.key == GEO:
        thing.geo = decode_point(entry)
    elif entry.key == SETTINGS:
        thing.settings |= entry.value
    else:
        *way, last = path_of(entry.key)
        inner: dict[str, Any] = thing.settings
        for name in way:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[last] = entry.value


def read_magic(thing: Thing, key: str) -> Any:
    """Return the one value that a magic resource has now. Raises ApiError."""
    if key == GEO:
        return None if thing.geo is None else encode_point(thing.geo)
    if key == SETTINGS:
        return thing.settings
    found: Any = thing.settings
    for name in path_of(key):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def path_of(key: str) -> list[str]:
    """Return the names in `$settings.a.b`. Raises ApiError."""
    first, *path = key.split(".")
    if first != SETTINGS or not path:
        raise bad("Unknown magic resource")
    if not all(path) or len(path) > DEPTH_MAX:
        raise bad(f"{key} is no path")
    return path
