"""One channel of a device: its rules, the channels made of it, and what was published of each.

Strategy: what a device says in one answer is brought to every channel's gauge together with an
`Answer`, which takes what comes of it: what was seen (for who asked), what is news (for the
record), and what is not but is newer (for the board alone).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gatewayd.counting import Count, begun, counted, is_number, is_within, resumed
from gatewayd.model import Channel, ChannelId, Measurement, Quality, Reading, Value
from gatewayd.shaping import Seen, Steps, steps_of
from gatewayd.totals import Totals
from gatewayd.tuning import PLAIN, Tuning
from gatewayd.window import Window

SILENT_S = 3600.0
"""A reason is repeated this often while it lasts, so that a silence is never mistaken for one."""


@dataclass(slots=True)
class Answer:
    """What one answer of a device comes to.

    Attributes:
        now_ms: when it came.
        others: all that the device said in it.
        totals: where counters are kept.
        is_alarm: a threshold was crossed: nothing of this waits.
    """

    now_ms: int
    totals: Totals
    others: Seen = field(default_factory=dict)
    seen: list[Reading] = field(default_factory=list)
    news: list[Reading] = field(default_factory=list)
    old: list[Reading] = field(default_factory=list)
    is_alarm: bool = False


@dataclass(slots=True)
class Last:
    """What was published last of one channel, and what was held back since."""

    id: ChannelId
    deadband: float | None = None
    heartbeat: float | None = None
    value: Value | None = None
    quality: Quality | None = None
    time_ms: int = 0
    held: Reading | None = None

    def take(self, reading: Reading, answer: Answer, *, is_pressing: bool = False) -> None:
        """Publish a reading if it is news.

        What a deadband held back last goes out before the step that ends it, with its own time,
        so that a chart shows a step there and not a ramp.
        """
        is_next = is_pressing or is_step(self, reading)
        if not is_next and not is_due(self, reading):
            answer.old.append(reading)
            # A switch steps by itself; who counts its events wants each of them once.
            is_number = isinstance(reading.value, int | float) and not isinstance(
                reading.value, bool
            )
            self.held = reading if self.deadband is not None and is_number else None
            return
        if is_next and self.held is not None:
            answer.news.append(self.held)
        self.held = None
        self.value, self.quality, self.time_ms = reading.value, reading.quality, reading.time_ms
        answer.news.append(reading)


def is_step(last: Last, reading: Reading) -> bool:
    """Return whether a reading says something else than the last one that was published."""
    if reading.quality is not last.quality:
        return True
    value = reading.value
    if value is None:
        return False
    if last.deadband is None:
        return last.heartbeat is None
    if isinstance(value, bool | str | dict) or isinstance(last.value, bool | str | dict | None):
        return value != last.value
    return abs(value - last.value) >= last.deadband


def is_due(last: Last, reading: Reading) -> bool:
    """Return whether a reading is published because it is time to."""
    wait_s = last.heartbeat if reading.value is not None else SILENT_S
    return wait_s is not None and (reading.time_ms - last.time_ms) / 1000 >= wait_s


@dataclass(slots=True)
class Gauge:
    """One channel that a driver measures.

    `is_plain` is true where nothing is done with its values: they are only checked, and all of
    them are news.
    """

    channel: Channel
    tuning: Tuning
    last: Last
    steps: Steps
    is_plain: bool
    window: Window | None = None
    low: Last | None = None
    high: Last | None = None
    alarm: Last | None = None
    is_on: bool = False
    """Whether the value was past its threshold when it was seen last."""
    count: Count | None = None

    def take(self, measured: Measurement, time_ms: int, answer: Answer) -> None:
        """Take what was measured: shape it, count it, gather it, compare it, publish what is news.

        Args:
            time_ms: when that was, as the device or else this gateway says.
        """
        if self.channel.is_counter:
            value, quality = self._counted(measured, answer.totals)
        else:
            value, quality = self.steps.apply(measured, answer.others)
        reading = Reading(self.last.id, time_ms, value, quality)
        answer.seen.append(reading)
        is_crossing = self._is_crossing(value)
        if self.window is None:
            self.last.take(reading, answer, is_pressing=is_crossing)
        else:
            self.close_window(answer)
            self.window.add(value, quality)
            answer.old += self._gathered(answer.now_ms)
            if is_crossing:
                self.last.take(reading, answer, is_pressing=True)
        if self.alarm is not None:
            answer.is_alarm |= is_crossing
            self._take_alarm(reading, answer)

    def close_window(self, answer: Answer, *, is_last: bool = False) -> None:
        """Publish what the window came to if it is over, or if nothing more will come."""
        window, now_ms = self.window, answer.now_ms
        if window is None:
            return
        is_over = window.is_over(now_ms)
        if is_over or (is_last and window.count):
            date_ms = window.date_ms(now_ms) if is_over else now_ms
            for last, reading in zip(self._lasts(), self._gathered(date_ms), strict=True):
                last.take(reading, answer)
        if is_over or is_last or not window.ends_ms:
            window.begin(now_ms)

    def _lasts(self) -> tuple[Last, ...]:
        return tuple(last for last in (self.last, self.low, self.high) if last is not None)

    def _gathered(self, time_ms: int) -> list[Reading]:
        """Return mean, minimum and maximum so far as readings."""
        if self.window is None:
            return []
        *values, quality = self.window.summary()
        return [
            Reading(last.id, time_ms, value, quality)
            for last, value in zip(self._lasts(), values, strict=True)
        ]

    def _is_crossing(self, value: Value | None) -> bool:
        """Return whether a threshold is crossed; what has no value crosses none."""
        if self.tuning.alarm is None or not isinstance(value, int | float):
            return False
        was_on, self.is_on = self.is_on, self.tuning.alarm.holds(value, was_on=self.is_on)
        return self.is_on is not was_on

    def _take_alarm(self, reading: Reading, answer: Answer) -> None:
        if self.alarm is None:
            return
        value: Value | None = self.is_on
        quality = reading.quality
        if not isinstance(reading.value, int | float):
            value, quality = None, max(quality, Quality.OFF)
            if reading.value is not None:
                quality = Quality.FAULT  # A text is neither above nor below.
        told = Reading(self.alarm.id, reading.time_ms, value, quality)
        answer.seen.append(told)
        self.alarm.take(told, answer)

    def _counted(self, measured: Measurement, totals: Totals) -> tuple[Value | None, Quality]:
        """Return the total of a counter, and keep it."""
        raw, quality, tuning = measured.value, measured.quality, self.tuning
        if not quality.has_value:
            return None, quality
        if not is_number(raw) or not is_within(raw, self.channel.minimum, self.channel.maximum):
            return None, Quality.FAULT
        count = counted(self.count or self._first_count(raw, totals), raw, self.channel.wraps_at)
        if count != self.count:
            self.count = count
            totals.keep(self.last.id, count)
        total = count.total
        if not is_within(total, tuning.minimum, tuning.maximum):
            return None, Quality.FAULT
        return total, quality if count.is_sure else max(quality, Quality.UNCERTAIN)

    def _first_count(self, raw: float, totals: Totals) -> Count:
        """Return the count that is kept, or a new one."""
        kept, tuning = totals.find(self.last.id), self.tuning
        count = resumed(kept, tuning.scale, tuning.total) if kept else None
        if count is not None:
            return count
        is_sure = kept is not None or not totals.is_lost
        return begun(raw, tuning.scale, tuning.total, is_sure=is_sure)


def make_gauge(device: str, channel: Channel, tuning: Tuning) -> Gauge:
    """Return the gauge of a declared channel."""

    def last(local: str) -> Last:
        return Last(ChannelId(f"{device}/{local}"), tuning.deadband, tuning.heartbeat)

    steps = steps_of(channel, tuning)
    # What only tells what the value is does nothing with it.
    is_untuned = replace(tuning, unit=None, kind=None, decimals=None) == PLAIN
    gauge = Gauge(
        channel,
        tuning,
        last(channel.id),
        steps,
        is_plain=is_untuned and steps == Steps() and not channel.is_counter,
    )
    if tuning.window is not None:
        gauge.window = Window(max(1, round(tuning.window * 1000)))
        gauge.low, gauge.high = last(f"{channel.id}_min"), last(f"{channel.id}_max")
    if tuning.alarm is not None:
        gauge.alarm = Last(ChannelId(f"{device}/{channel.id}_alarm"), 0.0, tuning.heartbeat)
    return gauge
