"""What became of every number, judged from what was said and what arrived."""

from __future__ import annotations

from gatewayd.drill.verdict import HEAD_NUMBERS, TAIL_S, Row, Session, tally


def session(first: int, last: int, ended_s: float | None = None) -> Session:
    """Return a connection on which a number was said every hundredth of a second."""
    said = [(number / 100, number) for number in range(first, last + 1)]
    return Session(first, said, ended_s)


def rows(*numbers: int) -> list[Row]:
    return [Row(1000 + place, number) for place, number in enumerate(numbers)]


def test_all_that_was_said_and_arrived_once_in_order_is_no_fault() -> None:
    """The first numbers may be missing: the driver proves the device with them."""
    found = tally([session(1, 500)], rows(*range(HEAD_NUMBERS, 501)))
    assert found.faults() == []
    assert found.arrived == 401


def test_a_hole_is_a_loss() -> None:
    """One number of a thousand."""
    found = tally([session(1, 1000)], rows(*range(1, 700), *range(701, 1001)))
    assert found.lost == (700,)
    assert found.faults() == ["1 lost: 700 …"]


def test_the_end_of_a_standing_connection_is_a_loss_too() -> None:
    """Nobody was killed: everything must arrive."""
    assert tally([session(1, 100)], rows(*range(1, 99))).lost == (99, 100)


def test_the_end_of_a_cut_connection_may_miss_moments() -> None:
    """As much as was on its way; not seconds."""
    cut = session(1, 1000, ended_s=10.0)
    assert tally([cut], rows(*range(1, 990))).faults() == []
    found = tally([cut], rows(*range(1, 500)))
    assert found.lost == ()
    assert found.tail_s == 5.0 > TAIL_S
    assert found.faults() == ["the last 5.0 s before an end are missing"]


def test_a_number_twice_and_numbers_swapped_are_faults() -> None:
    """A repeat that was stored again under another date; order lost."""
    found = tally([session(1, 5)], rows(1, 2, 2, 4, 3, 5))
    assert (found.repeated, found.swapped) == ((2,), (4,))
    assert len(found.faults()) == 2


def test_each_connection_is_judged_by_itself() -> None:
    """What the kill between two of them cost is no hole."""
    lives = [session(1, 300, ended_s=3.0), session(301, 600)]
    assert tally(lives, rows(*range(1, 299), *range(305, 601))).faults() == []


def test_nothing_at_all_is_a_fault() -> None:
    """Of a connection that was spoken on for long."""
    found = tally([session(1, 1000)], [])
    assert "nothing arrived" in found.faults()
    assert found.tail_s > TAIL_S
