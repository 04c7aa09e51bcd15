"""Simulated sensors with drift, noise and drop-outs, for demonstrations, training and benchmarks.

Channels:
    one per `signals` entry, with the kind and unit given there
    c000 … (number), as many as `channels` says, for load

Example:

    [device.demo]
    driver = "sim"
    seed = 7
    step = "10s"            # simulated time between two reads; as a rule the same as `every`
    every = "10s"

    [device.demo.signals.temperature]
    kind = "temperature"
    unit = "Cel"
    mean = 21.0
    amplitude = 3.0
    period = "10m"
    noise = 0.1
    dropout = 0.01

    [device.demo.signals.motion]
    shape = "event"
    kind = "motion"
    period = "1m"
    chance = 0.2

The same seed and the same number of reads give the same values, whatever the clock says.

Tested: itself, over simulated days.

Source: none; SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
2014) mixes seed, channel and sample number into noise.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports

MASK = (1 << 64) - 1

CHANNELS_MAX = 10_000
"""More than any gateway has; a million by accident would only eat the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One simulated quantity: the keys of `[device.NAME.signals.CHANNEL]`.

    Attributes:
        shape: "wave" is a number that swings; "event" is on or off, as a door or a motion sensor.
        mean, amplitude, period: middle and half height of the swing, and its length.
        noise: standard deviation of what is added to every sample.
        drift_per_hour: what a tired sensor adds with time.
        dropout: share of samples that are lost (0 … 1).
        chance: how likely an event is on, decided anew every `period` (0 … 1).
    """

    shape: Literal["wave", "event"] = "wave"
    kind: str = "number"
    unit: str = ""
    decimals: int | None = 2
    mean: float = 0.0
    amplitude: float = 0.0
    period: Seconds = 600.0
    noise: float = 0.0
    drift_per_hour: float = 0.0
    dropout: float = 0.0
    chance: float = 0.1

    def __post_init__(self) -> None:
        if self.period <= 0:
            raise ValueError("a period has a length")
        if not (0 <= self.dropout <= 1 and 0 <= self.chance <= 1):
            raise ValueError("dropout and chance are shares, 0 to 1")


LOAD = Signal(mean=50.0, amplitude=50.0, period=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        seed: another seed, another history.
        step: simulated time between two reads.
        signals: by channel name.
        channels: this many more, c000, c001, …, all alike: for benchmarks.
    """

    seed: int = 0
    step: Seconds = 1.0
    signals: Mapping[str, Signal] = field(default_factory=dict)
    channels: int = 0

    def __post_init__(self) -> None:
        if self.step <= 0:
            raise ValueError("step has a length")
        if not 0 <= self.channels <= CHANNELS_MAX:
            raise ValueError(f"channels is 0 to {CHANNELS_MAX}")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return what is simulated."""
    return tuple(_channel(name, signal) for name, signal in _signals(config).items())


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Sim]:
    """Yield the simulated sensor."""
    yield Sim(config)


class Sim:
    """A sensor that counts how often it was asked, and knows nothing else of time."""

    def __init__(self, config: Config) -> None:
        self._step_s = config.step
        # The load channels differ in the key alone, so that no two show the same curve.
        self._keyed = tuple(
            (name, signal, key(config.seed, name)) for name, signal in _signals(config).items()
        )
        self._sample = 0

    async def read(self) -> Sequence[Measurement]:
        """Return the next sample of every signal."""
        sample, self._sample = self._sample, self._sample + 1
        at_s = sample * self._step_s
        return [measure(name, signal, mixed, sample, at_s) for name, signal, mixed in self._keyed]


def key(seed: int, name: str) -> int:
    """Return 64 bits that stand for one channel of one history."""
    return mix((seed << 32 ^ zlib.crc32(name.encode())) & MASK)


def measure(name: str, signal: Signal, key: int, sample: int, at_s: float) -> Measurement:
    """Return one sample of one signal: the same arguments, the same measurement."""
    if signal.dropout and fraction(mix(key + 2 * sample)) < signal.dropout:
        return Measurement(name, None, Quality.TIMEOUT)
    if signal.shape == "event":
        return Measurement(name, fraction(mix(key ^ int(at_s / signal.period))) < signal.chance)
    phase = at_s / signal.period + fraction(key)
    value = signal.mean + signal.amplitude * math.sin(math.tau * phase)
    value += signal.drift_per_hour * at_s / 3600
    if signal.noise:
        value += signal.noise * bell(mix(key + 2 * sample + 1))
    return Measurement(name, value)


def mix(number: int) -> int:
    """Return 64 bits that look random; the finaliser of SplitMix64."""
    number = (number + 0x9E3779B97F4A7C15) & MASK
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def fraction(bits: int) -> float:
    """Return 64 bits as a number in [0, 1]."""
    return bits / MASK


def bell(bits: int) -> float:
    """Return 64 bits as noise of mean 0 and standard deviation 1, never beyond ±3.5.

    The sum of four uniform numbers (Irwin-Hall), near enough to a normal distribution.
    """
    total = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
    return (total / 0xFFFF - 2.0) * math.sqrt(3)


def _signals(config: Config) -> dict[str, Signal]:
    return {**config.signals, **{f"c{index:03}": LOAD for index in range(config.channels)}}


def _channel(name: str, signal: Signal) -> Channel:
    decimals = None if signal.shape == "event" else signal.decimals
    return Channel(name, signal.kind, signal.unit, decimals)
