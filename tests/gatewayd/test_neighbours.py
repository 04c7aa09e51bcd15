"""What outputs are to each other, decided from their state alone."""

from __future__ import annotations

import pytest

from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId
from gatewayd.neighbours import Neighbours
from gatewayd.output import Limits, Order, Output

RELAY = Channel("relay", "switch", access=Access.WRITE)
A, B, C = ChannelId("a/relay"), ChannelId("b/relay"), ChannelId("c/relay")


def output(name: ChannelId, **limits: object) -> Output:
    """An output that is known to be off since 0 s."""
    made = Output(name, RELAY, Limits(safe=False, **limits), Order(False))  # type: ignore[arg-type]  # The test's own.
    made.stand(False, 0.0, is_verified=True)
    return made


def switch(output: Output, value: bool, now_s: float) -> None:
    output.stand(value, now_s, is_verified=True)
    output.follow(Order(value, "cloud"), now_s, "asked")


def neighbours(*outputs: Output) -> Neighbours:
    return Neighbours({each.name: each for each in outputs})


def test_between_two_of_an_interlock_both_are_off_for_the_dead_time() -> None:
    """The longer of both counts, whoever comes first."""
    up, down = output(A, interlock=(B,), dead_time=2.0), output(B, dead_time=3.0)
    both = neighbours(up, down)
    switch(up, True, 10.0)
    assert both.find_rival(B) is not None
    switch(up, False, 20.0)
    assert both.find_rival(B) is None
    assert both.start_s(B, 20.5) == 23.0
    assert both.start_s(B, 24.0) == 24.0
    assert both.start_s(A, 20.5) == 20.5, "it was off itself all the time that the other was"


def test_after_a_start_they_come_on_in_order() -> None:
    """The first at once, each next a delay after the one before, whoever was asked first."""
    first = output(A)
    second = output(B, start_after=(A,), start_delay=5.0)
    third = output(C, start_after=(B,), start_delay=5.0)
    all_three = neighbours(first, second, third)
    for each in (C, B, A):
        all_three.promise(each)
    assert [all_three.start_s(each, 1.0) for each in (A, B, C)] == [1.0, 6.0, 11.0]
    switch(first, True, 1.0)
    all_three.release(A)
    assert [all_three.start_s(each, 1.5) for each in (B, C)] == [6.0, 11.0]


def test_nobody_waits_for_one_that_nobody_wants_on() -> None:
    """It is an order of starting, not a condition; long after the start there is no wait."""
    first, second = output(A), output(B, start_after=(A,), start_delay=5.0)
    both = neighbours(first, second)
    assert both.start_s(B, 1.0) == 5.0, "the first has its chance"
    assert both.start_s(B, 100.0) == 100.0


def test_one_that_is_on_is_set_at_once() -> None:
    """A valve from 20 to 40 % starts nothing."""
    first, second = output(A), output(B, start_after=(A,), start_delay=5.0)
    both = neighbours(first, second)
    switch(second, True, 50.0)
    switch(first, True, 51.0)
    assert both.start_s(B, 52.0) == 52.0


def test_a_start_after_what_is_no_output_is_refused() -> None:
    """When the gateway is built, not when the pump is wanted."""
    with pytest.raises(ConfigError, match="starts after b/relay"):
        neighbours(output(A, start_after=(B,), start_delay=1.0))
