"""What the owner says about one channel, and what the world is told of it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.units import conversion

ALARM_KIND = "alarm"
"""The kind of a channel that is true while a value is past its threshold. Clouds hear of it at
once."""


def is_unthinned(channel: Channel) -> bool:
    """Return whether every reading of a channel is kept, however full the log is: of an alarm
    each change matters, and of a counter each step."""
    return channel.kind == ALARM_KIND or channel.is_counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Thresholds that report at once: `{ above = 80, below = 5, hysteresis = 1 }`."""

    above: float | None = None
    below: float | None = None
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        if self.above is None and self.below is None:
            raise ValueError("expected above, below or both")
        if self.hysteresis < 0:
            raise ValueError("expected a hysteresis of zero or more")
        low, high = self.below, self.above
        if low is not None and high is not None and high - low < 2 * self.hysteresis:
            raise ValueError("expected room between below and above, hysteresis included")

    def holds(self, value: float, *, was_on: bool) -> bool:
        """Return whether it is on at a value; once on, it stays until `hysteresis` inside."""
        slack = self.hysteresis if was_on else 0.0
        return (self.above is not None and value > self.above - slack) or (
            self.below is not None and value < self.below + slack
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What the owner says about one channel: the keys of `[device.NAME.channel.CHANNEL]`.

    The value reported is what was measured after, in this order, `lookup` or `expression`,
    `scale`, `offset`, conversion `to` another unit, `clamp`, and the range `minimum` to `maximum`.
    It is news when it moved by `deadband` or more, or when `heartbeat` has passed; with neither
    set every value is news.

    Attributes:
        lookup: points `[measured, value]`, straight lines between them; what is measured outside
            is a FAULT, or with `clamp` the nearest point.
        expression: a formula of `x`, and of the device's other channels by their names as they
            were measured in the same answer.
        to: the unit wanted, a UCUM code.
        clamp: lowest and highest value; what is beyond becomes that, and stays GOOD, because the
            owner knows that it overshoots. What cannot be belongs into the range.
        minimum, maximum: what is outside is a FAULT.
        unit, kind, decimals: what the value is after lookup, expression and scale, where that is
            not what the driver says.
        window: the mean over this time is reported at its end, minimum and maximum beside it.
        alarm: thresholds; crossing one is reported at once, whatever deadband and window say.
        counter: whether the value is a counter whose total is wanted, as far as the driver does
            not know. `scale` is then the worth of one count.
        wraps_at: where the counter begins again at 0.
        total: where the total stands at the first count, and again when this key is changed.
    """

    deadband: float | None = None
    heartbeat: Seconds | None = None
    lookup: tuple[tuple[float, float], ...] | None = None
    expression: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    to: str | None = None
    clamp: tuple[float, float] | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    kind: str | None = None
    decimals: int | None = None
    window: Seconds | None = None
    alarm: Alarm | None = None
    counter: bool | None = None
    wraps_at: float | None = None
    total: float | None = None


PLAIN = Tuning()


def declared(channel: Channel, tuning: Tuning) -> tuple[Channel, Tuning]:
    """Return a driver's channel as the world sees it, and its tuning with `to` worked in.

    The driver's limits go with the value through a conversion, and mean nothing any more for a
    value that is another quantity. A counter's are those of its own number.
    """
    is_counter = channel.is_counter if tuning.counter is None else tuning.counter
    unit = channel.unit if tuning.unit is None else tuning.unit
    scale, offset = conversion(unit, unit if tuning.to is None else tuning.to)
    low, high = channel.minimum, channel.maximum
    if not is_counter:
        if tuning.lookup or tuning.expression or tuning.unit is not None or tuning.kind:
            low = high = None
        low = None if low is None else low * scale + offset
        high = None if high is None else high * scale + offset
    told = replace(
        channel,
        kind=tuning.kind or channel.kind,
        unit=unit if tuning.to is None else tuning.to,
        decimals=channel.decimals if tuning.decimals is None else tuning.decimals,
        minimum=low,
        maximum=high,
        is_counter=is_counter,
        wraps_at=channel.wraps_at if tuning.wraps_at is None else tuning.wraps_at,
    )
    return told, replace(
        tuning, scale=tuning.scale * scale, offset=tuning.offset * scale + offset, to=None
    )


def derived(channel: Channel, tuning: Tuning) -> tuple[Channel, ...]:
    """Return the channels that are made of this one: `_min`, `_max`, `_alarm`."""
    made: tuple[Channel, ...] = ()
    if tuning.window is not None:
        made += tuple(replace(channel, id=f"{channel.id}_{end}") for end in ("min", "max"))
    if tuning.alarm is not None:
        made += (Channel(f"{channel.id}_alarm", ALARM_KIND),)
    return made


def derived_names(channels: Iterable[Channel], tunings: Mapping[str, Tuning]) -> frozenset[str]:
    """Return the names of the channels that no driver measures."""
    return frozenset(
        made.id
        for channel in channels
        if channel.id in tunings
        for made in derived(channel, tunings[channel.id])
    )
