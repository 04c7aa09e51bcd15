"""The nouns: what is measured, what is known, what is asked for and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import partial
from typing import NamedTuple, NewType

ChannelId = NewType("ChannelId", str)
"""A channel's global name, `device/channel`."""

Value = float | int | bool | str | dict[str, float]
"""What a channel can hold: a number, a switch, a text, or named numbers (`{"lat":…, "lng":…}`)."""


class Quality(IntEnum):
    """How good a value is, or why there is none. An int, because rows of the outbox hold it."""

    GOOD = 0
    UNCERTAIN = 1
    OFF = 2
    """Switched off or not connected on purpose."""
    ABSENT = 3
    """Nobody answered."""
    TIMEOUT = 4
    """Answered too late."""
    FAULT = 5
    """Answered nonsense."""

    @property
    def has_value(self) -> bool:
        """True for GOOD and UNCERTAIN; a reading of any other quality has the value None."""
        return self <= Quality.UNCERTAIN


class Access(Enum):
    """What may be done with a channel."""

    READ = "read"
    WRITE = "write"
    """An output: only its keeper writes it."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of a device, declared once.

    Attributes:
        id: local to the device (`temperature`) in a driver, `device/channel` everywhere else.
        kind: the quantity in one word, lower case: temperature, humidity, pressure, voltage,
            current, power, energy, location, speed, count, switch, alarm, level, text, …
        unit: UCUM code (`Cel`, `%`, `Pa`, `V`, `A`, `W`, `kWh`, `m/s`, `deg`), empty for none.
        decimals: digits worth showing, or None.
        minimum, maximum: what can physically be, both ends included, or None. A measurement
            outside is a FAULT; a command outside is REFUSED.
        is_counter: the value only grows, and starts at 0 again when the device does or when it
            reaches `wraps_at`. What is published is the total, which survives both.
        wraps_at: where a counter falls back to 0 (65536 for 16 bits), or None: it only restarts.
    """

    id: str
    kind: str
    unit: str = ""
    decimals: int | None = None
    access: Access = Access.READ
    minimum: float | None = None
    maximum: float | None = None
    is_counter: bool = False
    wraps_at: float | None = None


class Measurement(NamedTuple):
    """What a driver saw: local channel name, usually undated (UTC milliseconds when dated)."""

    channel: str
    value: Value | None
    quality: Quality = Quality.GOOD
    time_ms: int | None = None


class Reading(NamedTuple):
    """The fact: global name, dated, immutable. The value is None exactly when quality says why.

    A tuple and not a dataclass: it is made once per sample and a tuple costs a third.
    """

    channel: ChannelId
    time_ms: int
    value: Value | None
    quality: Quality = Quality.GOOD


make_reading = partial(tuple.__new__, Reading)
"""Makes a Reading of its four fields in a tuple, at half the cost of calling it by name: for the
two places where a hundred thousand a second are made."""


@dataclass(frozen=True, slots=True)
class Batch:
    """An ordered slice of the outbox for one uplink.

    `seqs[i]` is the outbox number of `readings[i]`. `through` is the seq up to which the cursor
    moves when the batch is acknowledged; it is at least the last of `seqs`, and more when rows
    that are not this uplink's follow.
    """

    uplink: str
    seqs: Sequence[int]
    readings: Sequence[Reading]
    through: int

    def __len__(self) -> int:
        return len(self.readings)


@dataclass(frozen=True, slots=True)
class Command:
    """A requested setpoint.

    Attributes:
        origin: the uplink that asked, or `local`.
        request_id: the cloud's own id; with the same content and soon after, it is a repeat.
        hold_s: how long the value may stand before the output goes back to safe; None = as long
            as the output's own limits allow.
        blink_s: on-time and off-time of a blinking pattern, or None for a steady value.
        issued_ms: when the cloud issued it (UTC ms), if it said so; an old one is refused.
    """

    origin: str
    request_id: str
    channel: ChannelId
    value: Value
    hold_s: float | None = None
    blink_s: float | None = None
    issued_ms: int | None = None


class Status(Enum):
    """What became of a command."""

    DONE = "done"
    """It was carried out."""
    REFUSED = "refused"
    """It will not be: unknown, out of range, stale, interlocked. Nothing moved."""
    FAILED = "failed"
    """It could not be: the hardware did not do it, or nobody can say. The output went safe."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a command came to each of its stages (UTC ms); None = it never did.

    Attributes:
        accepted_ms: the desk had no objection.
        applied_ms: the hardware had taken the value.
        verified_ms: the hardware, or the sensor named by `verify`, had confirmed it.
    """

    accepted_ms: int | None = None
    applied_ms: int | None = None
    verified_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command, in a sentence, with the value read back where there is one.

    `is_verified` is true when `value` was read back from the hardware after the write, false
    when the hardware cannot say and the value is assumed.

    Attributes:
        verified_by: `read back`, or the channel that confirmed it; empty when assumed.
        repeat_age_s: for a repeat, how old the request is whose outcome this is; it moved nothing.
    """

    status: Status
    detail: str = ""
    value: Value | None = None
    is_verified: bool = False
    verified_by: str = field(default="", compare=False)
    times: Times = field(default=Times(), compare=False)
    repeat_age_s: float | None = field(default=None, compare=False)
