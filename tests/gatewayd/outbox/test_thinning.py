"""What a full log can do without."""

from __future__ import annotations

from gatewayd.model import ChannelId, Quality, Reading, Value
from gatewayd.outbox.slab import HOLE, Slab, make_slab
from gatewayd.outbox.thinning import DROPPING, THINNINGS, surplus, thinned

A, B = ChannelId("a/b"), ChannelId("c/d")
NUMBERS = {A: 0, B: 1}
REPEATS, FIVE_MINUTES, HOUR = THINNINGS
NOBODY = frozenset[int]()


def slab_of(*values: Value | None, every_ms: int = 1000, channel: ChannelId = A) -> Slab:
    readings = [
        Reading(channel, at * every_ms, value, Quality.FAULT if value is None else Quality.GOOD)
        for at, value in enumerate(values)
    ]
    return make_slab(1, readings, NUMBERS)


def test_between_two_equal_values_a_third_says_nothing() -> None:
    """The first and the last of a run stay, so that the curve does."""
    slab = slab_of(1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 2.0)
    assert surplus(slab, NOBODY, REPEATS) == [2, 3]


def test_another_channel_in_between_is_no_change() -> None:
    """Each channel for itself."""
    readings = [Reading(each, at, 1.0) for at in range(4) for each in (A, B)]
    assert surplus(make_slab(1, readings, NUMBERS), NOBODY, REPEATS) == [2, 3, 4, 5]


def test_a_reason_between_two_values_stays() -> None:
    """No value is no repeat of a value; another quality is no repeat either."""
    assert surplus(slab_of(1.0, None, 1.0), NOBODY, REPEATS) == []
    readings = [Reading(A, at, 1.0, Quality(at % 2)) for at in range(3)]
    assert surplus(make_slab(1, readings, NUMBERS), NOBODY, REPEATS) == []


def test_of_a_window_the_lowest_highest_and_last_stay() -> None:
    """Five minutes of readings at one a minute: three of five."""
    slab = slab_of(5.0, 9.0, 4.0, 1.0, 5.0, 6.0, every_ms=60_000)
    assert surplus(slab, NOBODY, FIVE_MINUTES) == [0, 2]


def test_what_is_no_number_stays_in_its_window() -> None:
    """Switches, texts, places and reasons: there is nothing between two of them."""
    slab = slab_of(True, "on", {"lat": 1.0}, None, False, True)
    assert surplus(slab, NOBODY, HOUR) == []


def test_alarms_and_counters_are_spared_by_every_way() -> None:
    """Also when all else of the oldest goes."""
    slab = slab_of(1.0, 1.0, 1.0, 1.0, 2.0, 1.5, 1.0)
    for thinning in (*THINNINGS, DROPPING):
        assert surplus(slab, NOBODY, thinning)
        assert surplus(slab, frozenset({0}), thinning) == []


def test_thinning_twice_is_thinning_once() -> None:
    """What was left out is no reading; windows lie where they lay."""
    for thinning in THINNINGS:
        slab = slab_of(*[float(at % 7 // 3) for at in range(500)], every_ms=10_000)
        less = thinned(slab, surplus(slab, NOBODY, thinning))
        assert surplus(less, NOBODY, thinning) == []


def test_a_hole_keeps_its_number() -> None:
    """What stays has the number, the time, the value and the quality that it had."""
    slab = slab_of(1.0, 1.0, 1.0, None)
    less = thinned(slab, [1])
    assert (less.first, less.last, less.holes) == (1, 4, 1)
    assert less.numbers == [0, HOLE, 0, 0]
    assert less.pick([A], [0, 2, 3]) == slab.pick([A], [0, 2, 3])
    assert less.numbers[1] == HOLE
