"""What a card can bear, and how far apart commits have to be."""

from __future__ import annotations

import pytest

from gatewayd.card import (
    COMMIT_BYTES,
    DAY_S,
    READING_BYTES,
    Asked,
    Endurance,
    choose_interval,
    estimate_bytes_a_day,
    find_interval,
)

GB = 1e9


def test_a_budget_is_the_card_so_often_in_so_many_years() -> None:
    """32 GB a thousand times in ten years are 8.8 GB a day; half the rate, twice the years."""
    card = Endurance(32 * GB, 1000, 10)
    assert card.bytes_a_day == pytest.approx(8.76 * GB, rel=1e-3)
    assert card.years_at(card.bytes_a_day / 2) == pytest.approx(20)
    assert card.years_at(0) is None


def test_commits_are_what_costs() -> None:
    """One reading a second in commits of a second is 1.8 GB a day, of a minute a thirtieth."""
    asked = Asked(DAY_S, 1.0, 0.0)
    assert estimate_bytes_a_day(asked, 1.0) == pytest.approx(1.82 * GB, rel=1e-2)
    assert estimate_bytes_a_day(asked, 60.0) == pytest.approx(0.033 * GB, rel=2e-2)


def test_no_reading_no_commit() -> None:
    """Ten readings a day are ten commits, however short the interval; the rest is added."""
    told = estimate_bytes_a_day(Asked(10, 1.0, 500.0), 1.0)
    assert told == 10 * (COMMIT_BYTES + READING_BYTES) + 500.0


def test_the_interval_that_fits_is_the_shortest_that_does() -> None:
    """What it is stretched to keeps to the budget, and a little less does not."""
    asked, budget = Asked(DAY_S, 1.0, 1e6), 0.1 * GB
    interval_s = find_interval(asked, budget, 1.0)
    assert interval_s is not None
    assert estimate_bytes_a_day(asked, interval_s) <= budget * 1.000001
    assert estimate_bytes_a_day(asked, interval_s * 0.99) > budget
    assert find_interval(asked, 10 * GB, 1.0) == 1.0


def test_no_interval_helps_where_the_readings_or_the_rest_are_too_much() -> None:
    """Bytes of readings are written whatever their company is."""
    assert find_interval(Asked(1e9, 1.0, 0.0), 1 * GB, 1.0) is None
    assert find_interval(Asked(10, 1.0, 2 * GB), 1 * GB, 1.0) is None


@pytest.mark.parametrize(
    ("commit_bytes", "room", "interval_s"),
    [
        (0.0, 1e9, 1.0),  # Nothing goes to the card.
        (20_000.0, 100e9, 1.0),  # The budget allows more than the owner wants.
        (20_000.0, 86.4e6, 20.0),
        (20_000.0, 1e6, 60.0),  # More than the owner allows.
        (20_000.0, -5.0, 60.0),  # Others have used it up.
    ],
)
def test_commits_are_spaced_by_what_they_cost(
    commit_bytes: float, room: float, interval_s: float
) -> None:
    """Between the owner's two limits."""
    assert choose_interval(commit_bytes, room, 1.0, 60.0) == pytest.approx(interval_s)
