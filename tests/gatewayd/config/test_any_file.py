"""Whatever stands in the file, its owner gets sentences and never a traceback."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tomlkit import dumps

from gatewayd.config import inspect

EXAMPLE = Path(__file__).parent.parent.parent.parent / "config.example.toml"
DOCUMENT = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))


def ways(table: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the way to every key of the example."""
    found: list[tuple[str, ...]] = []
    for key, value in table.items():
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *rest) for rest in ways(value)]
    return found


PLAIN = (-1, 0, 1, 2**62, 1.5, float("inf"), float("nan"), True, "", "x", "on", "a/b", "1s")
NESTED: tuple[Any, ...] = (
    [],
    [1],
    ["pump/relay"],
    {},
    {"x": 1},
    {"file": "/none"},
    {"credential": 1},
    {"a": [{}]},
)
odd = st.sampled_from([*PLAIN, *NESTED])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ways(DOCUMENT)), odd), min_size=1, max_size=4))
def test_no_value_of_the_wrong_kind_is_too_much(
    tmp_path_factory: Any, changes: list[tuple[tuple[str, ...], Any]]
) -> None:
    """Odd values in place of the example's: problems with places inside the file."""
    document = deepcopy(DOCUMENT)
    for (*above, last), value in changes:
        table: Any = document
        for key in above:
            table = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table[last] = deepcopy(value)
    path = tmp_path_factory.mktemp("odd") / "config.toml"
    text = dumps(document)
    path.write_text(text, encoding="utf-8")
    _, problems = inspect(path, {})
    lines = text.splitlines()
    assert all(
        0 < problem.line <= len(lines) and 0 < problem.column <= len(lines[problem.line - 1]) + 1
        for problem in problems
    )


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_no_bytes_are_too_much(tmp_path_factory: Any, data: bytes) -> None:
    """A file that is no TOML has one problem, whatever it is."""
    path = tmp_path_factory.mktemp("odd") / "config.toml"
    path.write_bytes(data)
    found, problems = inspect(path, {})
    assert problems if found is None else True


@pytest.mark.parametrize("depth", [40, 400, 5000])
def test_no_depth_is_too_much(tmp_path: Path, depth: int) -> None:
    """Brackets without end are one problem."""
    path = tmp_path / "config.toml"
    path.write_text(f"a = {'[' * depth}{']' * depth}")
    found, (problem,) = inspect(path, {})
    assert found is None
    assert problem.found == "tables too deep"
