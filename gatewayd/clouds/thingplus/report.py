"""What Thing+ is told: values in order, statuses with their validity; pure.

Strategy: Thing+ keeps a high-water mark a sensor and ignores, in silence, whatever is not later
(embedded guide 2.2.6). So times are made strictly ascending: a reading of the same millisecond
is moved by one, and an older one is refused by name instead of being lost without a trace.

Source: Thing+ gateway MQTT protocol 0.9.5; Thing+ embedded guide 2.2.3 to 2.2.7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gatewayd.clouds.thingplus.codec import (
    FOR_EVER,
    MESSAGE_BYTES_MAX,
    StatusItem,
    encode_values,
)
from gatewayd.clouds.thingplus.names import Names, Sensor
from gatewayd.clouds.wire_values import NOT_FINITE, wire_value
from gatewayd.model import Batch, Quality, Reading, Value

OUT_OF_ORDER = "out of order"


class Mark(NamedTuple):
    """The last point of a sensor: its reading's own time, and the time that was sent."""

    read_ms: int
    sent_ms: int


@dataclass(slots=True)
class Plan:
    """What to send for a batch, and what can never be sent."""

    messages: list[bytes] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    """The sensors' new last points, once all messages are acknowledged."""
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Outbox numbers by reason."""


def plan_values(batch: Batch, names: Names, marks: Mapping[str, Mark]) -> Plan:
    """Return the value messages of a batch.

    Readings without a value are statuses and left out, and so are outputs: the cloud records
    the answers to its own commands as their values.

    Args:
        marks: the last acknowledged point of each sensor of this connection.
    """
    plan, flat = Plan(), dict[str, list[Value]]()
    fresh = plan.marks
    for seq, (channel, time_ms, value, _) in zip(batch.seqs, batch.readings, strict=True):
        sensor = names.get(channel)
        if value is None or sensor is None or sensor.is_output:
            continue
        reason = ""
        if type(value) is float and sensor.is_plain:
            wire: Value = value
            if not math.isfinite(value):
                reason = NOT_FINITE
        else:
            wire, reason = wire_value(value, sensor)
        name, sent_ms = sensor.id, time_ms
        mark = fresh.get(name) or marks.get(name)
        if mark is not None and time_ms <= mark.sent_ms:
            sent_ms = mark.sent_ms + 1
            if time_ms < mark.read_ms:
                reason = OUT_OF_ORDER
        if reason:
            plan.refused.setdefault(reason, []).append(seq)
            continue
        fresh[name] = Mark(time_ms, sent_ms)
        points = flat.get(name)
        if points is None:
            flat[name] = [sent_ms, wire]
        else:
            points += (sent_ms, wire)
    if flat:
        plan.messages = list(split_values(flat))
    return plan


def split_values(flat: Mapping[str, list[Value]]) -> Iterable[bytes]:
    """Yield messages of at most `MESSAGE_BYTES_MAX`, each sensor's points in order."""
    payload = encode_values(flat)
    if len(payload) <= MESSAGE_BYTES_MAX:
        yield payload
    elif len(flat) > 1:
        names = list(flat)
        half = len(names) // 2
        yield from split_values({name: flat[name] for name in names[:half]})
        yield from split_values({name: flat[name] for name in names[half:]})
    else:
        ((name, points),) = flat.items()
        half = len(points) // 4 * 2
        yield from split_values({name: points[:half]})
        yield from split_values({name: points[half:]})


# Statuses.


def word_of(sensor: Sensor, latest: Reading | None, fresh_from_ms: int) -> str:
    """Return on, off or err for what is known of a channel.

    Args:
        latest: its newest reading, None if there was none yet.
        fresh_from_ms: a measured series value from before is no longer believed. Events stay
            true until the next one, and outputs until their keeper says otherwise.
    """
    if latest is None or latest.quality is Quality.OFF:
        return "off"
    if latest.value is None:
        return "err"
    if latest.time_ms < fresh_from_ms and not (sensor.is_event or sensor.is_output):
        return "err"
    return "on"


def status_item(sensor_id: str, word: str, validity_s: int) -> StatusItem:
    """Return one status; what is on must be said again in time, what is not stays so."""
    return StatusItem(sensor_id, word, validity_s if word == "on" else FOR_EVER)


def is_urgent(reading: Reading, sensor: Sensor | None, told: Mapping[str, str]) -> bool:
    """Return whether a reading must not wait for the next report.

    Args:
        told: the status last sent for each sensor id.
    """
    if sensor is None:
        return False
    if reading.value is None:
        word = "off" if reading.quality is Quality.OFF else "err"
        return told.get(sensor.id) != word
    return sensor.is_event or told.get(sensor.id) != "on"
