"""From the unit of a channel to another one."""

from __future__ import annotations

import pytest

from gatewayd.units import conversion, is_convertible, units_beside


def test_fahrenheit_and_kelvin_become_celsius() -> None:
    """The only conversions with an offset."""
    scale, offset = conversion("[degF]", "Cel")
    assert (212 * scale + offset, 32 * scale + offset) == pytest.approx((100, 0))
    assert conversion("K", "Cel") == (1, -273.15)


@pytest.mark.parametrize(
    ("unit", "wanted", "value", "becomes"),
    [("Cel", "[degF]", 100, 212), ("[degF]", "K", 32, 273.15), ("K", "[degF]", 273.15, 32)],
)
def test_temperatures_go_every_way(unit: str, wanted: str, value: float, becomes: float) -> None:
    """Not only to degrees Celsius."""
    scale, offset = conversion(unit, wanted)
    assert value * scale + offset == pytest.approx(becomes)


@pytest.mark.parametrize(
    ("unit", "wanted", "scale"),
    [("hPa", "Pa", 100), ("m/s2", "m[g]", 1000 / 9.80665), ("m", "mm", 1000), ("V", "V", 1)],
)
def test_units_of_one_dimension_are_converted(unit: str, wanted: str, scale: float) -> None:
    """By one factor."""
    factor, offset = conversion(unit, wanted)
    assert factor == pytest.approx(scale)
    assert offset == 0


def test_units_that_have_nothing_in_common_stay_as_they_are() -> None:
    """A wrong factor is worse than none."""
    assert conversion("Cel", "Pa") == conversion("furlong", "m") == (1, 0)


def test_the_units_of_one_quantity_are_known_together() -> None:
    """What a mistyped one may have meant; a unit that nobody knows has none."""
    assert "kPa" in units_beside("hPa")
    assert is_convertible("hPa", "kPa")
    assert not is_convertible("hPa", "kpa")
    assert units_beside("furlong") == ()
    assert is_convertible("furlong", "furlong")
