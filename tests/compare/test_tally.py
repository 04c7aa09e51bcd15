"""Arrivals are counted for what they are."""

from __future__ import annotations

from tests.compare.tally import Result, Tally


def counted(*arrivals: tuple[str, int]) -> Tally:
    tally = Tally()
    for channel, number in arrivals:
        tally.take(channel, number)
    return tally


def test_what_arrives_once_and_in_order_is_unique() -> None:
    """Two channels do not disturb each other's order."""
    tally = counted(("a", 1), ("b", 1), ("b", 2), ("a", 2))
    assert tally.result({"a": 2, "b": 2}) == Result(4, 4, 0, 0, 0)


def test_a_repeat_is_a_duplicate_and_no_reordering() -> None:
    """Sent again from the middle, as after a lost acknowledgement."""
    tally = counted(("a", 1), ("a", 2), ("a", 1), ("a", 2), ("a", 3))
    assert tally.result({"a": 3}) == Result(3, 3, 2, 0, 0)


def test_what_comes_after_a_younger_one_is_reordered() -> None:
    """One late reading is one."""
    assert counted(("a", 1), ("a", 3), ("a", 2)).result({"a": 3}) == Result(3, 3, 0, 0, 1)


def test_what_never_arrives_is_lost_whatever_else_arrives() -> None:
    """A hole, a tail, and a whole channel; a reading that was half-way in makes up for none."""
    tally = counted(("a", 1), ("a", 3), ("b", 1), ("b", 2))
    assert tally.result({"a": 4, "b": 1, "c": 2}) == Result(7, 4, 0, 4, 0)
