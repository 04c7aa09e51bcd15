"""Request bodies checked against what an endpoint takes: names, types, nothing more. Pure.

A shape is a mapping from member name to `Field`. Whatever does not fit is an ApiError 400:
missing, of another type, or unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gatewayd.sandbox.errors import ApiError, schema

Document = dict[str, Any]
"""A JSON object of an API. `Any`, because that is what it is: checked where it enters."""

BODY_BYTES_MAX = 4 * 1024 * 1024
DEPTH_MAX = 64
"""Levels of a body. What is kept must be written again, and JSON writers give up near 250."""


@dataclass(frozen=True, slots=True)
class Field:
    """One member: what its value must be, in words and as a test, and whether it must be there."""

    words: str
    is_valid: Callable[[object], bool]
    is_required: bool = True


def required(field: Field) -> Field:
    """Return the field as one that must be there."""
    return Field(field.words, field.is_valid, is_required=True)


def optional(field: Field) -> Field:
    """Return the field as one that may be missing."""
    return Field(field.words, field.is_valid, is_required=False)


def one_of(*words: str) -> Field:
    """Return a field that holds one of these words."""
    return Field(" or ".join(words), lambda value: value in words)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TEXT = Field("text", lambda value: isinstance(value, str))
FILLED = Field("text that is not empty", lambda value: isinstance(value, str) and value != "")
NUMBER = Field("a number", _is_number)
WHOLE = Field("a whole number", _is_whole)
BOOL = Field("true or false", lambda value: isinstance(value, bool))
OBJECT = Field("an object", lambda value: isinstance(value, dict))
LIST = Field("a list", lambda value: isinstance(value, list))
TEXTS = Field(
    "a list of texts",
    lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
)
ANY = Field("anything", lambda value: True)
Shape = Mapping[str, Field]


def check(body: object, shape: Shape, *, is_open: bool = False, place: str = "body") -> Document:
    """Return the body as an object of this shape.

    Args:
        is_open: other members are let through.
        place: what to call it in the error.

    Raises:
        ApiError: 400 SCHEMA_VALIDATE.
    """
    if not isinstance(body, dict):
        raise schema(f"{place} is not an object")
    for name, field in shape.items():
        if name not in body:
            if field.is_required:
                raise schema(f"{place} has no {name}")
        elif not field.is_valid(body[name]):
            raise schema(f"{name} of {place} is not {field.words}")
    unknown = sorted(body.keys() - shape.keys())
    if unknown and not is_open:
        raise schema(f"{place} has an unknown member {unknown[0][:80]}")
    return body


def parse_body(raw: bytes) -> object:
    """Return what a request body says; an empty one is an empty object.

    Raises:
        ApiError: 400 JSON_PARSING.
    """
    if not raw:
        return {}
    try:
        body: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "JSON_PARSING", f"not JSON: {error.msg}") from None
    check_depth(body)
    return body


def check_depth(value: object, levels: int = DEPTH_MAX) -> None:
    """Raise ApiError, 400, where lists and objects are nested deeper than anybody means."""
    if isinstance(value, dict | list):
        if not levels:
            raise ApiError(400, "JSON_PARSING", f"nested deeper than {DEPTH_MAX} levels")
        for each in value.values() if isinstance(value, dict) else value:
            check_depth(each, levels - 1)
