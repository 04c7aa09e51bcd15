"""Setpoints: bare or with their periods, and what is none."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.setpoints import Setpoint, command_of, read_setpoint
from gatewayd.model import ChannelId, Command


@pytest.mark.parametrize("value", [True, False, 5, -2.5, "text", {"red": 1, "green": 0}])
def test_a_bare_value_is_a_setpoint(value: bool | float | str | dict[str, float]) -> None:
    """Whatever an output can hold."""
    assert read_setpoint(value) == Setpoint(value)


def test_an_object_says_for_how_long() -> None:
    """And which request it is, and when it was made, for transports that do not."""
    payload: Pson = {"value": True, "hold_s": 30, "blink_s": 0.5, "id": 7, "ts": 1_795_000_000_000}
    assert read_setpoint(payload) == Setpoint(True, 30.0, 0.5, "7", 1_795_000_000_000)
    assert read_setpoint({"value": True, "hold_s": None}) == Setpoint(True)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        UNSET,
        b"x",
        [True],
        {"value": None},
        {"value": True, "hold_s": "30"},
        {"value": True, "hold_s": True},
        {"value": True, "hold_s": 10**400},
        {"value": True, "ts": "now"},
        {"value": True, "id": []},
        {"value": True, "else": 1, "x": "y"},
        {"red": "much"},
        "x" * 257,
        {"x" * 257: 1},
        {str(n): 1 for n in range(9)},
        {"value": True, "id": "x" * 257},
    ],
)
def test_anything_else_is_none(payload: Pson) -> None:
    """It moves nothing."""
    assert read_setpoint(payload) is None


def test_a_setpoint_becomes_a_command() -> None:
    """With all that it says; its id is for whoever has no better to choose."""
    setpoint = Setpoint(True, 30.0, 0.5, "7", 1_795_000_000_000)
    channel = ChannelId("pump/relay")
    assert command_of(setpoint, "local:app", "new", channel) == Command(
        "local:app", "new", channel, True, 30.0, 0.5, 1_795_000_000_000
    )
