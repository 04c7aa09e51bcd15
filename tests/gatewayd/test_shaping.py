"""What is done to a value, step by step, and in which order."""

from __future__ import annotations

import math

import pytest

from gatewayd.model import Channel, Measurement, Quality, Value
from gatewayd.shaping import interpolated, is_growing, tuned
from gatewayd.tuning import Tuning

CHANNEL = Channel("temperature", "temperature", "Cel", minimum=-40, maximum=85)
FREE = Channel("level", "level")
TANK = ((0.0, 0.0), (1.0, 10.0), (2.0, 100.0))
FAULT = (None, Quality.FAULT)


def shaped(value: Value | None, tuning: Tuning, channel: Channel = FREE) -> object:
    """Return what becomes of a good value."""
    return tuned(Measurement(channel.id, value), channel, tuning)


def test_scale_and_offset_come_before_the_limits() -> None:
    """The owner's correction is part of the value; both limits hold."""
    assert shaped(100, Tuning(scale=0.5, offset=-1.0), CHANNEL) == (49.0, Quality.GOOD)
    assert shaped(100, Tuning(maximum=48.0, scale=0.5), CHANNEL) == FAULT
    assert shaped(90, Tuning(maximum=99), CHANNEL) == FAULT
    assert shaped(-1, Tuning(minimum=0), CHANNEL) == FAULT


def test_the_steps_have_one_order() -> None:
    """Expression, scale, offset, clamp, range: any other would give another number."""
    tuning = Tuning(expression="x * x", scale=2, offset=1, clamp=(0, 50), maximum=50)
    assert shaped(3, tuning) == (19, Quality.GOOD)
    assert shaped(-10, tuning) == (50, Quality.GOOD)


def test_what_is_clamped_is_good_and_what_is_out_of_range_a_fault() -> None:
    """The owner knows that the one overshoots; the other cannot be."""
    assert shaped(101.2, Tuning(clamp=(0, 100), maximum=100)) == (100, Quality.GOOD)
    assert shaped(101.2, Tuning(maximum=100)) == FAULT
    assert shaped(math.inf, Tuning(clamp=(0, 100))) == FAULT
    assert shaped(math.nan, Tuning(clamp=(0, 100))) == FAULT


@pytest.mark.parametrize(("x", "y"), [(0, 0), (0.5, 5), (1, 10), (1.5, 55), (2, 100)])
def test_a_table_is_read_between_its_points(x: float, y: float) -> None:
    """Straight lines, both ends included."""
    assert shaped(x, Tuning(lookup=TANK)) == (y, Quality.GOOD)


def test_outside_a_table_is_a_fault_unless_it_is_clamped() -> None:
    """Nobody knows what comes after the last point; with clamp, the owner says: nothing."""
    for x in (-0.1, 2.1):
        assert shaped(x, Tuning(lookup=TANK)) == FAULT
    assert shaped(-5, Tuning(lookup=TANK, clamp=(0, 100))) == (0, Quality.GOOD)
    assert shaped(5, Tuning(lookup=TANK, clamp=(0, 90))) == (90, Quality.GOOD)
    assert interpolated(TANK, math.nan, is_clamped=True) is None


def test_a_table_grows() -> None:
    """Two points with the same number have no line between them."""
    assert is_growing(TANK)
    assert not is_growing(TANK[:1])
    assert not is_growing(((1, 2), (1, 3)))
    assert not is_growing(((2, 2), (1, 3)))


def test_a_formula_may_use_what_else_the_device_said() -> None:
    """In the same answer, as it was measured; the worst quality holds."""
    tuning = Tuning(expression="x - dew")
    seen = Measurement("level", 20.0)
    good, unsure = Measurement("dew", 8.0), Measurement("dew", 8.0, Quality.UNCERTAIN)
    assert tuned(seen, FREE, tuning, {"dew": good}) == (12.0, Quality.GOOD)
    assert tuned(seen, FREE, tuning, {"dew": unsure}) == (12.0, Quality.UNCERTAIN)


def test_without_what_it_needs_a_formula_has_the_others_reason() -> None:
    """And where the other was not in the answer at all, it is absent."""
    tuning, seen = Tuning(expression="x - dew"), Measurement("level", 20.0)
    gone = Measurement("dew", None, Quality.TIMEOUT)
    assert tuned(seen, FREE, tuning, {"dew": gone}) == (None, Quality.TIMEOUT)
    assert tuned(seen, FREE, tuning, {}) == (None, Quality.ABSENT)


def test_a_formula_that_gives_nothing_is_a_fault() -> None:
    """Never an exception."""
    assert shaped(0, Tuning(expression="1 / x")) == FAULT
    assert shaped("open", Tuning(expression="x + 1")) == FAULT


def test_a_formula_can_make_a_switch_of_a_number() -> None:
    """Then scale and limits have nothing to do."""
    assert shaped(21, Tuning(expression="x > 20", scale=3)) == (True, Quality.GOOD)


def test_texts_switches_and_places_pass_through() -> None:
    """Numbers alone are shaped."""
    for value in ("open", True, {"lat": 60.2, "lng": 24.9}):
        assert shaped(value, Tuning(scale=2, lookup=TANK, maximum=1)) == (value, Quality.GOOD)


def test_a_reason_stays_a_reason_and_nothing_is_a_fault() -> None:
    """Nothing is made of nothing, and an uncertain value stays uncertain."""
    gone = Measurement("level", None, Quality.OFF)
    assert tuned(gone, FREE, Tuning(expression="5")) == (None, Quality.OFF)
    assert shaped(None, Tuning(expression="5")) == FAULT
    unsure = Measurement("level", 1.0, Quality.UNCERTAIN)
    assert tuned(unsure, FREE, Tuning(scale=2)) == (2.0, Quality.UNCERTAIN)
