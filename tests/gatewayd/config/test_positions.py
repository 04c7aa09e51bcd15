from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.config.positions import Keys, Positions

TEXT = '''\
# [not.a.table] = 1
title = "a # no comment" # key = 2
[device.boiler]
every = "10s"
"quoted.key" = 'x = "y"'
  indented = 1
list = [
  1, # one
  "]", [2, 3],
]
text = """
[fake]
fake = 1
""\\""""
raw = \'\'\'
'' fake = 2\'\'\'\'\'
[device.boiler.channel]
temperature = { deadband = 0.1, "a/b" = { id = "x" } }
a.b.c = 1979-05-27 07:32:00
[[point]]
x = 1
[[point]]
x = 2
  [point.inner]
  y = 3
["spaced" . 'name']
k = -1.5e3
'''


@pytest.mark.parametrize(
    ("keys", "key", "value"),
    [
        (("title",), (2, 1), (2, 9)),
        (("device", "boiler"), (3, 9), (3, 9)),
        (("device",), (3, 2), (3, 2)),
        (("device", "boiler", "every"), (4, 1), (4, 9)),
        (("device", "boiler", "quoted.key"), (5, 1), (5, 16)),
        (("device", "boiler", "indented"), (6, 3), (6, 14)),
        (("device", "boiler", "list", 1), (9, 3), (9, 3)),
        (("device", "boiler", "list", 2, 1), (9, 12), (9, 12)),
        (("device", "boiler", "text"), (11, 1), (11, 8)),
        (("device", "boiler", "raw"), (15, 1), (15, 7)),
        (("device", "boiler", "channel", "temperature", "deadband"), (18, 17), (18, 28)),
        (("device", "boiler", "channel", "temperature", "a/b", "id"), (18, 43), (18, 48)),
        (("device", "boiler", "channel", "a", "b", "c"), (19, 5), (19, 9)),
        (("point", 0, "x"), (21, 1), (21, 5)),
        (("point", 1, "x"), (23, 1), (23, 5)),
        (("point", 1, "inner", "y"), (25, 3), (25, 7)),
        (("spaced", "name", "k"), (27, 1), (27, 5)),
    ],
)
def test_every_way_to_write_a_key_is_found(
    keys: Keys, key: tuple[int, int], value: tuple[int, int]
) -> None:
    """Tables, dotted and quoted keys, lists, inline tables, four kinds of text: all have places."""
    tomllib.loads(TEXT)
    positions = Positions(TEXT)
    assert (positions.key(keys), positions.value(keys)) == (key, value)


def test_what_is_not_written_is_placed_at_what_encloses_it() -> None:
    """A missing key is complained of at its table, and nothing at all at the first line."""
    positions = Positions(TEXT)
    assert positions.key(("device", "boiler", "missing")) == (3, 9)
    assert positions.key(("nowhere", "at", "all")) == (1, 1)


def test_an_empty_file_has_a_first_line() -> None:
    """A problem of an empty file still has a place."""
    assert Positions("").key(("x",)) == (1, 1)


def written(value: Any) -> str:
    match value:
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case bool():
            return str(value).lower()
        case list():
            return "[" + ",\n ".join(map(written, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{written(k)} = {written(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


def ways(value: Any, way: Keys = ()) -> list[Keys]:
    """Return the way to everything inside a value."""
    if isinstance(value, dict):
        return [w for k, v in value.items() for w in ((*way, k), *ways(v, (*way, k)))]
    if isinstance(value, list):
        return [w for k, v in enumerate(value) for w in ((*way, k), *ways(v, (*way, k)))]
    return []


plain = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
values = st.recursive(
    st.integers() | st.booleans() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(plain, values, min_size=1, max_size=4))
def test_whatever_tomllib_reads_has_a_place_of_its_own(document: dict[str, Any]) -> None:
    """Every key and item of any document is found, each at another offset."""
    text = "".join(f"{written(key)} = {written(value)} # [x]\n" for key, value in document.items())
    assert tomllib.loads(text) == document
    positions = Positions(text)
    found = [positions.value(way) for way in ways(document)]
    assert len(set(found)) == len(found)
