"""Typed looks at one JSON object of a cloud's: what is said, and what counts as not said; pure.

A field that is missing or of another type reads as "not said": answers differ with the query, the
age of the record and the version of the API. Numbers may be written as texts, and booleans as `y`
and `n`, because some clouds do.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatewayd.errors import Malformed

Json = Mapping[str, object]


def text(record: Json, key: str) -> str:
    """Return a text or a number as text, otherwise an empty one."""
    value = record.get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def needed(record: Json, key: str) -> str:
    """Return a text that must be there.

    Raises:
        Malformed: it is not.
    """
    value = text(record, key)
    if not value:
        raise Malformed(f"the cloud sends a record without {key!r}")
    return value


def whole(record: Json, key: str) -> int | None:
    """Return a whole number, also from text (`"60000"`), or None."""
    value = record.get(key)
    if isinstance(value, str):
        digits = value.removeprefix("-")
        is_number = digits.isascii() and digits.isdecimal() and len(digits) < 20
        return int(value) if is_number else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(record: Json, key: str) -> bool | None:
    """Return a boolean, also from `y`, `n`, `true` and `false`, or None."""
    value = record.get(key)
    known = {"y": True, "true": True, "n": False, "false": False}
    return (
        known.get(value) if isinstance(value, str) else value if isinstance(value, bool) else None
    )


def texts(record: Json, key: str) -> tuple[str, ...]:
    """Return the texts in a list; whatever else is in it is not one."""
    value = record.get(key)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def objects(record: Json, key: str) -> tuple[Json, ...]:
    """Return the objects in a list; whatever else is in it is not one."""
    value = record.get(key)
    found = value if isinstance(value, list) else ()
    return tuple(each for each in found if isinstance(each, Mapping))


def inner(record: Json, key: str) -> Json | None:
    """Return an object inside the object, or None."""
    value = record.get(key)
    return value if isinstance(value, Mapping) else None
