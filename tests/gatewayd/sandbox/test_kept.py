"""What arrived last, bounded."""

from __future__ import annotations

from gatewayd.sandbox.kept import Kept


def test_the_newest_stay_in_order() -> None:
    """By number first."""
    kept = Kept[str](2, 1000)
    for word in ("a", "b", "c"):
        kept.add(word, 1)
    assert (list(kept), kept[-1], len(kept), kept.forgotten) == (["b", "c"], "c", 2, 1)


def test_one_that_is_too_large_for_the_room_is_forgotten_at_once() -> None:
    """And takes all before it along: the bound is a bound."""
    kept = Kept[str](10, 5)
    kept.add("a", 1)
    kept.add("b", 9)
    assert (list(kept), kept.forgotten) == ([], 2)


def test_it_can_be_emptied() -> None:
    """Bytes too."""
    kept = Kept[str](10, 5)
    kept.add("a", 5)
    kept.clear()
    kept.add("b", 5)
    assert (list(kept), kept.forgotten) == (["b"], 0)
