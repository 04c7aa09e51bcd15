"""What Thingsee is told: readings as messages, with times of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from gatewayd.clouds.thingsee.adjusting import ENVIRONMENT, PIR, defaults_of
from gatewayd.clouds.thingsee.codec import MESSAGES_MAX, Message, encode
from gatewayd.clouds.thingsee.dating import rank_channels
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.clouds.thingsee.report import (
    NOT_A_NUMBER,
    PAYLOAD_BYTES_MAX,
    TEXT_MAX,
    Halls,
    Plan,
    Settings,
    is_urgent,
    plan_messages,
    portions,
)
from gatewayd.clouds.wire_values import NOT_FINITE, TOO_LARGE
from gatewayd.model import Batch, ChannelId, Quality, Reading, Value

T0 = 1_795_000_000_000
PLACES = {
    ChannelId(name): Place(ChannelId(name), "THING", message, field, kind)
    for name, message, field, kind in (
        ("a/temp", 12100, "temp", "temperature"),
        ("a/humd", 12100, "humd", "humidity"),
        ("a/door", 12101, "hall", "contact"),
        ("a/move", 13100, "moveCount", "motion"),
        ("a/batt", 1110, "batl", "battery"),
        ("a/text", 1400, "text", "text"),
        ("a/volt", 1400, "volt", "voltage"),
        ("a/place", 1210, "lat", "location"),
        ("a/volt_alarm", 1400, "volt_alarm", "alarm"),
    )
}
RELAY = ChannelId("r/relay")
PLACES[RELAY] = Place(RELAY, "RELAY", 1400, "relay", "switch", is_output=True)
NAMES = Names("GW", PLACES, {"GW": frozenset(), "THING": frozenset({"a"})})


def reading(
    name: str, value: Value | None, ms: int = 0, quality: Quality = Quality.GOOD
) -> Reading:
    return Reading(ChannelId(name), T0 + ms, value, quality)


def plan(
    readings: Sequence[Reading], halls: Halls | None = None, settings: Settings | None = None
) -> Plan:
    batch = Batch("up", range(1, len(readings) + 1), readings, len(readings))
    return plan_messages(batch, NAMES, rank_channels(PLACES), halls or {}, settings or {})


def told(*readings: Reading, settings: Settings | None = None) -> list[tuple[int, int, object]]:
    messages = plan(readings, settings=settings).messages
    return [(message.id, message.event, message.fields) for message in messages]


def test_readings_of_one_instant_travel_together() -> None:
    """And what was not read is not in the message."""
    readings = [reading("a/temp", 20.0), reading("a/humd", 40), reading("a/temp", 21.0, 1000)]
    first, second = plan(readings).messages
    assert (first.time_s, first.thing, first.gateway) == (T0 // 1000, "THING", "GW")
    assert first.fields == {"temp": 20.0, "humd": 40}
    assert (second.time_s, second.fields) == (T0 / 1000 + 1.001001, {"temp": 21.0})


def sent(readings: Sequence[Reading]) -> bytes:
    """Return the array that a new connection sends for readings."""
    return encode(plan(readings).messages)


def times(readings: Sequence[Reading]) -> list[float]:
    """Return the times (s after T0) that a new connection sends for readings."""
    found = [message.time_s or 0.0 for message in plan(readings).messages]
    return [round(time_s - T0 / 1000, 6) for time_s in found]


def test_two_states_of_a_second_stay_two_over_a_reconnection() -> None:
    """A door opened, connection lost, closed: a consumer who knows the first keeps the second."""
    assert times([reading("a/door", True, 100)]) == [0.1]
    assert times([reading("a/door", False, 350)]) == [0.35]


def test_a_batch_sent_again_is_the_same() -> None:
    """Whatever the connection said before, and whatever came after it: so it dedupes."""
    readings = [
        reading("a/temp", 20.5, 250),
        reading("a/humd", 40, 250),
        reading("a/text", "x", 250),
        reading("a/volt", 3.3, 250),
        reading("a/batt", None, 250, Quality.TIMEOUT),
        reading("a/door", True, 300),
    ]
    assert sent(readings) == sent(readings)
    assert times([*readings, reading("a/door", False, 301)])[:-1] == times(readings)


def test_whole_seconds_are_whole_numbers() -> None:
    """Where a reading's own time is one, and the whole instant is told."""
    [message] = plan([reading("a/temp", 20.0, 1000), reading("a/humd", 40, 1000)]).messages
    assert isinstance(message.time_s, int)


def test_readings_of_one_instant_stay_apart_where_a_batch_ends() -> None:
    """The rest of a message, and the next channel of the same id, come over another connection."""
    whole = [reading("a/temp", 20.0, 250), reading("a/humd", 40, 250)]
    assert times(whole) == times(whole[1:]) == [0.25]
    assert times(whole[:1]) == [0.251001]
    states = [reading("a/text", "x", 250), reading("a/volt", 3.3, 250)]
    assert times(states) == times(states[:1]) + times(states[1:])
    assert len({*times(states)}) == 2


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.TIMEOUT])
def test_what_an_instant_has_more_when_it_is_sent_again_is_not_dropped(quality: Quality) -> None:
    """Its first reading went alone and the acknowledgement got lost; then they go together.

    A consumer who throws away what has a time that he knows must not throw away the second.
    """
    values = (20.0, 40) if quality is Quality.GOOD else (None, None)
    whole = [
        reading(name, value, 250, quality)
        for name, value in zip(("a/temp", "a/humd"), values, strict=True)
    ]
    assert {*times(whole[:1])}.isdisjoint(times(whole))
    assert len(times(whole)) == 1


def test_no_two_reports_of_an_id_have_one_time() -> None:
    """Every millisecond of several channels, each reading alone on its connection."""
    readings = [reading(name, 1.5, ms) for name in ("a/text", "a/volt") for ms in range(50)]
    found = [time_s for each in readings for time_s in times([each])]
    assert len({*found}) == len(found)


def test_failures_of_one_instant_have_times_of_their_own() -> None:
    """One channel is absent, another late."""
    absent = reading("a/door", None, 250, Quality.ABSENT)
    late = reading("a/batt", None, 250, Quality.TIMEOUT)
    assert len({*times([absent, late])}) == 2


def test_states_are_states() -> None:
    """Event 7 and whole numbers; a battery's percents are whole too."""
    assert told(reading("a/door", True), reading("a/batt", 73.6)) == [
        (12101, 7, {"hall": 1}),
        (1110, 10, {"batl": 74}),
    ]


def test_what_has_no_field_is_diagnostics() -> None:
    """Sensors and outputs apart, each channel a message."""
    messages = told(reading("a/text", "µ"), reading("a/volt", 3.5), reading("r/relay", False))
    assert [(id, event) for id, event, _ in messages] == [(1400, 34), (1400, 34), (1400, 7)]
    fields = [dict(each) for _, _, each in messages]  # type: ignore[call-overload]  # They are.
    assert [each["diagGroup"] for each in fields] == [4, 4, 3]
    assert json.loads(fields[0]["diagData"]) == {"channel": "text", "value": "µ"}
    assert json.loads(fields[2]["diagData"]) == {"channel": "relay", "state": 0}
    assert fields[2]["diagType"] == "relay"


def test_a_location_has_two_fields() -> None:
    """Latitude and longitude; without one of them it is none."""
    assert told(reading("a/place", {"lat": 65.0, "lng": 25.5})) == [
        (1210, 10, {"lat": 65.0, "lon": 25.5})
    ]
    assert plan([reading("a/place", {"lat": 65.0})]).refused == {NOT_A_NUMBER: [1]}


def test_a_missing_value_is_an_error_info() -> None:
    """Once for all channels of a thing that lack it together; off is no error."""
    lost = [reading(f"a/{name}", None, 0, Quality.ABSENT) for name in ("temp", "humd")]
    assert told(*lost, reading("a/door", None, 0, Quality.OFF)) == [
        (1403, 29, {"errorType": "absent", "errorCause": "a/temp, a/humd: nobody answered"})
    ]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("a/temp", float("nan"), NOT_FINITE),
        ("a/temp", 10**400, NOT_FINITE),
        ("a/temp", "warm", NOT_A_NUMBER),
        ("a/temp", {"lat": 1.0}, NOT_A_NUMBER),
        ("a/volt", float("inf"), NOT_FINITE),
        ("a/text", "x" * (TEXT_MAX + 1), TOO_LARGE),
        ("a/place", {"lat": float("nan"), "lng": 1.0}, NOT_FINITE),
    ],
)
def test_what_no_field_can_hold_is_refused_by_number(name: str, value: Value, why: str) -> None:
    """Its neighbours are not."""
    done = plan([reading("a/humd", 40), reading(name, value, 1000)])
    assert done.refused == {why: [2]}
    assert len(done.messages) == 1


def test_a_channel_that_has_no_place_is_passed_over() -> None:
    """Its owner has skipped it."""
    assert not plan([reading("a/other", 1)]).messages


# Settings.


def test_the_environment_modes_say_what_is_told() -> None:
    """Off is off."""
    modes = {**defaults_of(ENVIRONMENT), "weatherMode": -1, "hallMode": -1}
    settings = {"THING": {ENVIRONMENT: modes}}
    readings = [reading("a/temp", 20.0), reading("a/door", True), reading("a/batt", 50)]
    assert [id for id, _, _ in told(*readings, settings=settings)] == [1110]


def test_a_magnet_of_which_only_changes_are_wanted() -> None:
    """In mode 1, over batches too."""
    settings = {"THING": {ENVIRONMENT: {**defaults_of(ENVIRONMENT), "hallMode": 1}}}
    states = [True, True, False, False, True]
    readings = [reading("a/door", state, 1000 * n) for n, state in enumerate(states)]
    first = plan(readings[:4], settings=settings)
    assert [message.fields["hall"] for message in first.messages] == [1, 0]
    assert len(plan(readings[4:], first.halls, settings).messages) == 1
    assert len(plan(readings[:4]).messages) == 4


def test_a_pir_mode_chooses_the_message() -> None:
    """Counts, or occupied and free."""
    for mode, message in ((0, 13100), (1, 2100), (2, 13100)):
        settings = {"THING": {PIR: {**defaults_of(PIR), "mode": mode}}}
        assert [each[0] for each in told(reading("a/move", True), settings=settings)] == [message]


# Portions and urgency.


def test_arrays_have_an_end() -> None:
    """In messages and in bytes, and nothing is lost or out of order."""
    messages = [Message(id=1400, event=1, fields={"n": n}) for n in range(250)]
    assert [len(part) for part in portions(messages)] == [MESSAGES_MAX, MESSAGES_MAX, 50]
    large = [Message(id=1400, event=1, fields={"s": "x" * 30_000}) for _ in range(5)]
    assert [len(part) for part in portions(large)] == [3, 2]
    assert PAYLOAD_BYTES_MAX > 3 * 30_000
    assert [each for part in portions(messages) for each in part] == messages
    assert not list(portions([]))


@pytest.mark.parametrize(
    ("what", "is_so"),
    [
        (reading("a/temp", 20.0), False),
        (reading("a/door", True), True),
        (reading("r/relay", True), True),
        (reading("a/volt_alarm", True), True),
        (reading("a/temp", None, 0, Quality.FAULT), True),
        (reading("a/temp", None, 0, Quality.OFF), False),
    ],
)
def test_urgency(what: Reading, is_so: bool) -> None:
    """States, alarms, outputs and failures do not wait."""
    assert is_urgent(what, PLACES[what.channel]) is is_so
    assert not is_urgent(what, None)
