"""One output: what it is asked to do, what it does, and when its clocks must act.

Plain state and plain functions; the keeper acts on what they decide. Instants are seconds of the
event loop's clock, which never jumps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from gatewayd.fields import Seconds, show_duration
from gatewayd.model import Channel, ChannelId, Outcome, Quality, Status, Value
from gatewayd.proof import Verify
from gatewayd.setpoint import agrees, is_on, off_value, show_value

READ_BACK = "read back"
"""What verified an output whose hardware says itself what it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the owner says about one output.

    Attributes:
        safe: the value when in doubt; there is no default.
        hold_max: anything but safe falls back after this long, counted from when the output left
            safe. Later commands do not push it back: a cloud that repeats itself for ever must
            not keep a pump on for ever.
        orphan: falls back when the uplink that asked has been gone this long.
        min_on, min_off: shortest time in a state, for compressors and the like. A command that
            comes too early is refused, also one to the safe value, or `min_on` would never hold
            where safe is off. The keeper's own going safe never waits, and neither does the
            verb `safe`.
        interlock: outputs (global names) that must never be on together with this one.
        dead_time: both are off for at least this long before one of an interlock comes on. A
            command waits for it; of two outputs the longer time holds.
        cycles_max: how often it may leave its safe state within any 24 hours; further commands
            are refused until the first of them is a day ago. Going safe is never refused.
        start_after, start_delay: after a start it comes on no sooner than `start_delay`, and then
            that long after each of these outputs (global names) came on; a command waits for it.
        verify: the sensor that tells whether it really does what was written.
    """

    safe: Value
    hold_max: Seconds | None = None
    orphan: Seconds | None = None
    min_on: Seconds = 0.0
    min_off: Seconds = 0.0
    interlock: tuple[str, ...] = ()
    dead_time: Seconds = 0.0
    cycles_max: int | None = None
    start_after: tuple[str, ...] = ()
    start_delay: Seconds = 0.0
    verify: Verify | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What an output is asked to do; `origin` is empty for the keeper's own going safe."""

    value: Value
    origin: str = ""
    hold_s: float | None = None
    blink_s: float | None = None


class Due(Enum):
    """Why a clock acts; the text completes `fell back to safe: …`."""

    HOLD = "its hold is over"
    HOLD_MAX = "hold_max is over"
    ORPHAN = "the uplink that asked is gone"
    FLIP = "blinking"
    CYCLES = "cycles_max is reached"


@dataclass(slots=True)
class Output:
    """The state of one output.

    Attributes:
        name: global; `channel.id` is local.
        order: what stands. Going safe is an order too.
        ordered_s: since when.
        left_safe_s: when the last safe order ended; None while the order is safe.
        actual: what the hardware does, as far as known; None = nobody knows.
        is_verified: whether `actual` was read back.
        since_s: since when `actual` is what it is.
        verified_by: what said so: `read back`, or the channel of `verify`.
        written_s: when the hardware took the last value; `seen_s`: when it was confirmed.
        opened_s: since when it is known safe after a start; `started_s`: when it came on last.
        flip_s: when a blinking changes next.
        quality: of the reading that tells `actual`.
        reason: why the output does what it does, for people.
    """

    name: ChannelId
    channel: Channel
    limits: Limits
    order: Order
    ordered_s: float = 0.0
    left_safe_s: float | None = None
    actual: Value | None = None
    is_verified: bool = False
    since_s: float = 0.0
    flip_s: float | None = None
    quality: Quality = Quality.ABSENT
    reason: str = "not open yet"
    verified_by: str = ""
    written_s: float | None = None
    seen_s: float | None = None
    opened_s: float = 0.0
    started_s: float | None = None
    published: tuple[Value | None, Quality] | None = None

    @property
    def is_at_safe(self) -> bool:
        """True when the output is known to do the safe thing, and asked to go on so."""
        safe, actual = self.limits.safe, self.actual
        return (
            actual is not None
            and agrees(self.channel, safe, actual)
            and is_safe(self.order, self.limits)
        )

    @property
    def may_be_on(self) -> bool:
        """True unless the output is known to be off and asked to stay so."""
        return self.actual is None or is_on(self.actual) or is_on(self.order.value)

    def follow(self, order: Order, now_s: float, reason: str) -> None:
        """Let an order stand from now on."""
        if is_on(order.value) and not is_on(self.order.value):
            self.started_s = now_s
        self.order, self.ordered_s, self.reason = order, now_s, reason
        self.flip_s = None if order.blink_s is None else now_s + order.blink_s
        if is_safe(order, self.limits):
            self.left_safe_s = None
        elif self.left_safe_s is None:
            self.left_safe_s = now_s

    def doubt(self, quality: Quality, reason: str) -> None:
        """Note that nobody knows what the hardware does."""
        self.actual, self.is_verified, self.quality, self.reason = None, False, quality, reason
        self.verified_by, self.written_s, self.seen_s = "", None, None

    def stand(self, value: Value, now_s: float, *, is_verified: bool) -> None:
        """Note what the hardware does now."""
        if self.actual is None or value != self.actual:
            self.since_s = now_s
        self.actual, self.is_verified = value, is_verified
        self.verified_by = READ_BACK if is_verified else ""
        self.quality = Quality.GOOD if is_verified else Quality.UNCERTAIN

    def prove(self, channel: str, now_s: float) -> None:
        """Note that a sensor confirms what was written."""
        self.is_verified, self.verified_by, self.seen_s = True, channel, now_s
        self.quality = Quality.GOOD

    def next_flip(self) -> Value:
        """Return the other half of a blinking."""
        is_lit = self.actual is not None and is_on(self.actual)
        return off_value(self.order.value) if is_lit else self.order.value


@dataclass(frozen=True, slots=True)
class OutputState:
    """One output as status shows it.

    `value` None = nobody knows; `for_s` = how long it has been so; `left_s` = time until it falls
    back to safe, None when no clock runs.
    """

    channel: ChannelId
    wanted: Value
    value: Value | None
    safe: Value
    is_safe: bool
    is_verified: bool
    origin: str
    for_s: float
    left_s: float | None
    blink_s: float | None
    reason: str
    verified_by: str = ""


def state_of(output: Output, gone_s: Mapping[str, float], now_s: float) -> OutputState:
    """Return an output as it is now."""
    return OutputState(
        channel=output.name,
        wanted=output.order.value,
        value=output.actual,
        safe=output.limits.safe,
        is_safe=output.is_at_safe,
        is_verified=output.is_verified,
        origin=output.order.origin,
        for_s=round(now_s - output.since_s, 3),
        left_s=hold_left_s(output, gone_s, now_s),
        blink_s=output.order.blink_s,
        reason=output.reason,
        verified_by=output.verified_by,
    )


def outcome_of(output: Output, status: Status, detail: str) -> Outcome:
    """Return what became of an order, with what its output does now."""
    return Outcome(status, detail, output.actual, output.is_verified, output.verified_by)


def is_safe(order: Order, limits: Limits) -> bool:
    """Return whether an order is the safe one, which needs no clock."""
    return order.value == limits.safe and order.blink_s is None


def next_deadline(output: Output, gone_s: Mapping[str, float]) -> tuple[float, Due] | None:
    """Return when the output's next clock acts and why, or None if none is armed.

    Args:
        gone_s: the origins that have no connection now, and since when.
    """
    order, limits = output.order, output.limits
    if is_safe(order, limits):
        return None
    moments: list[tuple[float, Due]] = []
    if order.hold_s is not None:
        moments.append((output.ordered_s + order.hold_s, Due.HOLD))
    if limits.hold_max is not None and output.left_safe_s is not None:
        moments.append((output.left_safe_s + limits.hold_max, Due.HOLD_MAX))
    if limits.orphan is not None and order.origin in gone_s:
        moments.append((gone_s[order.origin] + limits.orphan, Due.ORPHAN))
    if output.flip_s is not None:
        moments.append((output.flip_s, Due.FLIP))
    # `min` keeps the first of equals: at the same instant, going safe comes before blinking.
    return min(moments, key=lambda moment: moment[0], default=None)


def leaves_safe(output: Output, value: Value) -> bool:
    """Return whether a write takes the output out of its safe state: one cycle."""
    is_lit = is_on(output.limits.safe)
    return is_on(value) != is_lit and (output.actual is None or is_on(output.actual) == is_lit)


def find_objection(output: Output, order: Order, now_s: float) -> str | None:
    """Return why the output's own limits forbid an order now, as a sentence, or None."""
    if fault := _find_short_phase(order, output.limits):
        return fault
    if output.actual is None or is_on(output.actual) == is_on(order.value):
        return None
    least_s, name = _least(output.limits, is_lit=is_on(output.actual))
    left_s = output.since_s + least_s - now_s
    if left_s <= 0:
        return None
    least, left = show_duration(least_s), show_duration(left_s)
    return f"{show_value(output.actual)} for at least {least} ({name}): {left} to go"


def hold_left_s(output: Output, gone_s: Mapping[str, float], now_s: float) -> float | None:
    """Return the seconds until the output falls back to safe, or None if nothing makes it."""
    due = next_deadline(replace(output, flip_s=None), gone_s)
    return None if due is None else max(0.0, due[0] - now_s)


def _find_short_phase(order: Order, limits: Limits) -> str | None:
    """Return how an order would itself break min_on or min_off, or None."""
    phases: list[tuple[float | None, bool, str]] = []
    if is_on(order.value) != is_on(limits.safe):
        phases.append((order.hold_s, is_on(order.value), "a hold"))
    phases += [(order.blink_s, True, "blinking"), (order.blink_s, False, "blinking")]
    for phase_s, is_lit, what in phases:
        least_s, name = _least(limits, is_lit=is_lit)
        if phase_s is not None and phase_s < least_s:
            return f"{what} of {show_duration(phase_s)} is shorter than {name}"
    return None


def _least(limits: Limits, *, is_lit: bool) -> tuple[float, str]:
    return (limits.min_on, "min_on") if is_lit else (limits.min_off, "min_off")
