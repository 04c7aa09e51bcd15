"""Pulses on one GPIO line: water and gas meters, S0 energy meters, rain gauges, anemometers.

Channels:
    total (the `kind` and `unit` given), what the pulses since the opening amount to
    rate (`rate_kind`, `rate_unit`), how fast, where a `rate_unit` is given: from the time between
        pulses, 0 after `idle` without one, UNCERTAIN before two were seen

The kernel counts: however many pulses come between two reads, none is missed. Only where it
cannot debounce may some get lost in a flood, and then the total is UNCERTAIN.

Example:

    [device.water]
    driver = "gpio_counter"
    port = "gpio:0"
    line = 22
    bias = "pull-up"
    active = "low"
    debounce = "5ms"          # reed contacts bounce, Hall sensors do not
    pulses_per_unit = 450     # per litre
    kind = "volume"
    unit = "L"
    rate_kind = "flow"
    rate_unit = "L/min"
    # An S0 meter: 1000, "energy", "kWh", "power", "W", active = "low". Rain: 3.579, "rain", "mm",
    # "rain", "mm/h". Wind at 2.4 km/h for 1 Hz: 1.5, "distance", "m", "speed", "m/s".

Tested: dropped and bouncing pulses over a stand-in for libgpiod; a CP2112's lines on Linux 6.1.

Source: Linux kernel, gpio-v2-get-line-ioctl.rst (sequence numbers); IEC 62053-31 (S0 pulses).
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from gatewayd.errors import DeviceFault
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports.edges import Edge, InputSettings

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.inputs import Inputs

PERIODS_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

POWERS = {("kWh", "W"): 3.6e6, ("kWh", "kW"): 3600.0, ("Wh", "W"): 3600.0, ("J", "W"): 1.0}
"""Units of a rate that are not written as unit/time, with what one unit a second is in them."""


def rate_factor(unit: str, rate_unit: str) -> float:
    """Return what one `unit` a second is in `rate_unit`: 60 for L and L/min, 3.6e6 for kWh and W.

    Raises:
        ValueError: the one is no rate of the other.
    """
    if (unit, rate_unit) == ("", "Hz"):
        return 1.0
    if (unit, rate_unit) in POWERS:
        return POWERS[unit, rate_unit]
    head, slash, period = rate_unit.rpartition("/")
    if slash and head == unit and period in PERIODS_S:
        return PERIODS_S[period]
    raise ValueError(
        f"{rate_unit!r} is no rate of {unit!r}; expected {unit}/s, {unit}/min, {unit}/h, "
        "or W where the unit is kWh"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        line: offset on the chip, or the line's name.
        active: the level of a pulse; it counts when the line becomes active.
        debounce: a pulse must stand this long; 0 takes every edge.
        pulses_per_unit: what the meter's plate says.
        idle: without a pulse for so long, the rate is 0.
    """

    port: str
    line: int | str
    active: Literal["high", "low"] = "high"
    bias: Literal["as-is", "pull-up", "pull-down", "disabled"] = "as-is"
    debounce: Seconds = 0.0
    pulses_per_unit: float = 1.0
    kind: str = "count"
    unit: str = ""
    rate_kind: str = "rate"
    rate_unit: str = ""
    idle: Seconds = 60.0

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if isinstance(self.line, int) and self.line < 0:
            raise ValueError("lines are counted from 0")
        if not 0 < self.pulses_per_unit < math.inf:
            raise ValueError("pulses_per_unit is more than 0")
        if not 0 <= self.debounce <= 10 or self.idle <= 0:
            raise ValueError("debounce is 0 to 10 s, idle is more than 0 s")
        for kind in (self.kind, self.rate_kind):
            if re.fullmatch("[a-z][a-z_]*", kind) is None:
                raise ValueError(f"a kind is one word in lower case, not {kind!r}")
        if self.rate_unit:
            rate_factor(self.unit, self.rate_unit)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the total, and the rate where it is wanted."""
    decimals = max(0, math.ceil(math.log10(config.pulses_per_unit)))
    total = Channel("total", config.kind, config.unit, decimals, minimum=0, is_counter=True)
    if not config.rate_unit:
        return (total,)
    return (total, Channel("rate", config.rate_kind, config.rate_unit, 3, minimum=0))


class Pace(NamedTuple):
    """How fast pulses come, per second; not certain before two were seen."""

    hertz: float
    is_certain: bool


@dataclass(slots=True)
class Tally:
    """Counts pulses and tells their pace; pure. Instants are those of the edges.

    Attributes:
        now_ns: when the counting began.
        idle_ns: without a pulse for so long, the pace is 0.
        count: pulses so far, those that only their numbers tell of too.
    """

    now_ns: int
    idle_ns: int
    count: int = 0
    _newest_ns: int | None = None
    _interval_ns: float | None = None

    def take(self, edges: Sequence[Edge], now_ns: int) -> Pace:
        """Count the pulses since the last call and return the pace now."""
        self.count += _pulses(edges)
        if edges:
            self._interval_ns = self._measure(edges)
            self._newest_ns = edges[-1].time_ns
        waited_ns = now_ns - (self.now_ns if self._newest_ns is None else self._newest_ns)
        if waited_ns >= self.idle_ns:
            return Pace(0.0, is_certain=True)
        if self._interval_ns is None:
            return Pace(0.0, is_certain=False)
        # Whoever waits longer than between the last two is slower by now.
        return Pace(1e9 / max(self._interval_ns, waited_ns, 1.0), is_certain=True)

    def _measure(self, edges: Sequence[Edge]) -> float | None:
        """Return the mean time between the newest pulses, or None where there is but one."""
        newest_ns, before_ns = edges[-1].time_ns, self._newest_ns
        is_resumed = before_ns is None or edges[0].time_ns - before_ns > self.idle_ns
        if is_resumed and len(edges) > 1:
            return (newest_ns - edges[0].time_ns) / _pulses(edges[1:])
        if before_ns is None:
            return None
        return (newest_ns - before_ns) / _pulses(edges)


def _pulses(edges: Sequence[Edge]) -> int:
    return sum(1 + edge.missed for edge in edges)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Counter]:
    """Own the line and yield the counter.

    Raises:
        DeviceFault: no such line, another program holds it, or its chip has no interrupts.
        DeviceAbsent: the chip is gone.
    """
    settings = InputSettings(
        active_low=config.active == "low",
        bias=config.bias,
        debounce_s=config.debounce,
        edges="active",
    )
    async with (
        ports.lines(config.port) as chip,
        chip.inputs((config.line,), settings) as inputs,
    ):
        if not inputs.has_edges:
            raise DeviceFault(
                f"{config.port} has no interrupts for line {config.line}: pulses would be missed"
            )
        yield Counter(inputs, config)


class Counter:
    """One line."""

    def __init__(self, inputs: Inputs, config: Config) -> None:
        self._inputs = inputs
        self._config = config
        self._tally = Tally(inputs.now_ns(), round(config.idle * 1e9))
        self._has_begun = False

    async def read(self) -> Sequence[Measurement]:
        """Return the total since the device was opened, and the rate.

        The first total is 0 whatever has come since: so that nobody takes a counter that began
        again for one that stood still.

        Raises:
            DeviceAbsent: the chip is gone.
            DeviceTimeout: it hangs.
        """
        config, lost = self._config, self._inputs.lost
        edges = await self._inputs.take_edges() if self._has_begun else []
        self._has_begun = True
        pace = self._tally.take(edges, self._inputs.now_ns())
        # Of the edges that were dropped, those whose numbers are missing have been counted.
        unseen = self._inputs.lost - lost - sum(edge.missed for edge in edges)
        total = self._tally.count / config.pulses_per_unit
        measured = [Measurement("total", total, _quality(is_certain=unseen <= 0))]
        if config.rate_unit:
            rate = pace.hertz / config.pulses_per_unit * rate_factor(config.unit, config.rate_unit)
            measured.append(Measurement("rate", rate, _quality(is_certain=pace.is_certain)))
        return measured


def _quality(*, is_certain: bool) -> Quality:
    return Quality.GOOD if is_certain else Quality.UNCERTAIN
