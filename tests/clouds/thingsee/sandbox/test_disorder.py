"""Lost, doubled, out of order: one at a time, counted down, put right."""

from __future__ import annotations

from gatewayd.clouds.thingsee.sandbox.disorder import Disorder, Disorders


def passed(faults: Disorders, count: int = 4) -> list[int]:
    """Return what comes out of a disorder."""
    disorder = Disorder[int]()
    disorder.faults = faults
    return [each for number in range(count) for each in disorder.pass_on(number)]


def test_without_faults_everything_passes() -> None:
    """In order, once."""
    assert passed(Disorders()) == [0, 1, 2, 3]


def test_so_many_are_lost() -> None:
    """The first ones; or all."""
    assert passed(Disorders(lose=2)) == [2, 3]
    assert passed(Disorders(lose=-1)) == []


def test_so_many_go_twice() -> None:
    """One after the other."""
    assert passed(Disorders(duplicate=1)) == [0, 0, 1, 2, 3]


def test_one_waits_for_the_next() -> None:
    """Two change places; for ever, every pair."""
    assert passed(Disorders(reorder=1)) == [1, 0, 2, 3]
    assert passed(Disorders(reorder=-1)) == [1, 0, 3, 2]


def test_what_was_held_back_is_let_go() -> None:
    """When everything is put right."""
    disorder = Disorder[int]()
    disorder.faults = Disorders(reorder=1)
    assert disorder.pass_on(0) == []
    assert disorder.mend() == [0]
    assert disorder.pass_on(1) == [1]
