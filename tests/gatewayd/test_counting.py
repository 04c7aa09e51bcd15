"""Totals that survive what their counters do not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.counting import Count, begun, counted, is_number, is_within, resumed


def total_after(raws: list[float], wraps_at: float | None = None, scale: float = 1.0) -> float:
    """Return the total after a counter said these numbers."""
    count = begun(raws[0], scale, 0.0)
    for raw in raws[1:]:
        count = counted(count, raw, wraps_at)
    return count.total


def test_without_a_start_the_device_itself_is_believed() -> None:
    """A meter that has counted for years shows what it counted, to the last digit."""
    assert begun(12345.67, 1.0, None).total == 12345.67
    assert counted(begun(12345.67, 1.0, None), 12345.7, None).total == 12345.7


def test_a_start_is_where_the_total_stands_at_the_first_count() -> None:
    """As the owner reads it off the old meter."""
    count = begun(1000, 0.01, 12345.6)
    assert count.total == pytest.approx(12345.6)
    assert counted(count, 1100, None).total == pytest.approx(12346.6)


@pytest.mark.parametrize(
    ("raws", "wraps_at", "total"),
    [
        ([10, 15, 20], None, 10),
        ([65_530, 65_535, 4], 65_536, 10),  # Wrapped.
        ([10, 15, 3], None, 8),  # Begun again.
        ([10, 15, 0], None, 5),
        ([30_000, 5], 65_536, 5),  # Too far from its end to have wrapped.
        ([65_000, 65_500, 100, 65_000, 3], 65_536, 500 + 136 + 64_900 + 539),
        ([70_000, 5], 65_536, 5),  # It cannot be what the driver says it is.
        ([100, 100, 100], None, 0),
    ],
)
def test_a_number_that_falls_has_wrapped_or_begun_again(
    raws: list[float], wraps_at: float | None, total: float
) -> None:
    """Which of both is told by how near its end it was."""
    assert total_after(raws, wraps_at) == total


def test_a_wrap_and_a_reset_are_worth_their_scale() -> None:
    """The base is in the total's unit."""
    assert total_after([65_530, 4], 65_536, scale=0.1) == pytest.approx(1.0)
    assert total_after([10, 20, 3], None, scale=0.1) == pytest.approx(1.3)


def test_a_meters_rounding_is_no_restart() -> None:
    """A fall by a thousandth counts nothing, and nothing is counted twice afterwards."""
    assert total_after([5000.0, 5000.02, 5000.01, 5000.03]) == pytest.approx(0.03)
    assert total_after([3, 2]) == 2


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(0, 65_535))
def test_nothing_is_lost_over_any_number_of_wraps(grown: list[int], first: int) -> None:
    """Whatever it grows by, as long as it is asked often enough."""
    raws, true = [float(first)], first
    for growth in grown:
        true += growth
        raws.append(true % 65_536)
    assert total_after(raws, 65_536) == true - first


def test_a_kept_count_goes_on_where_it_was() -> None:
    """Also when the device counted on meanwhile."""
    kept = counted(begun(100, 1.0, None), 150, None)
    again = resumed(kept, 1.0, None)
    assert again == kept
    assert again is not None
    assert counted(again, 170, None).total == 170


def test_a_new_scale_holds_from_now_on() -> None:
    """What was counted was counted."""
    again = resumed(Count(1000, scale=0.1), 0.5, None)
    assert again is not None
    assert again.total == pytest.approx(100)
    assert counted(again, 1002, None).total == pytest.approx(101)


def test_another_start_is_a_correction_and_the_same_one_is_none() -> None:
    """How the owner puts a total right; without the key it goes on as well."""
    kept = begun(10, 1.0, 500.0)
    assert resumed(kept, 1.0, 600.0) is None
    assert resumed(kept, 1.0, 500.0) == kept
    assert resumed(kept, 1.0, None) == kept


@pytest.mark.parametrize("raw", [None, True, "5", -1, math.nan, math.inf, {"a": 1.0}])
def test_what_no_counter_says(raw: object) -> None:
    """Such an answer is a fault, and counts nothing."""
    assert not is_number(raw)  # type: ignore[arg-type]  # also nonsense
    assert is_number(5)


def test_limits_are_those_that_there_are() -> None:
    """Both ends included."""
    assert is_within(5, None, None)
    assert is_within(5, 5, 5)
    assert not is_within(5, 6, None)
    assert not is_within(5, None, 4)
