"""What Thing+ is told: every value once, in order, in messages of a bounded size."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingplus.codec import MESSAGE_BYTES_MAX, Points, StatusItem, decode_values
from gatewayd.clouds.thingplus.names import NameEntry, Names, name_channels
from gatewayd.clouds.thingplus.report import (
    OUT_OF_ORDER,
    Mark,
    Plan,
    is_urgent,
    plan_values,
    status_item,
    word_of,
)
from gatewayd.clouds.wire_values import NOT_FINITE, TOO_LARGE
from gatewayd.model import Access, Batch, Channel, ChannelId, Quality, Reading, Value

T, P, DI, TEXT, GPS, OUT = (
    ChannelId(name) for name in ("a/t", "a/p", "a/di", "a/text", "a/gps", "pump/relay")
)
NAMES: Names = name_channels(
    "gw",
    {
        T: Channel(T, "temperature", "Cel"),
        P: Channel(P, "pressure", "Pa"),
        DI: Channel(DI, "switch"),
        TEXT: Channel(TEXT, "text"),
        GPS: Channel(GPS, "location"),
        OUT: Channel(OUT, "switch", access=Access.WRITE),
    },
    {},
    {},
)


def batch(*readings: Reading) -> Batch:
    return Batch("up", range(100, 100 + len(readings)), readings, 100 + len(readings))


def points(plan: Plan) -> dict[str, Points]:
    merged: dict[str, Points] = {}
    for message in plan.messages:
        for name, part in decode_values(message).items():
            whole = merged.setdefault(name, Points([], []))
            whole.times_ms.extend(part.times_ms)
            whole.values.extend(part.values)
    return merged


def test_values_go_out_in_the_clouds_units() -> None:
    """Pressure is bar, a switch is 0 or 1, a place is an object."""
    place: Value = {"lat": 1.5, "lng": 2.0}
    plan = plan_values(
        batch(Reading(P, 1, 101_325.0), Reading(DI, 1, True), Reading(GPS, 1, place)), NAMES, {}
    )
    assert json.loads(plan.messages[0]) == {
        "gw-a-p": [1, 1.01325],
        "gw-a-di": [1, 1],
        "gw-a-gps": [1, {"lat": 1.5, "lng": 2.0}],
    }


def test_equal_times_are_moved_apart() -> None:
    """Thing+ ignores a point that is not later; a millisecond does no harm."""
    plan = plan_values(batch(*(Reading(T, ms, 1.0) for ms in (5, 5, 5, 6, 9))), NAMES, {})
    assert points(plan)["gw-a-t"].times_ms == [5, 6, 7, 8, 9]
    assert plan.marks["gw-a-t"] == Mark(9, 9)


def test_order_holds_across_batches() -> None:
    """The last point acknowledged is the mark for the next batch."""
    plan = plan_values(batch(Reading(T, 5, 1.0)), NAMES, {"gw-a-t": Mark(5, 7)})
    assert points(plan)["gw-a-t"].times_ms == [8]


def test_an_older_reading_is_refused_by_name() -> None:
    """It would be ignored in silence, so it is not sent in silence."""
    plan = plan_values(batch(Reading(T, 5, 1.0), Reading(T, 4, 1.0), Reading(P, 4, 1.0)), NAMES, {})
    assert plan.refused == {OUT_OF_ORDER: [101]}


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {"lat": math.nan}, 10**400], ids=["nan", "inf", "place", "huge"]
)
def test_what_json_cannot_say_is_refused(value: Value) -> None:
    """NaN would become null."""
    for channel in (T, P):
        plan = plan_values(batch(Reading(channel, 1, value)), NAMES, {})
        assert plan.refused == {NOT_FINITE: [100]}


def test_a_huge_whole_number_is_sent_as_a_float() -> None:
    """Beyond 64 bits JSON writers differ."""
    plan = plan_values(batch(Reading(T, 1, 2**70)), NAMES, {})
    assert points(plan)["gw-a-t"].values == [float(2**70)]


def test_a_text_that_fits_no_message_is_refused() -> None:
    """One reading alone must fit."""
    plan = plan_values(batch(Reading(TEXT, 1, "\x01" * 20_000)), NAMES, {})
    assert plan.refused == {TOO_LARGE: [100]}
    assert plan_values(batch(Reading(TEXT, 1, "x" * 60_000)), NAMES, {}).refused == {}


def test_a_text_with_half_a_character_is_sent_mended() -> None:
    """A lone surrogate cannot be written as UTF-8."""
    plan = plan_values(batch(Reading(TEXT, 1, "a\ud800b")), NAMES, {})
    assert points(plan)["gw-a-text"].values == ["a?b"]


def test_outputs_and_missing_values_are_no_values() -> None:
    """The cloud records answers to commands itself; no value is a status."""
    plan = plan_values(batch(Reading(OUT, 1, True), Reading(T, 1, None, Quality.ABSENT)), NAMES, {})
    assert (plan.messages, plan.refused) == ([], {})


@given(
    st.lists(
        st.tuples(
            st.sampled_from([T, TEXT]),
            st.integers(0, 3),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda t: t * 200),
        ),
        max_size=60,
    )
)
def test_every_point_is_sent_once_in_order_and_size(
    steps: list[tuple[ChannelId, int, str]],
) -> None:
    """However a batch is split: bounded messages, nothing lost, times ascending."""
    now, readings = 0, []
    for channel, step, text in steps:
        now += step
        readings.append(Reading(channel, now, text))
    plan = plan_values(batch(*readings), NAMES, {})
    assert all(len(message) <= MESSAGE_BYTES_MAX for message in plan.messages)
    for channel in (T, TEXT):
        sent = points(plan).get(NAMES[channel].id, Points([], []))
        assert sent.values == [r.value for r in readings if r.channel == channel]
        assert all(a < b for a, b in zip(sent.times_ms, sent.times_ms[1:], strict=False))


def test_many_sensors_with_one_point_each_are_split_too() -> None:
    """A message too long is split by sensors first, then by points."""
    table = {ChannelId(f"d{i}/x"): Channel(f"d{i}/x", "text") for i in range(500)}
    names = name_channels("gw", table, {}, {})
    plan = plan_values(batch(*(Reading(name, 1, "x" * 300) for name in table)), names, {})
    assert len(plan.messages) > 1
    assert len(points(plan)) == 500


def test_encoding_is_quick() -> None:
    """Far above what the gateway reads: 1.4 million readings/s on x86, 500 000 asked."""
    readings = batch(*(Reading(T, 10 * i, 20.5 + i % 7) for i in range(5000)))
    best_s = min(_time_s(readings) for _ in range(5))
    assert 5000 / best_s > 100_000  # This machine may be busy or small.


def _time_s(readings: Batch) -> float:
    started = time.perf_counter()
    plan_values(readings, NAMES, {})
    return time.perf_counter() - started


def test_a_status_says_what_is_known() -> None:
    """A fresh value is on, a reason is err or off, an old value is not believed."""
    sensor = NAMES[T]
    assert word_of(sensor, None, 0) == "off"
    assert word_of(sensor, Reading(T, 10, 1.0), 10) == "on"
    assert word_of(sensor, Reading(T, 9, 1.0), 10) == "err"
    assert word_of(sensor, Reading(T, 10, None, Quality.OFF), 0) == "off"
    for quality in (Quality.ABSENT, Quality.TIMEOUT, Quality.FAULT):
        assert word_of(sensor, Reading(T, 10, None, quality), 0) == "err"


def test_events_and_outputs_do_not_grow_old() -> None:
    """A door that nobody opened for a day is still closed."""
    assert word_of(NAMES[DI], Reading(DI, 1, False), 10) == "on"
    assert word_of(NAMES[OUT], Reading(OUT, 1, False), 10) == "on"


def test_only_on_runs_out() -> None:
    """What is off or in error stays so until said otherwise."""
    assert status_item("s", "on", 90) == StatusItem("s", "on", 90)
    assert status_item("s", "err", 90) == StatusItem("s", "err", -1)


def test_events_and_changes_are_urgent() -> None:
    """A measured value waits; an event, a failure and a recovery do not."""
    on, err = {"gw-a-t": "on", "gw-a-di": "on"}, {"gw-a-t": "err"}
    good, bad = Reading(T, 1, 1.0), Reading(T, 1, None, Quality.ABSENT)
    assert not is_urgent(good, NAMES[T], on)
    assert is_urgent(good, NAMES[T], err)
    assert is_urgent(bad, NAMES[T], on)
    assert not is_urgent(bad, NAMES[T], err)
    assert is_urgent(Reading(DI, 1, True), NAMES[DI], on)
    assert not is_urgent(good, None, on)


def test_a_scale_of_the_owners_is_applied() -> None:
    """value * scale + offset, without the multiplication's dust."""
    names = name_channels(
        "gw", {T: Channel(T, "temperature", "Cel")}, {T: NameEntry(scale=0.1, offset=-1)}, {}
    )
    plan = plan_values(batch(Reading(T, 1, 3)), names, {})
    assert points(plan)["gw-a-t"].values == [-0.7]
