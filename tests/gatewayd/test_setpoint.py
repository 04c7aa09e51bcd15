"""What may be asked of an output."""

from __future__ import annotations

import math

import pytest

from gatewayd.model import Access, Channel, Value
from gatewayd.setpoint import agrees, find_period_fault, is_on, legal_value, off_value, show_value

RELAY = Channel("relay", "switch", access=Access.WRITE)
VALVE = Channel("valve", "level", "%", 1, Access.WRITE, 0.0, 100.0)
SPEED = Channel("speed", "speed", "Hz", None, Access.WRITE, 5.0)
PANEL = Channel("panel", "text", access=Access.WRITE)
LIGHT = Channel("light", "colour", "", 0, Access.WRITE, 0.0, 255.0)


@pytest.mark.parametrize("value", [True, "on", "ON", " true ", "1", 1, 1.0])
def test_a_switch_understands_on(value: Value) -> None:
    """Every way that the clouds say it."""
    assert legal_value(RELAY, value) is True


@pytest.mark.parametrize("value", [False, "off", "False", "0", 0, 0.0])
def test_a_switch_understands_off(value: Value) -> None:
    """Every way that the clouds say it."""
    assert legal_value(RELAY, value) is False


@pytest.mark.parametrize("value", [2, "toggle", "", 0.5, None, {"on": 1.0}, math.nan, [1]])
def test_a_switch_takes_nothing_else(value: object) -> None:
    """Nothing toggles, and nothing is guessed."""
    with pytest.raises(ValueError, match="expected on or off"):
        legal_value(RELAY, value)


@pytest.mark.parametrize(("value", "number"), [(0, 0.0), ("42.5", 42.5), (100.0, 100.0)])
def test_a_number_within_its_range_is_legal(value: Value, number: float) -> None:
    """Both ends are included, and text is read."""
    assert legal_value(VALVE, value) == number


@pytest.mark.parametrize(
    "value", [-0.1, 100.1, math.nan, math.inf, "nan", "1e999", True, "half", 10**400, None]
)
def test_a_number_outside_or_none_at_all_is_illegal(value: object) -> None:
    """No infinity, no truth and no text becomes a valve's position."""
    with pytest.raises(ValueError, match=r"outside 0 to 100 %|finite number"):
        legal_value(VALVE, value)


def test_a_range_may_have_one_end() -> None:
    """The sentence names the end that there is."""
    assert legal_value(SPEED, 1000) == 1000
    with pytest.raises(ValueError, match="4 is outside 5 to … Hz"):
        legal_value(SPEED, 4)


def test_texts_and_colours_are_bounded() -> None:
    """A display and a lamp take what fits them."""
    assert legal_value(PANEL, "hello") == "hello"
    assert legal_value(LIGHT, {"red": 255}) == {"red": 255.0}
    for channel, value in ((PANEL, "x" * 257), (PANEL, 5), (LIGHT, {}), (LIGHT, {"red": 256})):
        with pytest.raises(ValueError, match=r"expected|outside"):
            legal_value(channel, value)


def test_on_is_whatever_does_something() -> None:
    """The same meaning for relays, valves, displays and lamps."""
    lit: tuple[Value, ...] = (True, 1, 0.1, -1.0, "open", {"red": 0.0, "green": 1.0})
    dark: tuple[Value, ...] = (False, 0, 0.0, "", "off", " OFF ", {"red": 0.0})
    assert all(is_on(value) for value in lit)
    assert not any(is_on(value) for value in dark)


@pytest.mark.parametrize("value", [True, 50.0, "alarm", {"red": 9.0}])
def test_the_dark_half_of_blinking_is_off(value: Value) -> None:
    """Whatever blinks is off in between."""
    assert not is_on(off_value(value))


def test_read_back_agrees_within_a_digit() -> None:
    """Converters round; switches do not."""
    assert agrees(VALVE, 50.0, 50.05)
    assert not agrees(VALVE, 50.0, 50.3)
    assert agrees(RELAY, True, 1)
    assert not agrees(RELAY, True, False)
    assert agrees(LIGHT, {"red": 10.0}, {"red": 10.4})
    assert not agrees(LIGHT, {"red": 10.0}, {"green": 10.0})
    assert not agrees(PANEL, "a", "b")


def test_a_period_has_limits() -> None:
    """A hold of nothing, a blinking faster than a relay, a year and a day: all refused."""
    assert find_period_fault(30, 0.5, value=True) is None
    assert find_period_fault(None, None, value=False) is None
    for hold_s, blink_s in ((0, None), (-1, None), (math.nan, None), (4e7, None), (None, 0.05)):
        assert find_period_fault(hold_s, blink_s, value=True)
    assert find_period_fault(None, 1, value=False) == "blinking needs a value that is on"


def test_values_are_shown_as_people_say_them() -> None:
    """on, 21.5, unknown."""
    values: tuple[Value | None, ...] = (True, False, None, 21.5, 3, "x", {"red": 1.0})
    shown = [show_value(value) for value in values]
    assert shown == ["on", "off", "unknown", "21.5", "3", "x", "red=1"]
