"""Runs one sensor: asks it on time, names and dates what it saw, publishes what is news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from gatewayd.board import Board
from gatewayd.bus import Bus
from gatewayd.clock import Clock
from gatewayd.driver import Actuator, Listener, Sensor
from gatewayd.errors import DeviceError, DeviceFault, DeviceTimeout
from gatewayd.gauge import Answer, make_gauge
from gatewayd.model import Channel, Measurement, Quality, Reading, make_reading
from gatewayd.shaping import checked_value
from gatewayd.totals import Totals
from gatewayd.tuning import PLAIN, Tuning, derived_names

PATIENCE_S = 1.0
"""Shorter sleeps are not woken when the pace changes: a plain sleep costs half of one that is."""

LOOK_S = 60.0
"""The ends of windows are looked for this often at least: the clock may be put right meanwhile."""


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
        """`channels` and `tunings` are those that the world is told; see `tuning.declared`."""
        self._bus, self._clock = bus, clock
        made = derived_names(channels, tunings)
        self._gauges = {
            channel.id: make_gauge(device, channel, tunings.get(channel.id, PLAIN))
            for channel in channels
            if channel.id not in made
        }
        self._is_plain = all(gauge.is_plain for gauge in self._gauges.values())
        self._needs_others = any(gauge.steps.needs_others for gauge in self._gauges.values())
        self._windows = [gauge for gauge in self._gauges.values() if gauge.window is not None]
        self._sensor: Sensor | None = None
        self._asking = asyncio.Lock()
        self.pace: Pace | None = None
        """Set by whoever may change it; without it the pace is that of `run`."""
        self.board: Board | None = None
        """Set by whoever shows what is seen; without it the board hears of what is news alone."""
        self.totals = Totals()
        """Set by whoever keeps them; without it totals begin anew with the process."""
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

    @property
    def has_windows(self) -> bool:
        """Whether there is something to tend."""
        return bool(self._windows)

    async def tend(self) -> None:
        """Close windows at their ends, whatever the device does; when cancelled, as they are."""
        try:
            while True:
                self._close_windows()
                now_ms = self._clock.now_ms()
                ends_ms = min(each.window.ends_ms for each in self._windows if each.window)
                await asyncio.sleep(min(max(0.0, (ends_ms - now_ms) / 1000), LOOK_S))
        finally:
            self._close_windows(is_last=True)

    def _close_windows(self, *, is_last: bool = False) -> None:
        answer = Answer(self._clock.now_ms(), self.totals)
        for gauge in self._windows:
            gauge.close_window(answer, is_last=is_last)
        self._tell(answer)

    def _publish(self, measured: Sequence[Measurement]) -> list[Reading]:
        """Publish what is news, and return all that was seen.

        Where nothing is done with values all of them are news: the short way, gone a hundred
        thousand times a second.
        """
        if not self._is_plain:
            return self._publish_shaped(measured)
        now_ms, keeps_dates = self._clock.now_ms(), self._clock.is_synchronised()
        seen: list[Reading] = []
        for measurement in measured:
            if measurement[2] is not Quality.GOOD:
                return self._publish_shaped(measured)
            gauge = self._gauges.get(measurement[0])
            if gauge is None:
                continue
            last, dated_ms = gauge.last, measurement[3]
            time_ms = dated_ms if keeps_dates and dated_ms is not None else now_ms
            value, quality = checked_value(measurement[1])
            last.quality, last.time_ms = quality, time_ms
            seen.append(make_reading((last.id, time_ms, value, quality)))
        if seen:
            self._bus.publish(seen)
        return seen

    def _publish_shaped(self, measured: Sequence[Measurement]) -> list[Reading]:
        """Do the same by every channel's rules."""
        now_ms = self._clock.now_ms()
        # Until the clock is right, a device that knows the time is dated like the others:
        # the outbox puts all rows of this boot right together.
        keeps_dates = self._clock.is_synchronised()
        answer = Answer(now_ms, self.totals)
        if self._needs_others:
            answer.others = {measurement[0]: measurement for measurement in measured}
        for measurement in measured:
            gauge = self._gauges.get(measurement[0])
            if gauge is not None:
                time_ms = measurement[3] if keeps_dates and measurement[3] is not None else now_ms
                gauge.take(measurement, time_ms, answer)
        self._tell(answer)
        return answer.seen

    def _tell(self, answer: Answer) -> None:
        if answer.news:
            self._bus.publish(answer.news, is_alarm=answer.is_alarm)
        if answer.old and self.board is not None:
            self.board.see(answer.old)


def quality_of(error: Exception | None) -> Quality:
    """Return what a sensor's channels are after it ended this way."""
    return error.quality if isinstance(error, DeviceError) else Quality.FAULT
