"""Where a stranger's bytes meet a secret they are compared in constant time.

Read from the source, because time itself cannot be measured reliably in a test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECRET = re.compile(r"(^|[._])(token|password|secret|credentials|signature|digest|seal)(\.|\(|$)")

OWN = {
    "gatewayd/clouds/thethingsio/rest_auth.py": "its own old and new token",
    "gatewayd/clouds/thingsee/rest_auth.py": "its own old and new token",
    "gatewayd/clouds/thethingsio/handled.py": "a value taken before",
    "gatewayd/clouds/thethingsio/requests.py": "a value taken before",
}
"""Files that compare what is theirs with what is theirs."""


def compared(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of whatever stands beside `==` or `!=`, constants left out."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        if not all(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if not any(isinstance(side, ast.Constant | ast.Set) for side in sides):
            yield from ((node.lineno, ast.unparse(side)) for side in sides)


def test_no_secret_is_compared_letter_by_letter() -> None:
    """`==` ends at the first wrong letter, and how long that took tells which."""
    wrong = []
    for folder in ("gatewayd/console", "gatewayd/clouds", "gatewayd/sandbox"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if name in OWN or "/verbs/" in name:
                continue
            for line, text in compared(ast.parse(file.read_text(encoding="utf-8"))):
                if SECRET.search(text):
                    wrong.append(f"{name}:{line}: {text}")
    assert not wrong


def test_the_rule_sees_what_it_forbids() -> None:
    """And the files that may are there."""
    (found, _) = compared(ast.parse("known.token == given"))
    assert SECRET.search(found[1])
    assert all((ROOT / name).is_file() for name in OWN)
