"""Minimum, mean and maximum of a stretch of time."""

from __future__ import annotations

from gatewayd.model import Quality
from gatewayd.window import LATE_MS, Summary, Window

MINUTE = 60_000


def test_a_window_ends_at_the_even_minute() -> None:
    """So that those of two gateways can be compared."""
    window = Window(5 * MINUTE)
    window.begin(7 * MINUTE + 1)
    assert window.ends_ms == 10 * MINUTE
    assert not window.is_over(10 * MINUTE - 1)
    assert window.is_over(10 * MINUTE)
    window.begin(10 * MINUTE)
    assert window.ends_ms == 15 * MINUTE


def test_before_it_begins_nothing_is_over() -> None:
    """A gateway that has just started has no window behind it."""
    assert not Window(MINUTE).is_over(MINUTE)


def test_every_answer_counts_the_same() -> None:
    """The mean is plain, and of values that are all the same it is that value."""
    window = Window(MINUTE)
    for value in (1.0, 2.0, 6):
        window.add(value, Quality.GOOD)
    assert window.summary() == Summary(3.0, 1.0, 6, Quality.GOOD)
    window.begin(0)
    for _ in range(30):
        window.add(21.3, Quality.GOOD)
    assert window.summary() == Summary(21.3, 21.3, 21.3, Quality.GOOD)


def test_reasons_do_not_spoil_a_window_that_has_values() -> None:
    """One lost answer of thirty is no reason to say nothing; an uncertain one is told."""
    window = Window(MINUTE)
    window.add(None, Quality.TIMEOUT)
    window.add(4.0, Quality.UNCERTAIN)
    assert window.summary() == Summary(4.0, 4.0, 4.0, Quality.UNCERTAIN)


def test_a_window_without_a_value_has_its_reason() -> None:
    """The last one; what was not heard of at all is absent; a text has no mean."""
    window = Window(MINUTE)
    assert window.summary().quality is Quality.ABSENT
    window.add(None, Quality.TIMEOUT)
    assert window.summary() == Summary(None, None, None, Quality.TIMEOUT)
    window.add("open", Quality.GOOD)
    assert window.summary().quality is Quality.FAULT
    window.begin(0)
    assert window.summary().quality is Quality.ABSENT


def test_the_share_of_time_that_a_switch_is_on() -> None:
    """The mean of switches."""
    window = Window(MINUTE)
    for value in (True, False, False, True):
        window.add(value, Quality.GOOD)
    assert window.summary().mean == 0.5


def test_a_clock_that_is_put_right_ends_a_window_now() -> None:
    """Its end lies in another time: hours ago, or in the future."""
    window = Window(MINUTE)
    window.begin(0)
    assert window.date_ms(MINUTE + 500) == MINUTE
    late = MINUTE + LATE_MS + 1
    assert (window.is_over(late), window.date_ms(late)) == (True, late)
    window.begin(100 * MINUTE)
    assert window.is_over(5 * MINUTE)
    assert window.date_ms(5 * MINUTE) == 5 * MINUTE
