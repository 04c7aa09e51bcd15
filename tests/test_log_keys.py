"""No fact of a log line is called as a part of the line itself.

structlog takes the phrase as an argument named `event`, so that a fact of this name ends the
caller with a TypeError, once it is logged; the others are overwritten without a word.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEVELS = {"debug", "info", "warning", "error"}
RESERVED = {"event", "message", "level", "timestamp"}


def log_calls(file: Path) -> Iterator[ast.Call]:
    """Yield the calls like `log.info("phrase", …)`, and those of the silent heart's `note`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        is_phrase = bool(node.args) and isinstance(node.args[0], ast.Constant)
        if is_phrase and name.lstrip("_") in {*LEVELS, "note"}:
            yield node


def test_facts_have_names_of_their_own() -> None:
    """Every call in the program, also those that hardly ever happen."""
    found = [
        f"{file.relative_to(ROOT)}:{call.lineno} {word.arg}="
        for folder in ("gatewayd", "drivers")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for call in log_calls(file)
        for word in call.keywords
        if word.arg in RESERVED
    ]
    assert not found
