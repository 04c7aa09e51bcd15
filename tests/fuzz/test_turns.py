"""An hour is shared out: everybody once, then to those who still learn, and no more."""

from __future__ import annotations

from tests.fuzz.turns import (
    FIRST_S_MAX,
    LEARNING,
    SLICE_S,
    Slice,
    Standing,
    next_fuzzer,
    next_target,
    slice_s,
    spent_s,
)

FRESH = Standing()
IDLE = Standing(spent_s=10.0, branches=7, slices=1)
LEARNT = Standing(spent_s=20.0, branches=9, gained=2, slices=1)
BROKEN = Standing(spent_s=1.0, slices=1, findings=1, is_broken=True)


def test_everybody_has_a_first_slice_before_anybody_has_a_second() -> None:
    """However much the others still learn."""
    assert next_target({"a": LEARNT, "b": FRESH}, ()) == "b"


def test_who_still_learns_has_more() -> None:
    """It may have had four times as much and is next all the same; no more than that."""
    assert next_target({"idle": IDLE, "learnt": LEARNT}, ()) == "learnt"
    had_enough = Standing(spent_s=10.1 * LEARNING, gained=1, slices=3)
    assert next_target({"idle": IDLE, "learnt": had_enough}, ()) == "idle"


def test_what_is_broken_or_under_way_rests() -> None:
    """A target that broke waits for its fix; one that runs is not run twice at once."""
    assert next_target({"a": BROKEN, "b": IDLE}, ()) == "b"
    assert next_target({"a": BROKEN, "b": IDLE}, {"b"}) is None
    assert next_target({"a": BROKEN.mended(), "b": IDLE}, ()) == "a"


def test_the_fuzzer_that_had_least_is_next_and_none_gets_more_than_was_said() -> None:
    """What is under way counts as had."""
    fuzzers = {"x": {"a": IDLE, "b": IDLE}, "y": {"c": IDLE, "d": IDLE}}
    assert next_fuzzer(fuzzers, {"a": 5.0}, 60) == "y"
    assert next_fuzzer(fuzzers, {"a": 5.0, "c": 40.0}, 60) == "x"
    assert next_fuzzer(fuzzers, {}, 20) is None


def test_no_first_round_is_cut_short() -> None:
    """A fuzzer whose time is over goes on until each of its targets has had a slice."""
    assert next_fuzzer({"x": {"a": LEARNT, "b": FRESH}}, {}, 1) == "x"
    assert next_fuzzer({"x": {"a": LEARNT, "b": FRESH}}, {"b": 1.0}, 1) is None


def test_a_fuzzer_whose_targets_are_all_broken_ends() -> None:
    """Its time is not waited for."""
    assert next_fuzzer({"x": {"a": BROKEN}}, {}, 3600) is None


def test_a_short_run_divides_its_time_evenly() -> None:
    """And a long one looks at everybody shortly before it takes its time."""
    assert slice_s(FRESH, 100, 120, 120) == 1.2
    assert slice_s(FRESH, 100, 3600, 3600) == FIRST_S_MAX
    assert slice_s(IDLE, 100, 3600, 3000) == SLICE_S
    assert slice_s(IDLE, 100, 3600, 12) == 12


def test_a_slice_is_added_to_what_was_before() -> None:
    """And gained is what no slice before had reached."""
    standing = FRESH.after(Slice(2.0, 100, 12, 3, True))
    assert standing == Standing(2.0, 100, 12, 3, 1)
    standing = standing.after(Slice(2.0, 100, 13, 5, False))
    assert standing == Standing(4.0, 200, 13, 1, 2, 1, True)
    assert standing.after(Slice(1.0, 9, 11, 1, True)).gained == 0
    assert spent_s({"a": standing, "b": IDLE}) == 14.0
