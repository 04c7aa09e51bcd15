"""Readings into points: nothing is lost, nothing is overwritten, nothing is written twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.names import name_channels
from gatewayd.clouds.thinger.points import (
    NOT_FINITE,
    TOO_LARGE,
    Point,
    plan_points,
)
from gatewayd.model import Batch, Channel, ChannelId, Quality, Reading

A, B = ChannelId("d/a"), ChannelId("d/b")
NAMES = name_channels({name: Channel(name, "count") for name in (A, B)}, {}, {})


def batch(*readings: Reading) -> Batch:
    return Batch("up", range(1, len(readings) + 1), readings, len(readings))


def payloads(*readings: Reading, known: Point | None = None) -> list[dict[str, object]]:
    before = {known.bucket: known} if known else {}
    plan = plan_points(batch(*readings), NAMES, before)
    return [dict(point.payload()) for point in plan.points]


def test_one_instant_is_one_point() -> None:
    """With all its channels, and the numbers of all its rows."""
    plan = plan_points(batch(Reading(A, 5, 1.5), Reading(B, 5, 2.5), Reading(A, 6, 3.5)), NAMES, {})
    assert [point.seqs for point in plan.points] == [[1, 2], [3]]
    assert plan.points[0].payload() == {"ts": 5, "a": 1.5, "b": 2.5}


def test_two_readings_of_one_millisecond_are_two_points() -> None:
    """The second is moved by one; the first would be overwritten otherwise."""
    assert payloads(Reading(A, 5, 1.5), Reading(A, 5, 2.5), Reading(A, 6, 3.5)) == [
        {"ts": 5, "a": 1.5},
        {"ts": 6, "a": 2.5},
        {"ts": 7, "a": 3.5},
    ]


def test_a_reason_is_told_beside_or_instead_of_a_value() -> None:
    """No value, no member: never a zero."""
    readings = Reading(A, 5, None, Quality.FAULT), Reading(B, 5, 2.5, Quality.UNCERTAIN)
    assert payloads(*readings) == [
        {"ts": 5, "a_quality": "FAULT", "b": 2.5, "b_quality": "UNCERTAIN"}
    ]


def test_what_was_written_of_the_instant_is_written_again() -> None:
    """Because a point replaces the one before; what is newer replaces what is known."""
    known = Point("d", 5, {"a": 1.5, "b_quality": "FAULT"})
    assert payloads(Reading(B, 5, 2.5), known=known) == [{"ts": 5, "a": 1.5, "b": 2.5}]
    assert payloads(Reading(B, 6, 2.5), known=known) == [{"ts": 6, "b": 2.5}]


def test_what_can_never_be_written_is_named() -> None:
    """The rest of the batch is not touched by it."""
    readings = (
        Reading(A, 1, float("inf")),
        Reading(A, 2, 2**70),
        Reading(A, 3, "x" * 4000),
        Reading(A, 4, "short"),
    )
    plan = plan_points(batch(*readings), NAMES, {})
    assert plan.refused == {NOT_FINITE: [1, 2], TOO_LARGE: [3]}
    assert len(plan.points) == 1


def test_what_has_no_place_is_left_out() -> None:
    """A channel that is not Thinger.io's is nobody's fault."""
    assert payloads(Reading(ChannelId("x/y"), 5, 1.5)) == []


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 3)), max_size=20))
def test_every_reading_is_in_exactly_one_point(rows: list[tuple[ChannelId, int]]) -> None:
    """Whatever the instants; no two points of a bucket have the same one."""
    readings = [Reading(name, time_ms, float(n)) for n, (name, time_ms) in enumerate(rows)]
    points = plan_points(batch(*readings), NAMES, {}).points
    assert sorted(seq for point in points for seq in point.seqs) == list(range(1, len(rows) + 1))
    assert len({point.time_ms for point in points}) == len(points)
    written = sorted(value for point in points for value in map(float, point.members.values()))  # type: ignore[arg-type]  # All are numbers here.
    assert written == [float(n) for n in range(len(rows))]
