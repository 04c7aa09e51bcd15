"""Where in a TOML text every key and value stands: neither tomllib nor tomlkit tells.

Strategy: the text has already been accepted by tomllib, so this reader need not find mistakes; it
only walks. At the top level it takes table headers, array-of-tables headers and `key = value`
lines; a value is a string of one of four kinds, a list, an inline table, or a bare word that ends
at the next delimiter. Offsets are noted on the way and turned into line and column when asked.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import NamedTuple

Keys = tuple[str | int, ...]
"""The way to a value: `("device", "boiler", "every")`; a number counts in a list."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
# Three quotes first; a text may end in one or two quotes of its own before the three that close.
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_WORD = re.compile(r"[^,\]}#\n]*")


class Place(NamedTuple):
    """A line and a column, both from 1; columns count characters."""

    line: int
    column: int


class Positions:
    """The places of all keys and values of one TOML text."""

    def __init__(self, text: str) -> None:
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        walk = _Walk(text)
        walk.document()
        self._keys, self._values = walk.keys, walk.values

    def key(self, keys: Keys) -> Place:
        """Return where the key stands, or the nearest enclosing one that is written down."""
        return self._nearest(self._keys, keys)

    def value(self, keys: Keys) -> Place:
        """Return where the value stands; a table's is its header."""
        return self._nearest(self._values, keys)

    def _nearest(self, offsets: dict[Keys, int], keys: Keys) -> Place:
        while keys and keys not in offsets:
            keys = keys[:-1]
        offset = offsets.get(keys, 0)
        line = bisect_right(self._lines, offset)
        return Place(line, offset - self._lines[line - 1] + 1)


class _Walk:
    """One pass over the text; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.keys: dict[Keys, int] = {}
        self.values: dict[Keys, int] = {}
        self._last: dict[Keys, int] = {}
        """The newest index of each array of tables."""

    def document(self) -> None:
        table: Keys = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Keys:
        is_list = self.text.startswith("[[", self.at)
        self.at += 2 if is_list else 1
        *above, (name, offset) = self._dotted()
        table = self._enter((), above)
        table = (*table, name)
        self._note(table, offset, offset)
        if is_list:
            self._last[table] = self._last.get(table, -1) + 1
            table = (*table, self._last[table])
            self._note(table, offset, offset)
        elif table in self._last:
            table = (*table, self._last[table])
        self.at += 2 if is_list else 1
        return table

    def _pair(self, table: Keys) -> None:
        *above, (name, offset) = self._dotted()
        table = self._enter(table, above)
        self.at += 1  # The equals sign.
        self._skip(_SPACE)
        self._value((*table, name), offset)

    def _enter(self, table: Keys, above: list[tuple[str, int]]) -> Keys:
        """Step into the tables that a dotted key names on its way."""
        for name, offset in above:
            table = (*table, name)
            self._note(table, offset, offset)
            if table in self._last:
                table = (*table, self._last[table])
        return table

    def _dotted(self) -> list[tuple[str, int]]:
        """Take `a."b".c` and return each part with its offset."""
        parts = []
        while True:
            self._skip(_SPACE)
            offset, word = self.at, self._skip(_KEY)
            parts.append((_plain(word), offset))
            self._skip(_SPACE)
            if self.text[self.at : self.at + 1] != ".":
                return parts
            self.at += 1

    def _value(self, keys: Keys, key_offset: int) -> None:
        self._note(keys, key_offset, self.at)
        match self.text[self.at : self.at + 1]:
            case "[":
                self._items(keys, "]")
            case "{":
                self._items(keys, "}")
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_WORD)

    def _items(self, keys: Keys, end: str) -> None:
        """Take a list or an inline table."""
        self.at += 1
        count = 0
        self._skip(_BLANK)
        while self.text[self.at : self.at + 1] not in (end, ""):
            if end == "]":
                self._value((*keys, count), self.at)
            else:
                self._pair(keys)
            count += 1
            self._skip(_BLANK)
            if self.text[self.at : self.at + 1] == ",":
                self.at += 1
                self._skip(_BLANK)
        self.at += 1

    def _note(self, keys: Keys, key_offset: int, value_offset: int) -> None:
        self.keys.setdefault(keys, key_offset)
        self.values.setdefault(keys, value_offset)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None or (pattern in (_KEY, _STRING) and not match[0]):
            raise AssertionError(f"not TOML at offset {self.at}, though tomllib took it")
        self.at = match.end()
        return match[0]


def _plain(word: str) -> str:
    """Return what a key says, without its quotes."""
    if word[0] == '"' and "\\" in word:
        return str(tomllib.loads(f"key = {word}")["key"])
    return word[1:-1] if word[0] in "\"'" else word
