"""From the unit of a channel to the one that a cloud expects."""

from __future__ import annotations

import pytest

from gatewayd.clouds.units import conversion


def test_fahrenheit_and_kelvin_become_celsius() -> None:
    """The only conversions with an offset."""
    scale, offset = conversion("[degF]", "Cel")
    assert (212 * scale + offset, 32 * scale + offset) == pytest.approx((100, 0))
    assert conversion("K", "Cel") == (1, -273.15)


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
