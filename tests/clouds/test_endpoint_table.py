"""Each cloud's table of endpoints: every row names two tests, and they exist.

A cloud's table is `tests/clouds/<cloud>/endpoints.toml`: sections of rows, each a name and two
tests, the one that proves it and the one of the way it breaks, as `file.py::test_name` with the
file relative to the table.
"""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLES = sorted(HERE.glob("*/endpoints.toml"))
ROWS = [
    (table, section, name, row)
    for table in TABLES
    for section, rows in tomllib.loads(table.read_text(encoding="utf-8")).items()
    for name, row in rows.items()
]


@cache
def claims_of(file: Path) -> frozenset[str]:
    """Return the names of a file's tests, those that are always skipped left out."""
    if not file.is_file():
        return frozenset()
    functions = ast.parse(file.read_text(encoding="utf-8")).body
    return frozenset(
        function.name
        for function in functions
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any("mark.skip(" in ast.unparse(mark) for mark in function.decorator_list)
    )


def fault_of(table: Path, row: object) -> str:
    """Return what is wrong with a row, or nothing."""
    if not (isinstance(row, list) and len(row) == 2 and all(isinstance(each, str) for each in row)):
        return "a row is two tests: one that proves it, one of the way it breaks"
    if row[0] == row[1]:
        return "one test is named twice"
    for each in row:
        file, separator, test = each.partition("::")
        if not separator or test not in claims_of(table.parent / file):
            return f"there is no test {each}"
    return ""


@pytest.mark.parametrize(
    ("table", "section", "name", "row"),
    ROWS,
    ids=[f"{table.parent.name}-{section}-{name}" for table, section, name, _ in ROWS],
)
def test_every_row_is_proved_and_broken(table: Path, section: str, name: str, row: object) -> None:
    """Success and failure, by tests that there are."""
    assert not fault_of(table, row), (
        f"{table.parent.name} [{section}] {name}: {fault_of(table, row)}"
    )


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ([], "two tests"),
        (["a.py::test_a"], "two tests"),
        (["a.py::test_a", "a.py::test_a"], "twice"),
        (["none.py::test_a", "a.py::test_a"], "none.py"),
        (["a.py::test_a", "a.py::test_none"], "test_none"),
        (["a.py::test_a", "a.py::test_skipped"], "test_skipped"),
        (["a.py::test_a", "a.py"], "no test a.py"),
        (["a.py::test_a", "a.py::test_b"], ""),
    ],
)
def test_a_row_without_its_tests_is_found(tmp_path: Path, row: object, fault: str) -> None:
    """Missing, misspelt, skipped or doubled: the table does not pass."""
    skipped = "@pytest.mark.skip(reason='x')\ndef test_skipped(): ...\n"
    (tmp_path / "a.py").write_text(f"def test_a(): ...\nasync def test_b(): ...\n{skipped}")
    found = fault_of(tmp_path / "endpoints.toml", row)
    assert fault in found
    assert bool(fault) is bool(found)


def test_there_is_a_table() -> None:
    """Or nothing would be checked."""
    assert [table.parent.name for table in TABLES]
