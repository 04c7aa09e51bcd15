from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest

from gatewayd.config.problems import Report
from gatewayd.config.shapes import Shape, shape_of
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds, Secret, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A table in a table."""

    kind: Literal["hot", "cold"]
    key: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """As a driver would declare it."""

    port: str
    mode: Literal["fast", "slow"]
    wait: Seconds
    size: Size = 1
    count: int | None = None
    parts: Mapping[str, Inner] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count == 13:
            raise ValueError("13 parts are bad luck")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """As nobody should declare it."""

    what: NoSuchType  # type: ignore[name-defined]  # noqa: F821  # That is the point.


GOOD: dict[str, object] = {"port": "x", "mode": "fast", "wait": "1s"}


def problems_of(table: Mapping[str, object]) -> list[tuple[str, str, str | None]]:
    report = Report("config.toml")
    shape_of(Outer).fill(table, ("device", "a"), report)
    return [(problem.found, problem.expected, problem.nearest) for problem in report.problems()]


def test_a_table_becomes_its_dataclass() -> None:
    """Durations and nested tables too."""
    outer = shape_of(Outer).fill(
        {**GOOD, "parts": {"a/b": {"kind": "hot"}}}, (), Report("config.toml")
    )
    assert outer == Outer(port="x", mode="fast", wait=1.0, parts={"a/b": Inner(kind="hot")})


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"mode": "fats"}, ('found "fats"', 'expected "fast" or "slow"', "fast")),
        ({"count": "x"}, ('found "x"', "expected a whole number", None)),
        ({"count": 1.5}, ("found 1.5", "expected a whole number", None)),
        ({"port": 1}, ("found 1", "expected text in quotes", None)),
        ({"parts": 1}, ("found 1", "expected a table", None)),
        (
            {"parts": {"p": {"kind": "hto"}}},
            ('found "hto"', 'expected "hot" or "cold"', "hot"),
        ),
        (
            {"parts": {"p": {"kind": "hot", "kye": 1}}},
            ('unknown key "kye"', 'expected "kind" or "key"', "key"),
        ),
        ({"count": 13}, ("13 parts are bad luck", "expected keys that go together", None)),
    ],
)
def test_each_mistake_is_said_in_peoples_words(
    wrong: dict[str, object], problem: tuple[str, str, str | None]
) -> None:
    """What was found, what was expected, and the nearest word where words were expected."""
    assert problems_of({**GOOD, **wrong}) == [problem]


@pytest.mark.parametrize(
    ("key", "value", "nearest"),
    [
        ("wait", 10, '"10s"'),
        ("wait", "5 min.", None),
        ("wait", "2 hours", '"2h"'),
        ("size", "512M", '"512 MiB"'),
        ("size", 512, '"512 B"'),
    ],
)
def test_the_quantity_that_was_meant_is_named(key: str, value: object, nearest: str | None) -> None:
    """A forgotten or long unit is easily put right."""
    assert problems_of({**GOOD, key: value})[0][2] == nearest


def test_a_secret_deep_inside_is_hidden() -> None:
    """Whatever table it stands in, a value that may be a secret is not shown."""
    (problem,) = problems_of({**GOOD, "parts": {"p": {"kind": "hot", "key": 4711}}})
    assert "4711" not in str(problem)


def test_mistakes_leave_a_stand_in_to_look_on_with() -> None:
    """So that what follows can still be checked; the report knows which values mean nothing."""
    report = Report("config.toml")
    outer = shape_of(Outer).fill({"mode": "fats", "count": "x", "wiat": 1}, ("d",), report)
    assert outer is not None
    assert outer.mode == "fast"
    assert {("d", "mode"), ("d", "port"), ("d", "wait"), ("d", "count")} <= report.wrong


def test_a_dataclass_that_cannot_be_read_is_the_drivers_fault() -> None:
    """It is said once, as an error of that driver, and not as a traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        Shape(Unreadable)
