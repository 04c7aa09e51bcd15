"""Arguments of any annotated type out of hostile bytes.

Strategy: the first run of bytes or text takes what is there, from the front, so that a captured
frame is an input as it is. What stands beside it (a number, a switch, a choice) is taken from the
end, so that changing it does not move the frame.
"""

from __future__ import annotations

import struct
import types
import uuid
from collections import abc
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from inspect import Parameter, signature
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

ITEMS_MAX = 4
"""In a list or a table made of bytes; more only spend them."""

DEPTH_MAX = 6


OWN_WORDS = 192
"""Of 256 keys of a table so many are such as its module knows."""


class KnownInt:
    """Stands for whole numbers that a module names: a company, a function code."""


class KnownStr:
    """Stands for words that a module names: a UUID, a header."""


KNOWN: abc.Mapping[Any, type] = types.MappingProxyType({int: KnownInt, str: KnownStr})


class NotMakeable(Exception):
    """No bytes make a value of this type."""


class Source:
    """Bytes, taken from either end; an empty one gives zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def rest(self) -> bytes:
        """Take all that is left."""
        taken, self._data = self._data, b""
        return taken

    def front(self, count: int) -> bytes:
        """Take at most so many bytes from the front."""
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def tail(self, count: int = 1) -> bytes:
        """Take so many bytes from the end, zeros where there are none."""
        at = max(0, len(self._data) - count)
        taken, self._data = self._data[at:], self._data[:at]
        return taken.rjust(count, b"\0")

    def pick(self, choices: abc.Sequence[Any]) -> Any:
        """Take a choice."""
        return choices[self.tail()[0] % len(choices)] if len(choices) > 1 else choices[0]


def call_plan(callable_: Any, consts: abc.Mapping[type, list[Any]]) -> list[tuple[str, Any]]:
    """Return what a callable must be given: each parameter's name and type, `self` left out.

    Parameters with a default are left to it, but for a function's bytes and text.

    Raises:
        NotMakeable: there is one that bytes cannot make.
    """
    plain = vars(callable_).get("__init__") if isinstance(callable_, type) else callable_
    try:
        wanted = signature(callable_).parameters.values()
    except ValueError as error:
        raise NotMakeable(str(error)) from error
    hints = _hints(plain) if plain else {}
    plan = []
    for each in wanted:
        if each.name == "self":
            continue
        if each.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            continue
        is_run = hints.get(each.name) in (bytes, str) and plain is callable_
        if each.default is not Parameter.empty and not is_run:
            continue
        if each.name not in hints:
            raise NotMakeable(each.name)
        make(hints[each.name], Source(b""), consts)
        plan.append((each.name, hints[each.name]))
    return plan


def arguments(
    plan: list[tuple[str, Any]], source: Source, consts: abc.Mapping[type, list[Any]]
) -> dict[str, Any]:
    """Return arguments for a plan: what stands beside the bytes first, then the bytes."""
    runs = [name for name, kind in plan if kind in (bytes, str)]
    made = {name: make(kind, source, consts) for name, kind in plan if name not in runs}
    kinds = dict(plan)
    for name in runs[:-1]:
        made[name] = _run(kinds[name], source.front(source.tail()[0]))
    for name in runs[-1:]:
        made[name] = _run(kinds[name], source.rest())
    return made


@cache
def _hints(told: Any) -> dict[str, Any]:
    try:
        return get_type_hints(told)
    except (NameError, TypeError) as error:  # A type that only type checkers import.
        raise NotMakeable(str(error)) from error


def _run(kind: Any, data: bytes) -> bytes | str:
    return data if kind is bytes else data.decode("utf-8", "replace")


def make(kind: Any, source: Source, consts: abc.Mapping[type, list[Any]], depth: int = 0) -> Any:
    """Return a value of a type.

    Args:
        consts: what the type's own module keeps of it by name: a frame format, a table.

    Raises:
        NotMakeable: no bytes make one.
    """
    if depth > DEPTH_MAX:
        raise NotMakeable("too deep")
    if isinstance(kind, type) and kind in consts:
        return source.pick(consts[kind])
    origin, inner = get_origin(kind), get_args(kind)
    if origin is None:
        return _plain(kind, source, consts, depth)
    if origin is Literal:
        return source.pick(inner)
    if origin in (Union, types.UnionType):
        return make(source.pick(inner), source, consts, depth + 1)
    count = source.tail()[0] % (ITEMS_MAX + 1)
    if origin is tuple and inner[-1:] != (...,):
        return tuple(make(each, source, consts, depth + 1) for each in inner)
    if origin in (list, tuple, abc.Sequence, abc.Iterable, abc.Collection, set, frozenset):
        many = [make(inner[0], source, consts, depth + 1) for _ in range(count)]
        return tuple(many) if origin is tuple else many
    if origin in (dict, abc.Mapping):
        key, value = inner
        return {
            _key(key, source, consts, depth): make(value, source, consts, depth + 1)
            for _ in range(count)
        }
    raise NotMakeable(str(kind))


def _key(kind: Any, source: Source, consts: abc.Mapping[type, list[Any]], depth: int) -> Any:
    """Return a key of a table; no mutation would guess one that means something."""
    known, byte = consts.get(KNOWN.get(kind, KnownInt)), source.tail()[0]
    if known and byte < OWN_WORDS and kind in KNOWN:
        return known[byte % len(known)]
    return make(kind, source, consts, depth + 1)


def _member(
    name: str, kind: Any, source: Source, consts: abc.Mapping[type, list[Any]], depth: int
) -> Any:
    """Return a member of a value; a radio's address is its adapter's, in no other form."""
    if name == "address":
        return source.tail(6).hex(":").upper()
    return make(kind, source, consts, depth + 1)


def _plain(kind: Any, source: Source, consts: abc.Mapping[type, list[Any]], depth: int) -> Any:
    match kind:
        case types.NoneType | None:
            return None
        case _ if kind is bool:
            return bool(source.tail()[0] & 1)
        case _ if kind is int:
            return int.from_bytes(source.tail(2), "big")
        case _ if kind is float:
            return struct.unpack(">d", source.tail(8))[0]
        case _ if kind in (bytes, str):
            return _run(kind, source.front(source.tail()[0]))
        case _ if kind is uuid.UUID:
            return uuid.UUID(bytes=source.tail(16))
        case _ if isinstance(kind, type) and issubclass(kind, Enum):
            return source.pick(list(kind))
    if is_typeddict(kind) or not isinstance(kind, type) or "Config" in kind.__name__:
        raise NotMakeable(str(kind))
    if is_dataclass(kind):
        hints = _hints(kind)
        needed = [each for each in fields(kind) if each.init]
        values = {
            each.name: _member(each.name, hints[each.name], source, consts, depth)
            for each in needed
            if each.default is MISSING or depth < 2
        }
        try:
            return kind(**values)
        except ValueError as error:
            raise NotMakeable(f"{kind.__name__} refuses: {error}") from error
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = _hints(kind)
        return kind(*(make(hints[each], source, consts, depth + 1) for each in hints))
    raise NotMakeable(str(kind))
