"""What resources show: never a zero for silence, never an old value as a fresh one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatewayd.board import Board
from gatewayd.clouds.thinger.names import NameEntry, name_channels
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.clouds.thinger.resources import make_resources
from gatewayd.clouds.thinger.view import View, describe, show
from gatewayd.model import (
    Access,
    Channel,
    ChannelId,
    Outcome,
    Quality,
    Reading,
    Status,
    Value,
)

NOW_MS = 1_795_000_000_000
T, RELAY, LEVEL = ChannelId("d/t"), ChannelId("d/relay"), ChannelId("d/level")
TEXT, COLOUR = ChannelId("d/text"), ChannelId("d/colour")
CHANNELS = {
    T: Channel(T, "temperature", "K"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
    LEVEL: Channel(LEVEL, "level", access=Access.WRITE),
    TEXT: Channel(TEXT, "text", access=Access.WRITE),
    COLOUR: Channel(COLOUR, "colour", access=Access.WRITE),
}
NAMES = name_channels(CHANNELS, {T: NameEntry(unit="Cel")}, {})
RESOURCES = make_resources(NAMES)


def view(*readings: Reading) -> View:
    board = Board()
    board.post(readings)
    return View(board, NAMES, NOW_MS, NOW_MS - 60_000, {}, dict)


def shown(path: str, seen: View, payload: Pson = None) -> Pson:
    return show(RESOURCES[tuple(path.split("/"))], seen, payload)


def described(path: str, seen: View) -> dict[str, Pson]:
    return describe(RESOURCES[tuple(path.split("/"))], seen)


@pytest.mark.parametrize(
    ("reading", "value", "quality"),
    [
        (Reading(T, NOW_MS, 300.0), 26.85, "GOOD"),
        (Reading(T, NOW_MS, 300.0, Quality.UNCERTAIN), 26.85, "UNCERTAIN"),
        (Reading(T, NOW_MS, None, Quality.FAULT), None, "FAULT"),
        (Reading(T, NOW_MS - 60_001, 300.0), None, "TIMEOUT"),
        (Reading(T, NOW_MS + 5000, 300.0), 26.85, "GOOD"),
    ],
)
def test_a_reading_is_a_value_or_a_reason(
    reading: Reading, value: float | None, quality: str
) -> None:
    """Alone, with its circumstances, and among its device's others, in the owner's unit."""
    seen = view(reading)
    assert shown("d/t", seen) == value
    age_s = max(0, NOW_MS - reading.time_ms) / 1000
    assert shown("d/t/reading", seen) == {
        "value": value,
        "quality": quality,
        "ts": reading.time_ms,
        "age_s": age_s,
    }
    device = shown("d", seen)
    assert isinstance(device, dict)
    assert (device["t"], device.get("t_quality", "GOOD"), device["age_s"]) == (
        value,
        quality,
        age_s,
    )


def test_what_was_never_read_is_absent() -> None:
    """There is no age either."""
    assert shown("d/t", view()) is None
    assert shown("d/t/reading", view()) == {"value": None, "quality": "ABSENT"}
    device = shown("d", view())
    assert isinstance(device, dict)
    assert (device["t"], device["t_quality"]) == (None, "ABSENT")
    assert "age_s" not in device


@pytest.mark.parametrize(
    ("channel", "example", "value"),
    [
        (RELAY, False, True),
        (LEVEL, 0, 7.5),
        (TEXT, "", "hello"),
        (COLOUR, {"red": 0, "green": 0, "blue": 0}, {"red": 9.0}),
    ],
)
def test_an_input_shows_a_value_of_its_type(
    channel: ChannelId, example: Pson, value: Value
) -> None:
    """The last that is known; an output does not grow stale. Nobody known: an example."""
    path = str(channel)
    assert described(path, view()) == {"in": example}
    old = Reading(channel, NOW_MS - 10_000_000, value)
    assert described(path, view(old)) == {"in": value}
    lost = Reading(channel, NOW_MS, None, Quality.FAULT)
    assert described(path, view(old, lost)) == {"in": value}
    assert shown(f"{path}/reading", view(old, lost)) == {
        "value": None,
        "quality": "FAULT",
        "ts": NOW_MS,
        "age_s": 0.0,
    }


def test_an_outcome_is_shown_with_its_reason() -> None:
    """The answer itself has no room for one."""
    outcome = Outcome(Status.REFUSED, "valve/relay is on", False)
    seen = replace(view(), outcomes={RELAY: (NOW_MS, outcome)})
    assert shown("d/relay/outcome", seen) == {
        "status": "REFUSED",
        "detail": "valve/relay is on",
        "value": False,
        "ts": NOW_MS,
    }
    assert shown("d/level/outcome", seen) == {"status": "", "detail": "no command yet"}


@pytest.mark.parametrize(
    ("wish", "values"),
    [
        ({"channel": T, "items": 2}, [-271.15, -270.15]),
        ({"channel": T}, [-273.15, -272.15, -271.15, -270.15]),
        ({"channel": T, "items": 0}, []),
        ({"channel": T, "items": "2"}, []),
        ({"channel": "x/y"}, []),
        ({"channel": ["d/t"]}, []),
        (None, []),
    ],
)
def test_history_answers_what_it_can(wish: Pson, values: list[float]) -> None:
    """And anything else with nothing."""
    seen = view(*[Reading(T, NOW_MS + n, float(n)) for n in range(4)])
    points = shown("gateway/history", seen, wish)
    assert isinstance(points, list)
    assert [point["value"] for point in points] == values


def test_a_description_of_each_kind_has_its_words() -> None:
    """Input, output, both, or none."""
    assert described("d/t", view()).keys() == {"out"}
    assert described("gateway/history", view()).keys() == {"in", "out"}
    assert described("d/relay/blink", view()) == {}
