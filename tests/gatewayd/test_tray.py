"""Orders that wait: who goes first, who lets others pass, who is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gatewayd.model import Access, Channel, ChannelId, Outcome, Status
from gatewayd.output import Limits, Order, Output
from gatewayd.testing.simulated import simulated
from gatewayd.tray import REPLACED, REQUESTS_MAX, Request, Tray, at_once

RELAY = Channel("relay", "switch", access=Access.WRITE)


def output(name: str) -> Output:
    return Output(ChannelId(name), RELAY, Limits(safe=False), Order(False))


def request(
    of: Output, start_s: Callable[[float], float] = at_once, *, is_forced: bool = False
) -> Request:
    reply: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    return Request(of, Order(True, "cloud"), reply, 0, is_forced, start_s)


def at_9(now_s: float) -> float:
    return max(now_s, 9.0)


@simulated
async def test_one_that_waits_lets_the_others_pass() -> None:
    """And comes when its moment has."""
    tray, late, soon = Tray(), request(output("a/b"), at_9), request(output("c/d"))
    assert tray.put(late, 1.0)
    assert tray.put(soon, 1.0)
    assert tray.take(1.0) is soon
    assert tray.take(1.0) is None
    assert tray.next_s(1.0) == 9.0
    assert tray.take(9.0) is late
    assert tray.next_s(9.0) is None


@simulated
async def test_a_later_order_takes_the_place_of_one_that_waits() -> None:
    """The off that follows an on that has not started yet: only the off happens."""
    tray, pump = Tray(), output("a/b")
    first, second = request(pump, at_9), request(pump)
    tray.put(first, 1.0)
    tray.put(second, 2.0)
    assert first.reply.result() == Outcome(Status.REFUSED, REPLACED)
    assert tray.take(2.0) is second
    assert tray.take(20.0) is None


@simulated
async def test_two_in_quick_turn_are_both_carried_out() -> None:
    """Who waits for nothing but its turn is not replaced."""
    tray, pump = Tray(), output("a/b")
    both = [request(pump), request(pump)]
    for each in both:
        tray.put(each, 1.0)
    assert [tray.take(1.0), tray.take(1.0)] == both


@simulated
async def test_it_is_bounded_for_all_but_forced_ones() -> None:
    """Going safe always finds a place."""
    tray, pump = Tray(), output("a/b")
    for _ in range(REQUESTS_MAX):
        assert tray.put(request(pump), 1.0)
    assert not tray.put(request(pump), 1.0)
    assert tray.put(request(pump, is_forced=True), 1.0)
    assert len(list(tray.empty())) == REQUESTS_MAX + 1
