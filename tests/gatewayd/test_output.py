"""The clocks of an output, decided without waiting."""

from __future__ import annotations

import pytest

from gatewayd.model import Access, Channel, ChannelId
from gatewayd.output import (
    Due,
    Limits,
    Order,
    Output,
    find_objection,
    hold_left_s,
    next_deadline,
    state_of,
)

RELAY = Channel("relay", "switch", access=Access.WRITE)


def output_on(limits: Limits, order: Order, at_s: float = 100.0) -> Output:
    """An output that was off for long and follows an order since `at_s`."""
    output = Output(ChannelId("pump/relay"), RELAY, limits, Order(limits.safe))
    output.stand(False, 0.0, is_verified=True)
    output.stand(order.value, at_s, is_verified=True)
    output.follow(order, at_s, "asked")
    return output


@pytest.mark.parametrize(
    ("limits", "order", "gone_s", "due"),
    [
        (Limits(safe=False), Order(True, "a"), {"a": 0.0}, None),
        (Limits(safe=False), Order(True, "a", hold_s=5), {}, (105, Due.HOLD)),
        (Limits(safe=False, hold_max=3), Order(True, "a", hold_s=5), {}, (103, Due.HOLD_MAX)),
        (Limits(safe=False, hold_max=9), Order(True, "a", hold_s=5), {}, (105, Due.HOLD)),
        (Limits(safe=False, orphan=60), Order(True, "a"), {}, None),
        (Limits(safe=False, orphan=60), Order(True, "a"), {"b": 101.0}, None),
        (Limits(safe=False, orphan=60), Order(True, "a"), {"a": 101.0}, (161, Due.ORPHAN)),
        (Limits(safe=False), Order(True, "a", blink_s=2), {}, (102, Due.FLIP)),
        (Limits(safe=False, hold_max=2), Order(True, "a", blink_s=2), {}, (102, Due.HOLD_MAX)),
        (Limits(safe=False, hold_max=2), Order(False, "a", hold_s=1), {}, None),
        (Limits(safe=True, hold_max=2), Order(False, "a"), {}, (102, Due.HOLD_MAX)),
    ],
)
def test_the_earliest_clock_is_next(
    limits: Limits, order: Order, gone_s: dict[str, float], due: tuple[float, Due] | None
) -> None:
    """Safe needs no clock; of several the first acts; at one instant safe beats blinking."""
    assert next_deadline(output_on(limits, order), gone_s) == due


def test_hold_max_is_counted_from_leaving_safe() -> None:
    """A second order does not push it back, being safe in between does."""
    output = output_on(Limits(safe=False, hold_max=50), Order(True, "a"))
    output.follow(Order(True, "b"), 140.0, "asked")
    assert next_deadline(output, {}) == (150, Due.HOLD_MAX)
    output.follow(Order(False), 141.0, "safe")
    output.follow(Order(True, "b"), 142.0, "asked")
    assert next_deadline(output, {}) == (192, Due.HOLD_MAX)


@pytest.mark.parametrize(
    ("order", "now_s", "objection"),
    [
        (Order(False), 105.0, "on for at least 30s (min_on): 25s to go"),
        (Order(False), 130.0, None),
        (Order(True), 101.0, None),
        (Order(True, hold_s=29), 101.0, "a hold of 29s is shorter than min_on"),
        (Order(True, hold_s=30), 101.0, None),
        (Order(True, blink_s=10), 101.0, "blinking of 10s is shorter than min_on"),
        (Order(True, blink_s=40), 101.0, "blinking of 40s is shorter than min_off"),
        (Order(True, blink_s=60), 101.0, None),
    ],
)
def test_an_order_that_would_switch_too_fast_is_objected_to(
    order: Order, now_s: float, objection: str | None
) -> None:
    """Too early now, or too short by its own plan."""
    output = output_on(Limits(safe=False, min_on=30, min_off=60), Order(True))
    assert find_objection(output, order, now_s) == objection


def test_writing_the_same_value_again_does_not_restart_min_on() -> None:
    """How long it has been on is a fact of the hardware, not of the orders."""
    output = output_on(Limits(safe=False, min_on=30), Order(True))
    output.stand(True, 120.0, is_verified=True)
    assert find_objection(output, Order(False), 130.0) is None


def test_an_output_in_doubt_may_be_on() -> None:
    """Until the hardware has said off, nobody may count on it."""
    output = Output(ChannelId("pump/relay"), RELAY, Limits(safe=False), Order(False))
    seen = [output.may_be_on]
    output.stand(False, 1.0, is_verified=True)
    seen.append(output.may_be_on)
    output.follow(Order(True, blink_s=1), 2.0, "asked")
    seen.append(output.may_be_on)
    assert seen == [True, False, True], "the dark half of blinking is no rest"


def test_the_state_tells_the_time_to_safe_not_to_the_next_blink() -> None:
    """What a person wants to know is when it stops."""
    output = output_on(Limits(safe=False), Order(True, "a", hold_s=60, blink_s=1))
    assert hold_left_s(output, {}, 110.0) == 50
    state = state_of(output, {}, 110.0)
    assert (state.left_s, state.for_s, state.is_safe, state.blink_s) == (50, 10, False, 1)
