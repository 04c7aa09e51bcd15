"""The schema agrees with the reader: what one takes the other takes."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatewayd.cli import main
from gatewayd.config.schema import schema
from gatewayd.driver import driver_kinds

EXAMPLE = Path(__file__).parent.parent.parent.parent / "config.example.toml"
EIGHT = Path(__file__).parent / "eight.toml"

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
NOTES = {"title", "description", "default", "format", "$schema", "$defs", "then"}


def complaints(value: Any, rule: Any, root: Any, way: str = "") -> list[str]:
    """Return where a value breaks a schema: as much of JSON Schema as ours uses, no more."""
    if rule is True:
        return []
    if rule is False:
        return [way]
    found: list[str] = []
    for word, wanted in rule.items():
        if word not in NOTES:
            found += KEYWORDS[word](value, wanted, rule, root, way)
    return found


def _properties(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    return [
        bad
        for key, inner in wanted.items()
        if isinstance(value, dict) and key in value
        for bad in complaints(value[key], inner, root, f"{way}.{key}")
    ]


def _additional(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    extra = set(value) - set(rule.get("properties", {})) if isinstance(value, dict) else set()
    return [bad for k in sorted(extra) for bad in complaints(value[k], wanted, root, f"{way}.{k}")]


def _names(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    return [bad for key in value for bad in complaints(key, wanted, root, f"{way}.{key}")]


def _reference(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    return complaints(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, way)


def _any_of(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    return [] if any(not complaints(value, one, root) for one in wanted) else [way]


def _all_of(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    return [bad for one in wanted for bad in complaints(value, one, root, way)]


def _if(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    return [] if complaints(value, wanted, root) else complaints(value, rule["then"], root, way)


def _type(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    is_right = any(
        isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
        for name in names
    )
    return [] if is_right else [way]


def _items(value: Any, wanted: Any, rule: Any, root: Any, way: str) -> list[str]:
    rules = wanted if isinstance(wanted, list) else [wanted] * len(value)
    pairs = zip(value, rules, strict=False)
    return [bad for each, one in pairs for bad in complaints(each, one, root, way)]


KEYWORDS: dict[str, Callable[[Any, Any, Any, Any, str], list[str]]] = {
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "$ref": _reference,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
    "type": _type,
    "items": _items,
    "required": lambda value, wanted, rule, root, way: [
        f"{way}.{key}!" for key in wanted if isinstance(value, dict) and key not in value
    ],
    "enum": lambda value, wanted, rule, root, way: [] if value in wanted else [way],
    "const": lambda value, wanted, rule, root, way: [] if value == wanted else [way],
    "pattern": lambda value, wanted, rule, root, way: (
        [] if isinstance(value, str) and re.search(wanted, value) else [way]
    ),
    "minItems": lambda value, wanted, rule, root, way: [] if len(value) >= wanted else [way],
    "maxItems": lambda value, wanted, rule, root, way: [] if len(value) <= wanted else [way],
    "minProperties": lambda value, wanted, rule, root, way: [] if len(value) >= wanted else [way],
    "maxProperties": lambda value, wanted, rule, root, way: [] if len(value) <= wanted else [way],
}


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    return schema()


def test_the_example_keeps_the_schema(root: dict[str, Any]) -> None:
    """An editor marks nothing in the file that everybody begins with."""
    document = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert not complaints(document, root, root)


def test_an_editor_marks_wrong_keys_where_they_are(root: dict[str, Any]) -> None:
    """Each on its own line, and only that: the branch of the named driver speaks, no other."""
    document = tomllib.loads(EIGHT.read_text(encoding="utf-8"))
    assert set(complaints(document, root, root)) == {
        ".gateway.nmae",
        ".outbox.commit_interval",
        ".device.boiler.driver",
        ".device.cellar.adress",
        ".device.pump.active",
    }


def test_keys_of_values_are_told_too(root: dict[str, Any]) -> None:
    """Lists of fixed length and tables within tables, as the reader takes them."""
    tuning: dict[str, Any] = {"clamp": [0, 1], "lookup": [[0, 1], [1, 5.5]], "alarm": {"above": 1}}
    document = {"device": {"a": {"driver": "sim", "channel": {"b": tuning}}}}
    assert not complaints(document, root, root)
    for key, wrong in (("clamp", [1]), ("lookup", [[1, "x"]]), ("alarm", {"abov": 1})):
        document["device"]["a"]["channel"] = {"b": {**tuning, key: wrong}}
        assert complaints(document, root, root) == [f".device.a.channel.b.{key}"]


def test_every_driver_has_its_branch(root: dict[str, Any]) -> None:
    """The file's name is its registration, here too."""
    assert {f"device.{kind}" for kind in driver_kinds()} <= root["$defs"].keys()


def test_the_verb_prints_one_document(
    capsys: pytest.CaptureFixture[str], root: dict[str, Any]
) -> None:
    """`gatewayd schema > gatewayd.schema.json` is all there is to do."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(root))
