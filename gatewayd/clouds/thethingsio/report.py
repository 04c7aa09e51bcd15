"""What thethings.iO is told: values with their times, reasons where there is none; pure.

Strategy: every value carries its time. The documents let the cloud stamp what comes without one,
but a batch that is sent again because its answer was lost must not become other values. The
cloud sorts by time; values of one resource and one millisecond are moved apart by one, because a
timeline has one place an instant. The reason why there is no value is a resource of its own, and
told when it changes.

Source: thethings.iO API reference, thing write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from gatewayd.clouds.thethingsio.codec import (
    WRITE_BYTES_MAX,
    WRITE_VALUES_MAX,
    Entry,
    Geo,
    decode_geo,
    encode_entry,
)
from gatewayd.clouds.thethingsio.names import Names, Resource
from gatewayd.clouds.wire_values import wire_value
from gatewayd.errors import Malformed
from gatewayd.model import Batch, ChannelId, Outcome, Quality, Reading, Value

_OPEN, _CLOSE = b'{"values":[', b"]}"


class Mark(NamedTuple):
    """The last value of a resource: its reading's own time, and the time that was sent."""

    read_ms: int
    sent_ms: int


@dataclass(slots=True)
class Told:
    """What the cloud has acknowledged on one connection.

    Attributes:
        marks: the last value of each channel.
        words: the quality last told of each channel.
        seqs: rows of the outbox that are delivered while others of their batch are not.
        position: where the thing was last said to be.
    """

    marks: dict[ChannelId, Mark] = field(default_factory=dict)
    words: dict[ChannelId, str] = field(default_factory=dict)
    seqs: set[int] = field(default_factory=set)
    position: Geo | None = None


class Write(NamedTuple):
    """One message and the rows that are done with it."""

    payload: bytes
    seqs: list[int]


@dataclass(slots=True)
class Plan:
    """What to send for a batch, and what can never be sent."""

    writes: list[Write] = field(default_factory=list)
    marks: dict[ChannelId, Mark] = field(default_factory=dict)
    words: dict[ChannelId, str] = field(default_factory=dict)
    position: Geo | None = None
    refused: dict[str, list[int]] = field(default_factory=dict)
    """Outbox numbers by reason."""


def word_of(quality: Quality) -> str:
    """Return what a quality is called."""
    return quality.name.lower()


def plan_writes(batch: Batch, names: Names, told: Told, position: ChannelId | None = None) -> Plan:
    """Return the writes of a batch, in the order of time.

    Args:
        told: what is known on the other side already; not changed.
        position: the channel that says where the thing is.
    """
    plan = Plan()
    parts: list[tuple[int, list[bytes]]] = []
    rows = sorted(zip(batch.seqs, batch.readings, strict=True), key=lambda row: row[1].time_ms)
    for seq, reading in rows:
        resource = names.get(reading.channel)
        if resource is None or seq in told.seqs:
            continue
        entries = _entries(seq, reading, resource, plan, told)
        if entries:
            parts.append((seq, [orjson.dumps(encode_entry(entry)) for entry in entries]))
        if reading.channel == position and entries:
            plan.position = entries[0].geo or plan.position
    plan.writes = list(_packed(parts))
    return plan


def _entries(seq: int, reading: Reading, resource: Resource, plan: Plan, told: Told) -> list[Entry]:
    """Return what one reading says; note in the plan what it changes."""
    channel, time_ms, value, quality = reading
    entries = []
    if value is not None:
        mark = plan.marks.get(channel) or told.marks.get(channel)
        sent_ms = time_ms
        if mark is not None and mark.read_ms <= time_ms <= mark.sent_ms:
            sent_ms = mark.sent_ms + 1
        entry, reason = value_entry(resource, value, sent_ms)
        if reason:
            plan.refused.setdefault(reason, []).append(seq)
            return []
        plan.marks[channel] = Mark(time_ms, sent_ms)
        entries.append(entry)
    word = word_of(quality)
    if resource.quality and (plan.words.get(channel) or told.words.get(channel)) != word:
        plan.words[channel] = word
        entries.append(Entry(resource.quality, word, time_ms))
    return entries


def value_entry(resource: Resource, value: Value, time_ms: int | None) -> tuple[Entry, str]:
    """Return how a channel's value is told, and why it cannot be (empty if it can)."""
    wire, reason = wire_value(value, resource)
    return Entry(resource.report, wire, time_ms, _geo(wire)), reason


def reply_entries(
    resource: Resource, outcome: Outcome, latest: Value | None, time_ms: int | None
) -> list[Entry]:
    """Return what tells an output's value, and last what became of a command.

    Args:
        latest: the output's value where the outcome has none.
        time_ms: now; None where the clock is not to be believed.
    """
    word, value = outcome.status.value, outcome.value
    ack = Entry(resource.ack, f"{word}: {outcome.detail}" if outcome.detail else word)
    value = latest if value is None else value
    return [ack] if value is None else [value_entry(resource, value, time_ms)[0], ack]


def _geo(value: Value) -> Geo | None:
    """Return the position that a value is, or None."""
    if not isinstance(value, dict):
        return None
    long = value.get("lng", value.get("lon", value.get("long")))
    try:
        return decode_geo({"lat": value.get("lat"), "long": long})
    except Malformed:
        return None


def _packed(parts: Iterable[tuple[int, Collection[bytes]]]) -> Iterable[Write]:
    """Yield writes within the limits; what one row says stays together."""
    texts: list[bytes] = []
    seqs: list[int] = []
    size = len(_OPEN) + len(_CLOSE)
    for seq, said in parts:
        more = sum(map(len, said)) + len(said)
        if texts and (size + more > WRITE_BYTES_MAX or len(texts) + len(said) > WRITE_VALUES_MAX):
            yield Write(_OPEN + b",".join(texts) + _CLOSE, seqs)
            texts, seqs, size = [], [], len(_OPEN) + len(_CLOSE)
        texts += said
        seqs.append(seq)
        size += more
    if texts:
        yield Write(_OPEN + b",".join(texts) + _CLOSE, seqs)


def is_urgent(reading: Reading, resource: Resource | None, words: Mapping[ChannelId, str]) -> bool:
    """Return whether a reading must not wait for the next report.

    Args:
        words: the quality last told of each channel.
    """
    if resource is None:
        return False
    if resource.is_event:
        return True
    return bool(resource.quality) and words.get(reading.channel) != word_of(reading.quality)
