"""What is wrong with a configuration, where, and what would be right: said in one line each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from gatewayd.config.positions import Keys, Positions
from gatewayd.errors import ConfigError

SHOWN_MAX = 60
"""Characters of a value that a message repeats; a pasted certificate helps nobody."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, or one thing that is legal but unwise.

    Attributes:
        file: the file, or `environment variable NAME`.
        line, column: from 1; both 0 where there is no line, as for the environment.
        nearest: the right key or value that looks most like the wrong one, if any does.
    """

    file: str
    line: int
    column: int
    found: str
    expected: str
    nearest: str | None = None
    is_warning: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        grade = "warning: " if self.is_warning else ""
        nearest = f"; nearest: {self.nearest}" if self.nearest else ""
        return f"{where}: {grade}{self.found}; {self.expected}{nearest}"


class ConfigInvalid(ConfigError):
    """The configuration has mistakes; `problems` are all of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Hex(int):
    """A whole number that messages show in hexadecimal."""


class Report:
    """Takes problems by the way to their key, and gives each its place."""

    def __init__(
        self,
        file: str,
        text: str = "",
        sources: Mapping[Keys, str] | None = None,
        *,
        has_credentials: bool = True,
    ) -> None:
        self.file = file
        self.text = text
        self.sources = sources or {}
        """Which values came from which environment variable."""
        self.wrong: set[Keys] = set()
        """Values that have been complained of; what stands in for them means nothing."""
        self.reasons: dict[Keys, Problem] = {}
        """What was complained of first at each place."""
        self.has_credentials = has_credentials
        """Whether this process is the one that systemd gave the credentials to."""
        self._problems: dict[Problem, None] = {}  # A dict keeps the order and drops repeats.

    def problems(self) -> list[Problem]:
        """Return the problems in the order of the file, whatever found them."""
        return sorted(self._problems, key=lambda problem: (problem.line, problem.column))

    def at_key(self, keys: Keys, found: str, expected: str, nearest: str | None = None) -> None:
        """Report a mistake in a key, or something missing in the table of that name."""
        self._add(keys, Problem(self.file, *self._places.key(keys), found, expected, nearest))

    def at_value(self, keys: Keys, found: str, expected: str, nearest: str | None = None) -> None:
        """Report a mistake in a value."""
        self._add(keys, Problem(self.file, *self._places.value(keys), found, expected, nearest))

    def warn(self, keys: Keys, found: str, advice: str) -> None:
        """Report what is legal but unwise."""
        place = self._places.value(keys)
        self._add(keys, Problem(self.file, *place, found, advice, is_warning=True))

    @cached_property
    def _places(self) -> Positions:
        return Positions(self.text)

    def _add(self, keys: Keys, problem: Problem) -> None:
        variable = self.sources.get(keys)
        if variable is not None:
            file = f"environment variable {variable}"
            problem = Problem(
                file, 0, 0, problem.found, problem.expected, problem.nearest, problem.is_warning
            )
        if not problem.is_warning:
            self.wrong.add(keys)
            self.reasons.setdefault(keys, problem)
        self.add(problem)

    def add(self, problem: Problem) -> None:
        """Take a problem that has its place already."""
        self._problems.setdefault(problem)


def nearest_of(word: object, candidates: Iterable[str]) -> str | None:
    """Return the candidate that looks most like a word, or None if none does."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    close = get_close_matches(str(word).casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[close[0]] if close else None


def one_of(words: Sequence[str]) -> str:
    """Return `expected a, b or c`."""
    quoted = [show(word) for word in words]
    if len(quoted) < 2:
        return f"expected {quoted[0] if quoted else 'nothing here'}"
    return f"expected {', '.join(quoted[:-1])} or {quoted[-1]}"


def show(value: object) -> str:
    """Return a value as the file would write it, shortened."""
    match value:
        case bool():
            text = "true" if value else "false"
        case Hex():
            text = f"{int(value):#04x}"
        case str():
            text = json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            text = f"[{', '.join(show(item) for item in value[:10])}]"
        case Mapping():
            text = f"{{{', '.join(str(key) for key in list(value)[:10])}}}"
        case _:
            text = str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"
