"""From readings to bucket points, `{"ts": time_ms, member: value, …}`; pure.

Strategy: readings of one bucket and one instant are one point, because a point replaces an
earlier one with the same `ts`. That makes sending again harmless, and it means that a point must
never be written with less than was in it: readings of the same instant that a former batch
brought are written again with it.

A reading without a value is told as `member_quality`; an uncertain one as both.

Source: Thinger.io documentation, data buckets (`ts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatewayd.clouds.thinger.names import QUALITY, Name, Names
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.model import Batch, Quality, Reading, Value

NOT_FINITE = "not a finite number of 64 bits"
TOO_LARGE = "value too large"

TEXT_BYTES_MAX = 3500
"""A text. No size limit of a point is published; 4 KiB have been seen to work everywhere."""


@dataclass(slots=True)
class Point:
    """One point on its way, with the outbox numbers of the readings in it.

    `told` are the channels' own members that these readings fill; others are from before.
    """

    bucket: str
    time_ms: int
    members: dict[str, Pson] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def payload(self) -> dict[str, Pson]:
        """Return what is written."""
        return {"ts": self.time_ms, **self.members}


@dataclass(slots=True)
class Plan:
    """What to write for a batch, and what can never be written: outbox numbers by reason."""

    points: list[Point] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)


def plan_points(batch: Batch, names: Names, known: Mapping[str, Point]) -> Plan:
    """Return the points of a batch, in the order of their first reading.

    Readings of channels that Thinger.io does not hear of, or does not store, are left out.

    Args:
        known: the last point of each bucket that was written before.
    """
    plan, points = Plan(), dict[tuple[str, int], Point]()
    for seq, reading in zip(batch.seqs, batch.readings, strict=True):
        name = names.get(reading.channel)
        if name is None or not name.bucket:
            continue
        reason = find_fault(name, reading.value)
        if reason:
            plan.refused.setdefault(reason, []).append(seq)
            continue
        point = _point_for(name, reading.time_ms, points, known)
        for stale in (name.member, name.member + QUALITY):
            point.members.pop(stale, None)
        point.members |= members_of(name, reading)
        point.told.add(name.member)
        point.seqs.append(seq)
    plan.points = list(points.values())
    return plan


def _point_for(
    name: Name,
    time_ms: int,
    points: dict[tuple[str, int], Point],
    known: Mapping[str, Point],
) -> Point:
    """Return the point that a reading belongs into; a second one of its millisecond is moved."""
    while True:
        point = points.get((name.bucket, time_ms))
        if point is None:
            break
        if name.member not in point.told:
            return point
        time_ms += 1
    before = known.get(name.bucket)
    members = dict(before.members) if before and before.time_ms == time_ms else {}
    point = points[name.bucket, time_ms] = Point(name.bucket, time_ms, members)
    return point


def members_of(name: Name, reading: Reading) -> dict[str, Pson]:
    """Return what one reading puts into its point."""
    members: dict[str, Pson] = {}
    if reading.value is not None:
        members[name.member] = name.show(reading.value)
    if reading.quality is not Quality.GOOD:
        members[name.member + QUALITY] = reading.quality.name
    return members


def find_fault(name: Name, value: Value | None) -> str:
    """Return why a value can never be stored, or nothing."""
    if value is None:
        return ""
    if name.show(value) is None:
        return NOT_FINITE
    if isinstance(value, str) and len(value.encode(errors="replace")) > TEXT_BYTES_MAX:
        return TOO_LARGE
    return ""
