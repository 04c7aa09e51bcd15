"""When a reading calls somebody: changes only, fresh ones, and not too many."""

from __future__ import annotations

from typing import Literal

import pytest

from gatewayd.clouds.thinger.calls import Allowance, CallEntry, is_due
from gatewayd.model import ChannelId, Quality, Reading, Value

A = ChannelId("d/a")


def reading(value: Value | None) -> Reading:
    return Reading(A, 1, value, Quality.GOOD if value is not None else Quality.FAULT)


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ("change", {(0, 1), (1, 0), (None, 0), (None, 1)}),
        ("on", {(0, 1), (None, 1)}),
        ("off", {(1, 0), (None, 0)}),
        ("fault", {(0, None), (1, None)}),
    ],
)
def test_a_rule_fires_on_its_change_alone(
    when: Literal["change", "on", "off", "fault"], due: set[tuple[int | None, int | None]]
) -> None:
    """Of all steps between on, off and gone."""
    entry = CallEntry(endpoint="e", when=when)
    states = (0, 1, None)
    fired = {
        (old, new) for old in states for new in states if is_due(entry, reading(old), reading(new))
    }
    assert fired == due


def test_the_first_reading_is_no_change() -> None:
    """Nobody knows what was before."""
    assert not is_due(CallEntry(endpoint="e", when="on"), None, reading(True))


def test_an_allowance_is_used_up_and_refilled() -> None:
    """A burst at once, then one every interval, and never more than the burst."""
    allowance = Allowance(60.0, 3, 3.0, 0.0)
    assert [allowance.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take(now_s) for now_s in (30.0, 61.0, 62.0)] == [False, True, False]
    assert [allowance.take(10_000.0) for _ in range(4)] == [True, True, True, False]
