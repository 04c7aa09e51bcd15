"""Runs one sensor: asks it on time, names and dates what it saw, publishes what is news."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from gatewayd.bus import Bus
from gatewayd.clock import Clock
from gatewayd.driver import Actuator, Listener, Sensor
from gatewayd.errors import DeviceError, DeviceFault, DeviceTimeout
from gatewayd.fields import Seconds
from gatewayd.model import (
    Channel,
    ChannelId,
    Measurement,
    Quality,
    Reading,
    Value,
    make_reading,
)

PATIENCE_S = 1.0
"""Shorter sleeps are not woken when the pace changes: a plain sleep costs half of one that is."""

SILENT_S = 3600.0
"""A reason is repeated this often while it lasts, so that a silence is never mistaken for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What the owner says about one channel: the keys of `[device.NAME.channel.CHANNEL]`.

    The value reported is `measured * scale + offset`. It is news when it moved by `deadband`
    or more, or when `heartbeat` has passed; with neither set every value is news.
    """

    deadband: float | None = None
    heartbeat: Seconds | None = None
    scale: float = 1.0
    offset: float = 0.0
    minimum: float | None = None
    maximum: float | None = None


PLAIN = Tuning()


@dataclass(slots=True)
class _Gauge:
    """One channel of the device: its rules, and what was published last."""

    id: ChannelId
    channel: Channel
    tuning: Tuning
    is_plain: bool
    value: Value | None = None
    quality: Quality | None = None
    time_ms: int = 0


class Pace:
    """How often a device is asked; may be changed while it is."""

    def __init__(self, configured_s: float) -> None:
        self.configured_s = configured_s
        """What the owner says."""
        self.every_s = configured_s
        """What holds now."""
        self._changed = asyncio.Event()

    def change(self, every_s: float) -> None:
        """Ask every so many seconds from now on; who sleeps longer is woken."""
        self.every_s = every_s
        self._changed.set()

    async def wait_beat(self, last_s: float) -> float:
        """Wait for the next beat after one (loop time) and return when it was.

        Beats are kept, and those that were missed are skipped, not caught up.
        """
        loop = asyncio.get_running_loop()
        while True:
            due_s = max(last_s + self.every_s, loop.time())
            if due_s - loop.time() < PATIENCE_S:
                await asyncio.sleep(due_s - loop.time())
                return due_s
            self._changed.clear()
            try:
                async with asyncio.timeout_at(due_s):
                    await self._changed.wait()
            except TimeoutError:
                return due_s


class Sampler:
    """Runs one sensor or listener, through as many connections as it takes."""

    def __init__(
        self,
        device: str,
        channels: Sequence[Channel],
        tunings: Mapping[str, Tuning],
        bus: Bus,
        clock: Clock,
    ) -> None:
        self.device = device
        self._bus, self._clock = bus, clock
        self._gauges = {c.id: _gauge(device, c, tunings.get(c.id, PLAIN)) for c in channels}
        self._sensor: Sensor | None = None
        self._asking = asyncio.Lock()
        self.pace: Pace | None = None
        """Set by whoever may change it; without it the pace is that of `run`."""
        self.samples = 0
        """Times that the device gave an answer: the sampler's progress."""

    async def run(
        self,
        open_device: Callable[[], AbstractAsyncContextManager[Sensor | Listener | Actuator]],
        every_s: float,
        timeout_s: float,
    ) -> None:
        """Open the device once and sample it until it fails or the caller is cancelled.

        Raises:
            DeviceError: it gave no usable answer; `publish_reason` says so to the record.
        """
        async with open_device() as device:
            if isinstance(device, Listener):
                await self._listen(device.measurements())
            elif isinstance(device, Sensor):
                self._sensor = device
                try:
                    await self._ask_for_ever(device, self.pace or Pace(every_s), timeout_s)
                finally:
                    self._sensor = None
            else:
                raise DeviceFault(f"{self.device} is neither asked nor does it speak")

    @property
    def can_be_asked(self) -> bool:
        """Whether the device is connected and answers when asked."""
        return self._sensor is not None

    async def read_now(self, timeout_s: float) -> list[Reading]:
        """Ask the device out of turn and return what it says; what is news is published too.

        Raises:
            DeviceError: it is not connected now, only speaks unasked, or gave no answer.
        """
        if self._sensor is None:
            raise DeviceFault(f"{self.device} cannot be asked now")
        return await self._ask(self._sensor, timeout_s)

    def publish_reason(self, quality: Quality) -> None:
        """Publish that no channel of this device has a value, and why."""
        self._publish([Measurement(name, None, quality) for name in self._gauges])

    async def _ask_for_ever(self, sensor: Sensor, pace: Pace, timeout_s: float) -> None:
        beat_s = asyncio.get_running_loop().time()
        while True:
            await self._ask(sensor, timeout_s)
            await self._bus.wait_emptied() if pace.every_s < 0.1 else None
            beat_s = await pace.wait_beat(beat_s)

    async def _ask(self, sensor: Sensor, timeout_s: float) -> list[Reading]:
        async with self._asking:
            try:
                async with asyncio.timeout(timeout_s):
                    measured = await sensor.read()
            except TimeoutError as error:
                raise DeviceTimeout(f"{self.device} did not answer in {timeout_s} s") from error
        self.samples += 1
        return self._publish(measured)

    async def _listen(self, said: AsyncIterator[Sequence[Measurement]]) -> None:
        async for measured in said:
            self.samples += 1
            self._publish(measured)

    def _publish(self, measured: Sequence[Measurement]) -> list[Reading]:
        """Publish what is news, and return all that was seen."""
        now_ms = self._clock.now_ms()
        # Until the clock is right, a device that knows the time is dated like the others:
        # the outbox puts all rows of this boot right together.
        keeps_dates = self._clock.is_synchronised()
        seen: list[Reading] = []
        old: set[int] = set()
        for measurement in measured:
            gauge = self._gauges.get(measurement[0])
            if gauge is None:
                continue
            time_ms = measurement[3] if keeps_dates and measurement[3] is not None else now_ms
            if gauge.is_plain and measurement[2] is Quality.GOOD:
                value, quality = _checked(measurement[1])
            else:
                value, quality = tuned(measurement, gauge.channel, gauge.tuning)
                if not _is_news(gauge, value, quality, time_ms):
                    old.add(len(seen))
                    seen.append(Reading(gauge.id, time_ms, value, quality))
                    continue
            gauge.value, gauge.quality, gauge.time_ms = value, quality, time_ms
            seen.append(make_reading((gauge.id, time_ms, value, quality)))
        news = [reading for i, reading in enumerate(seen) if i not in old] if old else seen
        if news:
            self._bus.publish(news)
        return seen


def _gauge(device: str, channel: Channel, tuning: Tuning) -> _Gauge:
    limits = (channel.minimum, channel.maximum)
    is_plain = tuning == PLAIN and limits == (None, None)
    return _Gauge(ChannelId(f"{device}/{channel.id}"), channel, tuning, is_plain)


def _checked(value: Value | None) -> tuple[Value | None, Quality]:
    if value is None or (value.__class__ is float and not math.isfinite(value)):
        return None, Quality.FAULT
    if isinstance(value, dict) and not all(map(math.isfinite, value.values())):
        return None, Quality.FAULT
    return value, Quality.GOOD


def tuned(
    measurement: Measurement, channel: Channel, tuning: Tuning
) -> tuple[Value | None, Quality]:
    """Return the value to report, scaled and checked for plausibility, and its quality."""
    value, quality = measurement.value, measurement.quality
    if not quality.has_value:
        return None, quality
    if isinstance(value, bool) or not isinstance(value, int | float):
        value, checked = _checked(value)
        return value, max(quality, checked)
    if (tuning.scale, tuning.offset) != (1.0, 0.0):
        value = value * tuning.scale + tuning.offset
    lows = [low for low in (channel.minimum, tuning.minimum) if low is not None]
    highs = [high for high in (channel.maximum, tuning.maximum) if high is not None]
    if (
        not math.isfinite(value)
        or value < max(lows, default=value)
        or value > min(highs, default=value)
    ):
        return None, Quality.FAULT
    return value, quality


def _is_news(gauge: _Gauge, value: Value | None, quality: Quality, time_ms: int) -> bool:
    tuning, waited_s = gauge.tuning, (time_ms - gauge.time_ms) / 1000
    if quality is not gauge.quality:
        return True
    if value is None:
        return waited_s >= SILENT_S
    if tuning.deadband is None and tuning.heartbeat is None:
        return True
    if tuning.heartbeat is not None and waited_s >= tuning.heartbeat:
        return True
    if tuning.deadband is None:
        return False
    if isinstance(value, bool | str | dict) or isinstance(gauge.value, bool | str | dict | None):
        return value != gauge.value
    return abs(value - gauge.value) >= tuning.deadband


def quality_of(error: Exception | None) -> Quality:
    """Return what a sensor's channels are after it ended this way."""
    return error.quality if isinstance(error, DeviceError) else Quality.FAULT
