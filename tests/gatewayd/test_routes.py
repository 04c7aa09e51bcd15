"""Routes: from somebody's message to an output of ours."""

from __future__ import annotations

import pytest

from gatewayd.model import ChannelId, Command, Value
from gatewayd.routes import Fact, Route, commands_of, find_key_fault, fits, outcome_of

PIR = "TSPR04E2O90201558"
ROUTE = Route(
    message=2100,
    thing=PIR,
    field="state",
    output="light/relay",
    values={"0": "off", "> 0": "on"},
    hold=600,
)


def fact(state: object = 1, thing: str = PIR, message: int = 2100) -> Fact:
    return Fact("stream", thing, message, {"state": state}, 1_700_000_000_000)


def test_a_message_that_fits_becomes_a_command() -> None:
    """With its source as origin, a request id that a repeat has too, and its age."""
    assert list(commands_of([ROUTE], fact())) == [
        Command(
            "stream",
            f"route 0: 2100 of {PIR} at 1700000000000",
            ChannelId("light/relay"),
            "on",
            hold_s=600,
            issued_ms=1_700_000_000_000,
        )
    ]


@pytest.mark.parametrize(
    "other", [fact(thing="TSPR04OTHER"), fact(message=2101), fact(None), fact([1]), fact(-1)]
)
def test_a_message_that_does_not_fit_moves_nothing(other: Fact) -> None:
    """Another thing, another message, no such field, nonsense in it, or a value not named."""
    assert not list(commands_of([ROUTE], other))


def test_a_star_is_any_thing() -> None:
    """For a room full of sensors."""
    route = Route(message=2100, thing="*", field="state", output="light/relay")
    assert [each.value for each in commands_of([route], fact(thing="TSPR04OTHER"))] == [1]


def test_a_message_without_time_is_always_news() -> None:
    """Nobody can tell its repeat from the next one."""
    timeless = Fact("push", PIR, 2100, {"state": 0})
    assert [each.request_id for each in commands_of([ROUTE], timeless)] == [""]


@pytest.mark.parametrize(
    ("key", "said", "is_so"),
    [
        ("1", 1, True),
        ("1", 1.0, True),
        ("1.0", True, True),
        ("true", 1, True),
        ("1", "1", True),
        ("on", "on", True),
        ("on", 1, False),
        ("> 0", 3, True),
        (">=3", 3, True),
        ("<3", 3, False),
        ("<= -2.5", -2.5, True),
        ("> 0", "3", False),
        ("*", "whatever", True),
    ],
)
def test_keys_of_values(key: str, said: bool | float | str, is_so: bool) -> None:
    """Numbers by value, comparisons for numbers only, texts by the letter, a star for the rest."""
    assert fits(key, said) is is_so


def test_the_first_key_that_fits_wins() -> None:
    """In the order of the file."""
    values: dict[str, str | int | float | bool] = {"> 20": 100, "> 10": 50, "*": 0}
    route = Route(message=12100, thing="*", field="temp", output="fan/level", values=values)
    said: list[Value | None] = [outcome_of(route, temp) for temp in (25, 15, 5, float("nan"))]
    assert said == [100, 50, 0, None]


def test_keys_that_mean_nothing_are_told() -> None:
    """A comparison without a number, or nothing at all."""
    assert find_key_fault(">") and find_key_fault("") and find_key_fault("=1")
    assert find_key_fault("> -1.5") is find_key_fault("1") is find_key_fault("*") is None
