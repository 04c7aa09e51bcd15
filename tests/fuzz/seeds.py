"""Good messages to begin with: every literal of bytes or hex in the tests that know a module.

And the words that such messages are made of, which no mutation guesses.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.fuzz.target import INPUT_BYTES_MAX, Target

TESTS = Path(__file__).parent.parent
HEX = re.compile(r"[0-9a-fA-F]{2}(?: ?[0-9a-fA-F]{2}){2,}")
FRAMES = TESTS / "frames"

SEEDS_MAX = 400
"""For one target; the shortest first."""

WORD = re.compile(rb"[!-~]{2,32}")
"""Keys of JSON, names of commands, parts of paths: no sentence."""

WORDS_MAX = 1000


def seeds(target: Target) -> list[bytes]:
    """Return good messages for a target, and what was found with it before."""
    found = [path.read_bytes() for path in findings(target)]
    told = {each for texts in _literals().get(target.module, ()) for each in texts}
    told |= _framed(target.module) | _decoded(target)
    return [*found, target.good, *sorted(told, key=lambda each: (len(each), each))[:SEEDS_MAX]]


def findings(target: Target) -> list[Path]:
    """Return the files with what once broke a target."""
    return sorted(target.folder.glob("*")) if target.folder.is_dir() else []


def words(target: Target) -> list[bytes]:
    """Return what a target's messages are made of: the words that its own package knows."""
    return _words(target.module.rpartition(".")[0].removeprefix("tests."))


@cache
def _words(package: str) -> list[bytes]:
    folder = TESTS.parent / package.replace(".", "/")
    found = {
        node.value.encode("utf-8", "replace")
        for file in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return sorted(word for word in found if WORD.fullmatch(word))[:WORDS_MAX]


def _decoded(target: Target) -> set[bytes]:
    """Return the good message that a `test_mutated.py` begins with itself."""
    if not target.module.endswith("test_mutated"):
        return set()
    decoders = importlib.import_module(target.module).DECODERS
    return {good for name, (_, good) in decoders.items() if target.name.endswith(f" {name}")}


@cache
def _literals() -> dict[str, list[frozenset[bytes]]]:
    """Return the literals of each test file, by the modules that it imports."""
    by_module: dict[str, list[frozenset[bytes]]] = {}
    for file in sorted(TESTS.rglob("*.py")):
        tree = ast.parse(file.read_bytes())
        texts = frozenset(_texts(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                for name in names:
                    by_module.setdefault(name, []).append(texts)
    return by_module


def _texts(tree: ast.Module) -> Iterator[bytes]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, bytes):
            yield node.value[:INPUT_BYTES_MAX]
        elif isinstance(node.value, str) and len(node.value) > 3:
            yield from _both(node.value)


def _both(text: str) -> Iterator[bytes]:
    if HEX.fullmatch(text):
        yield bytes.fromhex(text)[:INPUT_BYTES_MAX]
    elif text[:1] in '{["$/' or "=" in text:
        yield text.encode()[:INPUT_BYTES_MAX]


@cache
def _framed(module: str) -> frozenset[bytes]:
    """Return the frames kept for a module's cloud, device or wire."""
    words = {word.strip("_") for word in module.split(".")}
    files = [file for file in FRAMES.rglob("*.json*") if words & {file.stem, file.parent.name}]
    texts = (text for file in files for text in re.findall(r'"([^"\\]{6,})"', file.read_text()))
    return frozenset(each for text in texts for each in _both(text))
