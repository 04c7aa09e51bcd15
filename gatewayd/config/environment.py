"""Values from the environment: `GATEWAYD_UPLINK__THINGPLUS__API_KEY` over `api_key` in the file.

A variable can write letters, digits and `_` only, so a name in the file is matched with `-` and
`.` read as `_` and capitals as small letters. Text needs no quotes; what begins with `[`, `{` or a
quote, and whole numbers such as `0x76`, are read as the file would read them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Problem, nearest_of, one_of

PREFIX = "GATEWAYD_"
OTHER = frozenset({"GATEWAYD_CONFIG"})
"""Variables of ours that are not values of the file."""

SECTIONS = ("gateway", "clock", "outbox", "totals", "console", "port", "device", "uplink")
NAMED = ("port", "device", "uplink")
"""Sections of which there are many: a variable changes one of the file, it cannot add one."""

_LITERAL = re.compile(r"[\[{\"'].*|0x[0-9A-Fa-f_]+", re.DOTALL)


def override(
    document: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[Keys, str], list[Problem]]:
    """Return the document with the environment's values, whence each came, and what is wrong."""
    ours = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    ours = {name: text for name, text in ours.items() if name not in OTHER}
    if not ours:
        return dict(document), {}, []  # And 5 MiB of pydantic-settings stay unimported.
    sources: dict[Keys, str] = {}
    problems = []
    merged = _copy(document)
    for name in sorted(ours):
        problem = _misnamed(name, document)
        if problem is not None:
            problems.append(problem)
            continue
        for way, text in _leaves(_explode({name: ours[name]})):
            sources[_place(merged, way, _literal(text))] = name
    return merged, sources, problems


def _explode(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return nested tables for variable names with `__` between their parts; all values text."""
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

    class File(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")
        __annotations__ = dict.fromkeys(SECTIONS, dict[str, Any])

    class Source(EnvSettingsSource):
        def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
            return value  # Not JSON: a key or password may be all digits and is still text.

    source = Source(File)
    source.env_vars = {name.lower(): text for name, text in variables.items()}
    return source()


def _misnamed(name: str, document: Mapping[str, Any]) -> Problem | None:
    """Return what is wrong with a variable's name, as far as sections and their names go."""
    file = f"environment variable {name}"
    section, *way = name.removeprefix(PREFIX).lower().split("__")
    if section not in SECTIONS:
        nearest = nearest_of(section, SECTIONS)
        nearest = f"{PREFIX}{nearest.upper()}__…" if nearest else None
        return Problem(file, 0, 0, f"unknown section {section}", one_of(SECTIONS), nearest)
    depth = 2 if section in NAMED else 1
    if len(way) < depth or "" in way:
        form = "SECTION__NAME__KEY" if section in NAMED else "SECTION__KEY"
        return Problem(file, 0, 0, "no key in its name", f"expected {PREFIX}{form}")
    if section in NAMED:
        table = document.get(section)
        known = list(table) if isinstance(table, Mapping) else []
        if way[0] not in map(_fold, known):
            nearest = nearest_of(way[0], known)
            return Problem(
                file, 0, 0, f"no [{section}.{way[0]}] in the file", one_of(known), nearest
            )
    return None


def _leaves(table: Mapping[str, Any], way: tuple[str, ...] = ()) -> Iterator[tuple[Any, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*way, key))
        else:
            yield (*way, key), value


def _place(table: dict[str, Any], way: tuple[str, ...], value: object) -> Keys:
    """Put a value where the way leads, by the file's own names, and return those."""
    *above, last = way
    keys: list[str] = []
    for part in above:
        keys.append(next((key for key in table if _fold(key) == part), part))
        inner = table.setdefault(keys[-1], {})
        if not isinstance(inner, dict):  # The file has a plain value where a table belongs.
            inner = table[keys[-1]] = {}
        table = inner
    keys.append(next((key for key in table if _fold(key) == last), last))
    table[keys[-1]] = value
    return tuple(keys)


def _fold(name: str) -> str:
    return re.sub("[^a-z0-9_]", "_", name.lower())


def _literal(text: str) -> object:
    """Return what the file would read from the text, or the text itself."""
    if _LITERAL.fullmatch(text):
        try:
            return tomllib.loads(f"value = {text}\n")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _copy(table: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, dict) else v for k, v in table.items()}
