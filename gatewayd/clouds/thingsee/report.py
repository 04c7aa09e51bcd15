"""What Thingsee is told: readings as messages, each with a time of its own (dating); pure.

Strategy: readings of one instant that belong into one message of one thing travel together; what
was not read is not in it.

Source: Haltian developer site, message header, profiles and best practices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from gatewayd.clouds.thingsee.adjusting import ENVIRONMENT, PIR, Values
from gatewayd.clouds.thingsee.codec import MESSAGES_MAX, Event, Json, Message, to_json
from gatewayd.clouds.thingsee.dating import Ranks, report_s
from gatewayd.clouds.thingsee.names import (
    DIAGNOSTICS,
    LOCATION,
    MOVEMENT,
    OCCUPANCY,
    WHOLE,
    Names,
    Place,
)
from gatewayd.clouds.wire_values import NOT_FINITE, TOO_LARGE, wire_value
from gatewayd.model import Batch, Quality, Reading, Value

NOT_A_NUMBER = "not a number, which its field wants"

TEXT_MAX = 8192
"""Characters of one text. A broker of this cloud takes 128 KiB a publish, and arrays share it."""

PAYLOAD_BYTES_MAX = 96 * 1024
"""An array's size: AWS IoT Core takes 128 KiB."""

DIAGNOSTIC_GATEWAY, DIAGNOSTIC_SENSOR = 3, 4
"""`diagGroup` of an output's state and of a reading without a field of its own."""

ERROR_INFO = 1403
FLIPS = frozenset({OCCUPANCY, 12101, 2101})
"""Messages about a state: sent when it changes, and as event 7."""

ALARM = "alarm"
"""The kind of channel that says whether a value is past its threshold."""

_REASONS = {
    Quality.ABSENT: ("absent", "nobody answered"),
    Quality.TIMEOUT: ("timeout", "answered too late"),
    Quality.FAULT: ("fault", "answered nonsense"),
}
"""What is told of a reading without a value. Off on purpose is no error, and has no message."""

Settings = Mapping[str, Mapping[int, Values]]
"""What the cloud has set: values by thing and configuration message."""


Halls = dict[str, Json]
"""The state of each thing's magnet switch that was told last."""


@dataclass(slots=True)
class Plan:
    """What to send for a batch, what can never be sent, and the halls once it has been."""

    halls: Halls
    messages: list[Message] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Outbox numbers by reason."""


@dataclass(slots=True)
class _Draft:
    """A message under way."""

    thing: str
    id: int
    event: int
    time_s: float
    fields: dict[str, Json]


_Drafts = dict[tuple[object, ...], _Draft]


def plan_messages(
    batch: Batch, names: Names, ranks: Ranks, halls: Halls, settings: Settings
) -> Plan:
    """Return the messages of a batch, in the order of its readings."""
    plan = Plan(dict(halls))
    drafts: _Drafts = {}
    for seq, reading in zip(batch.seqs, batch.readings, strict=True):
        place = names.places.get(reading.channel)
        if place is None:
            continue
        reason = _add(reading, place, drafts, ranks, settings)
        if reason:
            plan.refused.setdefault(reason, []).append(seq)
    for draft in drafts.values():
        if not _is_repeated_hall(draft, plan.halls, settings):
            plan.messages.append(_message(draft, names))
    return plan


def _add(reading: Reading, place: Place, drafts: _Drafts, ranks: Ranks, settings: Settings) -> str:
    """Put a reading into the message that it belongs to; return why that cannot be."""
    if reading.value is None:
        _add_reason(reading, place, drafts, ranks)
        return ""
    time_s = report_s(reading.time_ms, ranks.by_message[place.channel])
    if place.message == DIAGNOSTICS:
        return _add_diagnostics(reading, place, drafts, time_s)
    id, name = current_place(place, settings)
    if not id:
        return ""
    fields, reason = wire_fields(reading.value, place, name)
    if reason:
        return reason
    event = Event.STATE if id in FLIPS else Event.TIMED
    key = (place.thing, id, reading.time_ms)
    draft = drafts.get(key)
    if draft is None:
        draft = drafts[key] = _Draft(place.thing, id, event, time_s, {})
    draft.fields |= fields
    draft.time_s = time_s
    return ""


def _add_reason(reading: Reading, place: Place, drafts: _Drafts, ranks: Ranks) -> None:
    """Say that there is no value, once for all channels of a thing that lack it together."""
    if reading.quality not in _REASONS:
        return
    kind, words = _REASONS[reading.quality]
    key = (place.thing, ERROR_INFO, reading.quality, reading.time_ms)
    time_s = report_s(reading.time_ms, ranks.by_thing[place.channel])
    draft = drafts.get(key)
    if draft is None:
        fields: dict[str, Json] = {"errorType": kind, "errorCause": f"{place.channel}: {words}"}
        drafts[key] = _Draft(place.thing, ERROR_INFO, Event.ERROR, time_s, fields)
    else:
        draft.time_s = time_s
        cause = str(draft.fields["errorCause"])
        draft.fields["errorCause"] = cause.replace(": ", f", {place.channel}: ", 1)


def _add_diagnostics(reading: Reading, place: Place, drafts: _Drafts, time_s: float) -> str:
    assert reading.value is not None
    data, reason = diagnostic_data(reading.value, place)
    if reason:
        return reason
    what = diagnostic_type(place)
    group = DIAGNOSTIC_GATEWAY if place.is_output else DIAGNOSTIC_SENSOR
    event = Event.STATE if place.is_output else Event.TIMED_DIAGNOSTICS
    fields: dict[str, Json] = {"diagGroup": group, "diagType": what, "diagData": data}
    key = (place.channel, reading.time_ms)
    drafts[key] = _Draft(place.thing, DIAGNOSTICS, event, time_s, fields)
    return ""


def diagnostic_type(place: Place) -> str:
    """Return what a 1400 calls a channel's kind."""
    return "relay" if place.is_output and place.kind == "switch" else place.kind


def diagnostic_data(value: Value, place: Place) -> tuple[str, str]:
    """Return a channel's state as the JSON text of a 1400, and why it cannot be one."""
    state, reason = wire_value(value, place)
    if reason:
        return "", reason
    record = {"channel": place.field, "state" if place.is_output else "value": state}
    if place.unit:
        record["unit"] = place.unit
    text = orjson.dumps(record).decode()
    return text, TOO_LARGE if len(text) > TEXT_MAX else ""


def current_place(place: Place, settings: Settings) -> tuple[int, str]:
    """Return message and field of a channel under its thing's settings; 0 if it is not wanted."""
    known = settings.get(place.thing, {})
    modes = known.get(ENVIRONMENT)
    if modes is not None:
        unwanted = {
            12100: modes["weatherMode"] < 0,
            12101: modes["hallMode"] < 0,
            12102: modes["leakageMode"] < 1,
            1111: modes["accelerometerMode"] != 1,
            16100: modes["accelerometerMode"] != 2,
        }
        if unwanted.get(place.message):
            return 0, ""
    pir = known.get(PIR)
    if pir is not None and place.message in (MOVEMENT, OCCUPANCY) and place.field != "count":
        return (OCCUPANCY, "state") if pir["mode"] == 1 else (MOVEMENT, "moveCount")
    return place.message, place.field


def wire_fields(value: Value, place: Place, name: str) -> tuple[dict[str, Json], str]:
    """Return a value as the field or fields that it becomes, and why it becomes none."""
    if isinstance(value, dict):
        return _location(value, place)
    if isinstance(value, str):
        return {}, NOT_A_NUMBER
    number, reason = wire_value(int(value) if isinstance(value, bool) else value, place)
    if reason or not isinstance(number, int | float):
        return {}, reason
    return {name: round(number) if name in WHOLE else number}, ""


def _location(value: Mapping[str, float], place: Place) -> tuple[dict[str, Json], str]:
    latitude = value.get("lat")
    longitude = value.get("lng", value.get("lon"))
    if place.message != LOCATION or latitude is None or longitude is None:
        return {}, NOT_A_NUMBER
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return {}, NOT_FINITE
    return {"lat": latitude, "lon": longitude}, ""


def _is_repeated_hall(draft: _Draft, halls: Halls, settings: Settings) -> bool:
    """Return whether a magnet's state was told before and only changes are wanted (hallMode 1)."""
    if draft.id != 12101:
        return False
    state = draft.fields.get("hall")
    is_same = halls.get(draft.thing) == state
    halls[draft.thing] = state
    modes = settings.get(draft.thing, {}).get(ENVIRONMENT)
    return is_same and modes is not None and modes["hallMode"] == 1


def _message(draft: _Draft, names: Names) -> Message:
    return Message(
        id=draft.id,
        event=draft.event,
        time_s=draft.time_s,
        thing=draft.thing,
        gateway=names.relayed_by(draft.thing),
        fields=draft.fields,
    )


def portions(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Yield arrays of at most `MESSAGES_MAX` messages and `PAYLOAD_BYTES_MAX` bytes."""
    portion: list[Message] = []
    size = 0
    for message in messages:
        length = len(orjson.dumps(to_json(message))) + 1
        if portion and (len(portion) >= MESSAGES_MAX or size + length > PAYLOAD_BYTES_MAX):
            yield portion
            portion, size = [], 0
        portion.append(message)
        size += length
    if portion:
        yield portion


def is_urgent(reading: Reading, place: Place | None) -> bool:
    """Return whether a reading must not wait: states, alarms, outputs, failures."""
    if place is None:
        return False
    if reading.value is None:
        return reading.quality in _REASONS
    return place.is_output or place.kind == ALARM or place.message in FLIPS
