"""One sensor: on time, named, dated, and only what is news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gatewayd.bus import Bus
from gatewayd.errors import DeviceAbsent, DeviceTimeout
from gatewayd.model import Channel, Measurement, Quality, Reading
from gatewayd.sampler import Pace, Sampler
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.tuning import Tuning

CHANNEL = Channel("temperature", "temperature", "Cel", minimum=-40, maximum=85)


@dataclass
class FakeSensor:
    """Gives the values of a list, then is absent."""

    values: list[object]
    delay_s: float = 0.0
    asked_s: list[float] = field(default_factory=list)

    async def read(self) -> Sequence[Measurement]:
        self.asked_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.delay_s)
        if not self.values:
            raise DeviceAbsent("nobody answers")
        return [Measurement("temperature", self.values.pop(0))]  # type: ignore[arg-type]  # also nonsense


def sample(sensor: FakeSensor, tuning: Tuning | None = None) -> list[Reading]:
    """Return what is published until the sensor fails."""

    async def main() -> list[Reading]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[FakeSensor]:
            yield sensor

        bus = Bus()
        tunings = {"temperature": tuning} if tuning else {}
        sampler = Sampler("boiler", [CHANNEL], tunings, bus, SimulatedClock())
        try:
            await sampler.run(opened, every_s=10, timeout_s=2)
        except DeviceAbsent as error:
            sampler.publish_reason(error.quality)
            sampler.publish_reason(error.quality)
        return bus.take_now()

    return run_simulated(main())


def test_readings_are_named_dated_and_on_the_beat() -> None:
    """Every 10 s, however long an answer takes; the end is published with its reason, once."""
    sensor = FakeSensor([20.0, 21.0], delay_s=1)
    assert sample(sensor) == [
        Reading("boiler/temperature", START_MS + 1000, 20.0),  # type: ignore[arg-type]  # a name
        Reading("boiler/temperature", START_MS + 11_000, 21.0),  # type: ignore[arg-type]  # a name
        Reading("boiler/temperature", START_MS + 21_000, None, Quality.ABSENT),  # type: ignore[arg-type]  # a name
    ]
    assert sensor.asked_s == [0, 10, 20]


def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    """Every question has a deadline."""
    with pytest.raises(DeviceTimeout):
        sample(FakeSensor([1.0], delay_s=3))


def test_small_changes_are_no_news_and_heartbeats_are() -> None:
    """Deadband and heartbeat decide together; before a step, the last small change is told."""
    values: list[object] = [20.0, 20.04, 20.05, 20.2, 20.2, 20.2, 20.2]
    got = sample(FakeSensor(values), Tuning(deadband=0.1, heartbeat=30.0))
    assert [(r.value, r.time_ms - START_MS) for r in got] == [
        (20.0, 0),
        (20.05, 20_000),
        (20.2, 30_000),
        (20.2, 60_000),
        (None, 70_000),
    ]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 85.1, -41, None, {"lat": float("nan")}]
)
def test_what_cannot_be_is_a_fault(value: object) -> None:
    """A value outside the plausible is a reason, never a number."""
    first, *_ = sample(FakeSensor([value]))
    assert (first.value, first.quality) == (None, Quality.FAULT)


def test_asked_out_of_turn_it_tells_what_it_saw_news_or_not() -> None:
    """A value within the deadband is no news for the record, and still the answer."""

    async def main() -> None:
        sensor, bus = FakeSensor([20.0, 20.01]), Bus()

        @asynccontextmanager
        async def opened() -> AsyncIterator[FakeSensor]:
            yield sensor

        tunings = {"temperature": Tuning(deadband=1.0)}
        sampler = Sampler("boiler", [CHANNEL], tunings, bus, SimulatedClock())
        running = asyncio.ensure_future(sampler.run(opened, every_s=3600, timeout_s=2))
        await asyncio.sleep(1)
        [fresh] = await sampler.read_now(2)
        assert fresh.value == 20.01
        assert [reading.value for reading in bus.take_now()] == [20.0]
        running.cancel()

    run_simulated(main())


def test_a_new_pace_holds_at_once() -> None:
    """Whoever sleeps for an hour is woken, and the next beat counts from the last one."""

    async def main() -> list[float]:
        pace, beats, loop = Pace(3600), [], asyncio.get_running_loop()
        began_s = loop.time()
        loop.call_later(100, pace.change, 60)
        loop.call_later(145, pace.change, 20)
        beat_s = began_s
        for _ in range(3):
            beat_s = await pace.wait_beat(beat_s)
            beats.append(beat_s - began_s)
        return beats

    assert run_simulated(main()) == [100, 145, 165]


def test_an_unchanged_pace_keeps_its_beats() -> None:
    """Quick or slow; a beat that was missed is skipped."""

    async def main(every_s: float) -> list[float]:
        pace, loop = Pace(every_s), asyncio.get_running_loop()
        beat_s = began_s = loop.time()
        beats = []
        for work_s in (0, every_s / 2, every_s * 1.5):
            await asyncio.sleep(work_s)
            beat_s = await pace.wait_beat(beat_s)
            beats.append((beat_s - began_s) / every_s)
        return beats

    assert run_simulated(main(10)) == pytest.approx([1, 2, 3.5])
    assert run_simulated(main(0.5)) == pytest.approx([1, 2, 3.5])
