"""One sensor: on time, named, dated, and only what is news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gatewayd.board import Board
from gatewayd.bus import Bus
from gatewayd.errors import DeviceAbsent, DeviceTimeout
from gatewayd.model import Channel, ChannelId, Measurement, Quality, Reading
from gatewayd.sampler import Pace, Sampler
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.totals import Totals
from gatewayd.tuning import Alarm, Tuning, derived

CHANNEL = Channel("temperature", "temperature", "Cel", minimum=-40, maximum=85)
NAME = ChannelId("boiler/temperature")


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


async def asked(sampler: Sampler, values: list[object], every_s: float = 10.0) -> None:
    """Let a sensor say these, then fail and say so."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[FakeSensor]:
        yield FakeSensor(values)

    try:
        await sampler.run(opened, every_s=every_s, timeout_s=2)
    except DeviceAbsent as error:
        sampler.publish_reason(error.quality)


def test_what_a_deadband_holds_back_is_on_the_board() -> None:
    """The latest value and its age are those last seen; the record is spared."""

    async def main() -> None:
        bus, board = Bus(), Board()
        tunings = {"temperature": Tuning(deadband=1.0)}
        sampler = Sampler("boiler", [CHANNEL], tunings, bus, SimulatedClock())
        sampler.board = board
        running = asyncio.ensure_future(asked(sampler, [20.0, 20.1, 20.2, 20.3]))
        await asyncio.sleep(25)
        assert board.latest(NAME) == Reading(NAME, START_MS + 20_000, 20.2)
        assert [reading.value for reading in bus.take_now()] == [20.0]
        running.cancel()

    run_simulated(main())


def test_windows_are_closed_whatever_the_device_does_and_at_the_end() -> None:
    """On time while it is silent, and with what they hold when the program ends."""

    async def main() -> list[Reading]:
        bus = Bus()
        sampler = Sampler(
            "boiler", [CHANNEL], {"temperature": Tuning(window=60)}, bus, SimulatedClock()
        )
        assert sampler.has_windows
        tending = asyncio.ensure_future(sampler.tend())
        await asked(sampler, [20.0, 22.0])
        await asyncio.sleep(150)
        await asked(sampler, [30.0])
        tending.cancel()
        await asyncio.wait([tending])
        return bus.take_now()

    first_ms = (START_MS // 60_000 + 1) * 60_000
    got = [reading for reading in run_simulated(main()) if reading.channel == NAME]
    assert got[0] == Reading(NAME, first_ms, 21.0)
    assert got[1] == Reading(NAME, first_ms + 60_000, None, Quality.ABSENT)
    assert got[-1].value == 30.0
    assert got[-1].time_ms - START_MS == 20_000 + 150_000 + 10_000


def test_an_alarm_waits_for_nobody() -> None:
    """It is marked on the bus, so that recorder and clouds do not wait either."""

    async def main() -> list[bool]:
        bus, took = Bus(), []
        tuning = Tuning(window=3600, alarm=Alarm(above=80))
        sampler = Sampler("boiler", [CHANNEL], {"temperature": tuning}, bus, SimulatedClock())
        running = asyncio.ensure_future(asked(sampler, [20.0, 81.0, 81.0]))
        for _ in range(3):
            await asyncio.sleep(9)
            bus.take_now()
            took.append(bus.took_alarm)
        running.cancel()
        return took

    assert run_simulated(main()) == [False, True, False]


def test_channels_of_one_device_may_be_reckoned_together() -> None:
    """A formula sees what else was in the answer."""

    class Pair:
        async def read(self) -> Sequence[Measurement]:
            return [Measurement("temperature", 20.0), Measurement("dew", 8.0)]

    async def main() -> list[Reading]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Pair]:
            yield Pair()

        bus, dew = Bus(), Channel("dew", "temperature", "Cel")
        tunings = {"temperature": Tuning(expression="x - dew")}
        sampler = Sampler("boiler", [CHANNEL, dew], tunings, bus, SimulatedClock())
        running = asyncio.ensure_future(sampler.run(opened, every_s=10, timeout_s=2))
        await asyncio.sleep(1)
        running.cancel()
        return bus.take_now()

    assert [reading.value for reading in run_simulated(main())] == [12.0, 8.0]


def test_a_made_channel_is_not_asked_of_the_device() -> None:
    """It has its reason from the channel that it is made of, and only once."""

    async def main() -> list[Reading]:
        bus, tuning = Bus(), Tuning(alarm=Alarm(above=80))
        channels = [CHANNEL, *derived(CHANNEL, tuning)]
        sampler = Sampler("boiler", channels, {"temperature": tuning}, bus, SimulatedClock())
        sampler.publish_reason(Quality.ABSENT)
        return bus.take_now()

    names = [reading.channel for reading in run_simulated(main())]
    assert names == [NAME, "boiler/temperature_alarm"]


def test_totals_are_kept_from_one_sampler_to_the_next() -> None:
    """A driver that is opened again counts from nothing; the total does not."""

    async def main() -> list[Reading]:
        bus, counter = Bus(), Channel("temperature", "volume", "L", is_counter=True)
        totals = Totals()
        for values in ([0, 5, 9], [2, 3]):
            sampler = Sampler("boiler", [counter], {}, bus, SimulatedClock())
            sampler.totals = totals
            await asked(sampler, list(values))
        return bus.take_now()

    values = [reading.value for reading in run_simulated(main())]
    assert values == [0.0, 5.0, 9.0, None, 11.0, 12.0, None]
