"""What Thingsee is told: readings as messages, each with a time of its own; pure.

Strategy: readings of one instant that belong into one message of one thing travel together; what
was not read is not in it. Consumers throw away a second message of the same thing, id and time,
and the vendor's app takes whole seconds only. So times are whole seconds wherever that is unique
and have decimals where it is not.

Source: Haltian developer site, message header, profiles and best practices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from gatewayd.clouds.thingsee.adjusting import ENVIRONMENT, PIR, Values
from gatewayd.clouds.thingsee.codec import MESSAGES_MAX, Event, Json, Message, to_json
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

_REASONS = {
    Quality.ABSENT: ("absent", "nobody answered"),
    Quality.TIMEOUT: ("timeout", "answered too late"),
    Quality.FAULT: ("fault", "answered nonsense"),
}
"""What is told of a reading without a value. Off on purpose is no error, and has no message."""

Settings = Mapping[str, Mapping[int, Values]]
"""What the cloud has set: values by thing and configuration message."""


@dataclass(slots=True)
class Marks:
    """What was sent last, so that the next is told apart from it."""

    times_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    """By thing and message."""
    halls: dict[str, Json] = field(default_factory=dict)
    """The last state of each thing's magnet switch."""

    def adopt(self, other: Marks) -> None:
        """Take over marks of what has been sent meanwhile."""
        for key, time_ms in other.times_ms.items():
            self.times_ms[key] = max(time_ms, self.times_ms.get(key, 0))
        self.halls = other.halls

    def copy(self) -> Marks:
        """Return marks that can be thrown away if the sending fails."""
        return Marks(dict(self.times_ms), dict(self.halls))


@dataclass(slots=True)
class Plan:
    """What to send for a batch, what can never be sent, and the marks once it has been."""

    marks: Marks
    messages: list[Message] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Outbox numbers by reason."""


@dataclass(slots=True)
class _Draft:
    """A message under way."""

    thing: str
    id: int
    event: int
    time_ms: int
    fields: dict[str, Json]


def plan_messages(batch: Batch, names: Names, marks: Marks, settings: Settings) -> Plan:
    """Return the messages of a batch, in the order of its readings."""
    plan = Plan(marks.copy())
    drafts: dict[tuple[object, ...], _Draft] = {}
    for seq, reading in zip(batch.seqs, batch.readings, strict=True):
        place = names.places.get(reading.channel)
        if place is None:
            continue
        reason = _add(reading, place, drafts, settings)
        if reason:
            plan.refused.setdefault(reason, []).append(seq)
    for draft in drafts.values():
        if not _is_repeated_hall(draft, plan.marks, settings):
            plan.messages.append(_message(draft, names, plan.marks))
    return plan


def _add(
    reading: Reading, place: Place, drafts: dict[tuple[object, ...], _Draft], settings: Settings
) -> str:
    """Put a reading into the message that it belongs to; return why that cannot be."""
    if reading.value is None:
        _add_reason(reading, place, drafts)
        return ""
    if place.message == DIAGNOSTICS:
        return _add_diagnostics(reading, place, drafts)
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
        draft = drafts[key] = _Draft(place.thing, id, event, reading.time_ms, {})
    draft.fields |= fields
    return ""


def _add_reason(reading: Reading, place: Place, drafts: dict[tuple[object, ...], _Draft]) -> None:
    """Say that there is no value, once for all channels of a thing that lack it together."""
    if reading.quality not in _REASONS:
        return
    kind, words = _REASONS[reading.quality]
    key = (place.thing, ERROR_INFO, reading.quality, reading.time_ms)
    draft = drafts.get(key)
    if draft is None:
        fields: dict[str, Json] = {"errorType": kind, "errorCause": f"{place.channel}: {words}"}
        drafts[key] = _Draft(place.thing, ERROR_INFO, Event.ERROR, reading.time_ms, fields)
    else:
        cause = str(draft.fields["errorCause"])
        draft.fields["errorCause"] = cause.replace(": ", f", {place.channel}: ", 1)


def _add_diagnostics(
    reading: Reading, place: Place, drafts: dict[tuple[object, ...], _Draft]
) -> str:
    assert reading.value is not None
    data, reason = diagnostic_data(reading.value, place)
    if reason:
        return reason
    what = diagnostic_type(place)
    group = DIAGNOSTIC_GATEWAY if place.is_output else DIAGNOSTIC_SENSOR
    event = Event.STATE if place.is_output else Event.TIMED_DIAGNOSTICS
    fields: dict[str, Json] = {"diagGroup": group, "diagType": what, "diagData": data}
    key = (place.channel, reading.time_ms)
    drafts[key] = _Draft(place.thing, DIAGNOSTICS, event, reading.time_ms, fields)
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


def _is_repeated_hall(draft: _Draft, marks: Marks, settings: Settings) -> bool:
    """Return whether a magnet's state was told before and only changes are wanted (hallMode 1)."""
    if draft.id != 12101:
        return False
    state = draft.fields.get("hall")
    is_same = marks.halls.get(draft.thing) == state
    marks.halls[draft.thing] = state
    modes = settings.get(draft.thing, {}).get(ENVIRONMENT)
    return is_same and modes is not None and modes["hallMode"] == 1


def _message(draft: _Draft, names: Names, marks: Marks) -> Message:
    key = (draft.thing, draft.id)
    sent_ms = unique_ms(draft.time_ms, marks.times_ms.get(key))
    marks.times_ms[key] = sent_ms
    return Message(
        id=draft.id,
        event=draft.event,
        time_s=seconds_of(sent_ms),
        thing=draft.thing,
        gateway=names.relayed_by(draft.thing),
        fields=draft.fields,
    )


def unique_ms(time_ms: int, last_ms: int | None) -> int:
    """Return the time to send: the whole second, or a later moment of one that is taken."""
    whole_ms = time_ms - time_ms % 1000
    if last_ms is None or whole_ms != last_ms - last_ms % 1000:
        return whole_ms
    return max(time_ms, last_ms + 1)


def seconds_of(time_ms: int) -> float:
    """Return unix seconds: a whole number where it is one."""
    return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000


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
    """Return whether a reading must not wait for the next report: states, outputs, failures."""
    if place is None:
        return False
    if reading.value is None:
        return reading.quality in _REASONS
    return place.is_output or place.message in FLIPS
