"""Pulses."""

from __future__ import annotations

import asyncio
import errno
import time
from pathlib import Path

import gpiod
import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.gpio.gpio_counter import Config, Pace, Tally, describe, open_driver, rate_factor
from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.ports.edges import QUEUE_MAX, Edge
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.wires import FakeLines
from tests.peers.gpio import InputKernel

S = 1_000_000_000
WATER = Config(
    port="gpio:0",
    line=22,
    pulses_per_unit=450,
    kind="volume",
    unit="L",
    rate_kind="flow",
    rate_unit="L/min",
)
METER = Config(
    port="gpio:0",
    line=22,
    pulses_per_unit=1000,
    kind="energy",
    unit="kWh",
    rate_kind="power",
    rate_unit="W",
)


def tally() -> Tally:
    return Tally(0, 60 * S)


def pulses(*times_s: float, missed: int = 0) -> list[Edge]:
    return [Edge(22, True, round(each * S), missed) for each in times_s]


def attached() -> tuple[FakePorts, FakeLines]:
    ports = FakePorts()
    return ports, ports.attach_lines("gpio:0")


def pulse(lines: FakeLines, count: int = 1, *, missed: int = 0) -> None:
    for _ in range(count):
        lines.drive(22, True, missed=missed)
        lines.drive(22, False)


def test_the_pace_is_the_time_between_pulses() -> None:
    """Not their number in a period, which jumps where pulses are sparse."""
    counting = tally()
    assert counting.take(pulses(1, 3), 4 * S) == Pace(0.5, True)
    assert counting.take(pulses(5, 7, 9), 10 * S) == Pace(0.5, True)
    assert counting.count == 5


def test_who_waits_longer_than_between_the_last_two_is_slower() -> None:
    """The rate falls before the next pulse comes, and is 0 when none has for `idle`."""
    counting = tally()
    counting.take(pulses(1, 2), 2 * S)
    assert counting.take([], 6 * S) == Pace(0.25, True)
    assert counting.take([], 61 * S) == Pace(1 / 59, True)
    assert counting.take([], 62 * S) == Pace(0.0, True)


def test_nothing_is_certain_before_two_pulses_or_a_long_silence() -> None:
    """Zero at once would be a guess."""
    counting = tally()
    assert counting.take([], 1 * S) == Pace(0.0, False)
    assert counting.take(pulses(2), 3 * S) == Pace(0.0, False)
    assert tally().take([], 60 * S) == Pace(0.0, True)


def test_after_a_pause_the_pace_is_that_of_the_new_pulses() -> None:
    """A tap that was closed for an hour does not run slowly."""
    counting = tally()
    counting.take(pulses(1, 2), 2 * S)
    assert counting.take(pulses(3600, 3601, 3602), 3602 * S) == Pace(1.0, True)


def test_sparse_pulses_tell_their_mean() -> None:
    """An energy meter at night: one pulse every 90 s, with an idle of 60 s."""
    counting = tally()
    counting.take(pulses(10), 20 * S)
    assert counting.take(pulses(100), 101 * S) == Pace(1 / 90, True)


def test_dropped_pulses_count_and_are_part_of_the_pace() -> None:
    """Their numbers are known though they were never seen."""
    counting = tally()
    counting.take(pulses(1), 1 * S)
    assert counting.take(pulses(11, missed=99), 11 * S) == Pace(10.0, True)
    assert counting.count == 101


def test_two_pulses_at_one_instant_are_no_division_by_zero() -> None:
    """A clock of low resolution."""
    assert tally().take(pulses(1, 1), 1 * S).is_certain


@given(some.lists(some.lists(some.integers(1, 10), max_size=5), max_size=20))
def test_however_it_is_read_the_count_is_the_same(reads: list[list[int]]) -> None:
    """Ten pulses are ten, in one look or in ten."""
    counting, now, count = tally(), 0, 0
    for gaps in reads:
        edges = []
        for gap in gaps:
            now += gap
            edges += pulses(now)
        count += len(gaps)
        pace = counting.take(edges, now * S)
        assert 0 <= pace.hertz <= 1.0
    assert counting.count == count


def test_a_flow_meter_tells_litres_and_litres_a_minute() -> None:
    """450 pulses a litre: 900 in 4 minutes are 2 L at 0.5 L/min."""

    async def main() -> None:
        ports, lines = attached()
        loop = asyncio.get_running_loop()
        async with open_driver(WATER, ports) as counter:
            assert await counter.read() == [
                Measurement("total", 0.0),
                Measurement("rate", 0.0, Quality.UNCERTAIN),
            ]
            for n in range(900):
                loop.call_later((n + 1) * 240 / 900, pulse, lines)
            await asyncio.sleep(240.01)
            total, rate = await counter.read()
        assert total == Measurement("total", 2.0)
        assert rate.value == pytest.approx(0.5)
        assert rate.quality is Quality.GOOD

    run_simulated(main())


def test_an_energy_meter_tells_kilowatt_hours_and_watts() -> None:
    """1000 pulses a kWh, one in 1.8 s: 2 kW."""

    async def main() -> None:
        ports, lines = attached()
        async with open_driver(METER, ports) as counter:
            await counter.read()
            for _ in range(10):
                await asyncio.sleep(1.8)
                pulse(lines)
            total, rate = await counter.read()
        assert total.value == pytest.approx(0.01)
        assert rate.value == pytest.approx(2000)

    run_simulated(main())


def test_a_counter_that_is_opened_again_begins_at_0() -> None:
    """And says so before anything else, else as many pulses as before would look like none."""

    async def main() -> None:
        ports, lines = attached()
        for _ in range(2):
            async with open_driver(METER, ports) as counter:
                pulse(lines, 3)
                assert (await counter.read())[0].value == 0
                assert (await counter.read())[0].value == pytest.approx(0.003)
            assert not lines.held

    run_simulated(main())
    assert describe(METER)[0].is_counter


def test_dropped_pulses_whose_numbers_are_known_leave_the_total_certain() -> None:
    """The kernel's queue was full, its counting went on."""

    async def main() -> None:
        ports, lines = attached()
        async with open_driver(METER, ports) as counter:
            await counter.read()
            pulse(lines)
            pulse(lines, missed=4)
            total = (await counter.read())[0]
        assert total.value == pytest.approx(0.006)
        assert total.quality is Quality.GOOD

    run_simulated(main())


def test_a_chip_without_interrupts_counts_nothing() -> None:
    """Better a clear word than half of the water."""

    async def main() -> None:
        ports, lines = attached()
        lines.has_edges = False
        with pytest.raises(DeviceFault, match="no interrupts for line 22"):
            async with open_driver(METER, ports):
                pytest.fail("its pulses would be missed")
        assert not lines.held

    run_simulated(main())


async def test_an_unplugged_chip_is_absent() -> None:
    """The supervisor opens it again."""
    ports, lines = attached()
    async with open_driver(METER, ports) as counter:
        await counter.read()
        lines.unplug()
        with pytest.raises(DeviceAbsent):
            await counter.read()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> InputKernel:
    kernel = InputKernel()
    monkeypatch.setattr(gpiod, "request_lines", kernel.request_lines)
    return kernel


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    (tmp_path / "gpiochip0").touch()
    return Ports({"gpio:0": {"type": "gpio", "chip": str(tmp_path / "gpiochip0")}})


async def test_more_pulses_than_the_kernel_keeps_are_all_counted(
    kernel: InputKernel, ports: Ports
) -> None:
    """Its queue holds 1024; the numbers of those tell the rest."""
    async with asyncio.timeout(5), open_driver(METER, ports) as counter:
        await counter.read()
        start = time.monotonic_ns()
        for n in range(QUEUE_MAX + 976):
            kernel.drive(22, True, start + n)
            kernel.drive(22, False, start + n)
        assert (await counter.read())[0] == Measurement("total", 2.0)


async def test_a_bouncing_contact_is_counted_once_a_pulse(
    kernel: InputKernel, ports: Ports
) -> None:
    """Where the kernel cannot debounce."""
    kernel.refuses["debounce"] = errno.EOPNOTSUPP
    config = Config(port="gpio:0", line=22, debounce=0.005)
    async with asyncio.timeout(5), open_driver(config, ports) as counter:
        await counter.read()
        start = time.monotonic_ns() - 10 * S
        for n in range(10):
            for bounce in range(3):
                kernel.drive(22, True, start + n * S + bounce * 1_000_000)
                kernel.drive(22, False, start + n * S + bounce * 1_000_000 + 500_000)
            kernel.drive(22, True, start + n * S + 4_000_000)
            kernel.drive(22, False, start + n * S + 80_000_000)
        assert await counter.read() == [Measurement("total", 10.0)]


async def test_a_flood_that_cannot_be_debounced_is_uncertain(
    kernel: InputKernel, ports: Ports
) -> None:
    """The kernel dropped raw edges; which of them were pulses nobody knows."""
    kernel.refuses["debounce"] = errno.EOPNOTSUPP
    config = Config(port="gpio:0", line=22, debounce=0.005)
    async with asyncio.timeout(5), open_driver(config, ports) as counter:
        await counter.read()
        start = time.monotonic_ns() - 10 * S
        for n in range(QUEUE_MAX):
            kernel.drive(22, True, start + n)
            kernel.drive(22, False, start + n)
        assert (await counter.read())[0].quality is Quality.UNCERTAIN
        assert (await counter.read())[0].quality is Quality.GOOD


@pytest.mark.parametrize(
    ("unit", "rate_unit", "factor"),
    [
        ("L", "L/min", 60),
        ("m3", "m3/h", 3600),
        ("mm", "mm/h", 3600),
        ("m", "m/s", 1),
        ("kWh", "W", 3.6e6),
        ("kWh", "kW", 3600),
        ("Wh", "W", 3600),
        ("J", "W", 1),
        ("", "Hz", 1),
        ("", "/min", 60),
    ],
)
def test_a_rate_follows_from_its_units(unit: str, rate_unit: str, factor: float) -> None:
    """Nobody has to work out 3.6 million."""
    assert rate_factor(unit, rate_unit) == factor


@pytest.mark.parametrize(
    "keys",
    [
        {"unit": "L", "rate_unit": "m3/h"},
        {"unit": "L", "rate_unit": "L"},
        {"unit": "L", "rate_unit": "L/y"},
        {"pulses_per_unit": 0.0},
        {"line": -1},
        {"kind": "Water meter"},
        {"debounce": 11.0},
        {"idle": 0.0},
    ],
)
def test_what_cannot_be_counted_is_refused(keys: dict[str, object]) -> None:
    """Before the hardware is touched."""
    with pytest.raises(ValueError, match=r".+"):
        Config(**{"port": "gpio:0", "line": 22, **keys})  # type: ignore[arg-type]  # By name.


def test_the_channels_are_as_the_owner_says() -> None:
    """One digit more than a pulse is worth is none."""
    total, rate = describe(WATER)
    assert (total.id, total.kind, total.unit, total.decimals) == ("total", "volume", "L", 3)
    assert (rate.id, rate.kind, rate.unit, rate.minimum) == ("rate", "flow", "L/min", 0)
    assert [each.id for each in describe(Config(port="gpio:0", line=22))] == ["total"]
