"""What thethings.iO is told for a batch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewayd.clouds.thethingsio.codec import WRITE_BYTES_MAX, Geo
from gatewayd.clouds.thethingsio.names import Names, Resource, Rules, name_channels
from gatewayd.clouds.thethingsio.report import Mark, Plan, Told, is_urgent, plan_writes
from gatewayd.clouds.wire_values import NOT_FINITE, TOO_LARGE
from gatewayd.model import Access, Batch, Channel, ChannelId, Quality, Reading, Value

T, GPS, OUT = ChannelId("a/t"), ChannelId("a/gps"), ChannelId("a/out")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    GPS: Channel(GPS, "location"),
    OUT: Channel(OUT, "switch", access=Access.WRITE),
}
PLAIN = name_channels(CHANNELS, {}, {}, Rules())
TELLING = name_channels(CHANNELS, {}, {}, Rules(quality="_q"))


def batch(*readings: Reading) -> Batch:
    return Batch("up", range(100, 100 + len(readings)), readings, 100 + len(readings))


def planned(*readings: Reading, names: Names = PLAIN, told: Told | None = None) -> Plan:
    return plan_writes(batch(*readings), names, told or Told(), GPS)


def entries(plan: Plan) -> list[dict[str, Any]]:
    return [entry for write in plan.writes for entry in json.loads(write.payload)["values"]]


def test_a_value_carries_its_time() -> None:
    """The cloud would stamp it on arrival; a batch sent twice would be two values then."""
    (entry,) = entries(planned(Reading(T, 1500, 20.5)))
    assert entry == {"key": "a.t", "value": 20.5, "datetime": "1970-01-01T00:00:01.500Z"}


def test_values_are_told_in_the_order_of_time() -> None:
    """Whatever order the rows have between channels."""
    plan = planned(Reading(T, 3000, 3.0), Reading(OUT, 1000, True), Reading(T, 4000, 4.0))
    assert [entry["value"] for entry in entries(plan)] == [1, 3.0, 4.0]
    assert [write.seqs for write in plan.writes] == [[101, 100, 102]]


def test_one_instant_has_one_value() -> None:
    """Values of one millisecond are moved apart, over batches too; late ones keep their time."""
    told = Told(marks={T: Mark(1000, 1000)})
    times = (1000, 1000, 1001, 500)
    plan = planned(*(Reading(T, time, 1.0) for time in times), told=told)
    sent = [entry["datetime"][17:23] for entry in entries(plan)]
    assert sent == ["00.500", "01.000", "01.001", "01.002"]
    again = planned(Reading(T, 1000, 1.0), Reading(T, 1000, 2.0), told=told)
    assert [entry["datetime"][17:23] for entry in entries(again)] == ["01.001", "01.002"]


def test_a_position_is_value_and_place() -> None:
    """And the batch's last is where the thing is."""
    plan = planned(
        Reading(GPS, 1000, {"lat": 60.0, "lng": 24.0}),
        Reading(GPS, 2000, {"lat": 61.0, "lng": 25.0}),
    )
    assert [entry["geo"] for entry in entries(plan)] == [
        {"lat": 60.0, "long": 24.0},
        {"lat": 61.0, "long": 25.0},
    ]
    assert plan.position == Geo(61.0, 25.0)


def test_named_numbers_that_are_no_position_are_just_a_value() -> None:
    """A colour has no place, and neither has latitude 91."""
    plan = planned(Reading(T, 1000, {"red": 1.0}), Reading(GPS, 1000, {"lat": 91.0, "lng": 0.0}))
    assert all("geo" not in entry for entry in entries(plan))
    assert plan.position is None


def test_reasons_are_told_when_they_change() -> None:
    """Against what was told before, and within the batch."""
    qualities = [Quality.ABSENT, Quality.ABSENT, Quality.GOOD, Quality.UNCERTAIN, Quality.UNCERTAIN]
    told = Told(words={T: "absent"})
    plan = planned(
        *(Reading(T, i, 1.0 if q.has_value else None, q) for i, q in enumerate(qualities)),
        names=TELLING,
        told=told,
    )
    words = [entry["value"] for entry in entries(plan) if entry["key"] == "a.t_q"]
    assert words == ["good", "uncertain"]
    assert plan.words == {T: "uncertain"}


def test_a_reason_that_nobody_wants_is_delivered_by_nothing() -> None:
    """A batch of them is done without a write; so are channels of other things."""
    assert planned(Reading(T, 1, None, Quality.FAULT), Reading(ChannelId("b/x"), 1, 2.0)) == Plan()


@pytest.mark.parametrize(
    ("value", "reason"),
    [(float("nan"), NOT_FINITE), (10**400, NOT_FINITE), ("x" * 70_000, TOO_LARGE)],
)
def test_what_cannot_be_written_is_named(value: Value, reason: str) -> None:
    """The others of the batch are planned all the same."""
    plan = planned(Reading(T, 1, 1.0), Reading(T, 2, value), Reading(T, 3, 3.0))
    assert plan.refused == {reason: [101]}
    assert len(entries(plan)) == 2


def test_no_write_is_too_large() -> None:
    """In bytes and in values; what one row says stays in one write."""
    short: Names = {T: Resource(T, "t", "q")}
    small = planned(*(Reading(T, i, i % 7) for i in range(1500)), names=short)
    assert [len(write.seqs) for write in small.writes] == [999, 501]
    large = planned(*(Reading(OUT, i, "x" * 30_000) for i in range(5)))
    assert [write.seqs for write in large.writes] == [[100, 101], [102, 103], [104]]
    assert all(len(write.payload) <= WRITE_BYTES_MAX for write in (*small.writes, *large.writes))


def test_the_largest_value_fits() -> None:
    """With its name, its time, its place and its reason."""
    long = Channel("a/" + "n" * 120, "text")
    names = name_channels({ChannelId(long.id): long}, {}, {}, Rules(quality="_q"))
    plan = planned(Reading(ChannelId(long.id), 1, "x" * 64_000), names=names)
    assert [len(write.payload) <= WRITE_BYTES_MAX for write in plan.writes] == [True]


def test_rows_that_are_delivered_are_left_out() -> None:
    """A batch that failed half-way comes again whole."""
    plan = planned(Reading(T, 1, 1.0), Reading(T, 2, 2.0), told=Told(seqs={100}))
    assert [entry["value"] for entry in entries(plan)] == [2.0]


def test_what_is_urgent() -> None:
    """Events and outputs always, a measured value when its quality changes, others never."""
    measured, event = Resource(T, "t", "t_q"), Resource(T, "t", is_event=True)
    good, bad = Reading(T, 1, 1.0), Reading(T, 1, None, Quality.FAULT)
    assert is_urgent(good, event, {})
    assert is_urgent(good, measured, {})
    assert not is_urgent(good, measured, {T: "good"})
    assert is_urgent(bad, measured, {T: "good"})
    assert not is_urgent(bad, Resource(T, "t"), {})
    assert not is_urgent(bad, None, {})
