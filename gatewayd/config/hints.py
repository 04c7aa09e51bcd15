"""What can be told from a type annotation: secrets inside, nested tables, a value to stand in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from gatewayd.config.positions import Keys
from gatewayd.fields import Seconds, Secret, Size

_STAND_INS: tuple[tuple[object, object], ...] = (
    (Seconds, "1s"),
    (Size, "1 MiB"),
    (Secret, ""),
    (Path, "/"),
    (str, "unknown"),
    (bool, False),
    (int, 0),
    (float, 0.0),
)


def hint_at(hint: object, way: Keys) -> object:
    """Return the type of what `way` leads to inside a type; None where that cannot be told."""
    for part in way:
        kind = dataclass_in(hint)
        if kind is not None:
            hint = get_type_hints(kind, include_extras=True).get(str(part))
        else:
            hint = next(iter(reversed(get_args(hint))), None)
    return hint


def types_inside(hint: object, *, is_deep: bool) -> set[object]:
    """Return a type and those it is made of; if deep, those of a dataclass's fields too."""
    seen: set[object] = set()
    todo = [hint]
    while todo:
        part = todo.pop()
        if isinstance(part, type) and is_dataclass(part) and is_deep and part not in seen:
            todo += get_type_hints(part, include_extras=True).values()
        todo += get_args(part)
        if isinstance(part, Hashable):
            seen.add(part)
    return seen


def dataclass_in(hint: object) -> type | None:
    """Return the dataclass that a type is or may be (`Limits | None`), if there is one."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    for part in get_args(hint):
        if isinstance(part, type) and is_dataclass(part) and not _is_mapping(hint):
            return part
    return None


def _is_mapping(hint: object) -> bool:
    origin = getattr(hint, "__origin__", None)
    return isinstance(origin, type) and issubclass(origin, Mapping | list | tuple)


def stand_in(hint: object) -> object:
    """Return some value that the file could give for a type; None where none is easily had."""
    for kind, value in _STAND_INS:
        if hint == kind:
            return value
    for part in get_args(hint):
        if get_origin(hint) is Literal:
            return part
        value = stand_in(part)
        if value is not None:
            return value
    return None
