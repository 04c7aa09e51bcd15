"""Simulated sensors: the same seed is the same history."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.sim import Config, Signal, bell, describe, fraction, key, measure, mix, open_driver
from gatewayd.model import Measurement, Quality
from gatewayd.testing.ports import FakePorts

WEATHER = Signal(kind="temperature", unit="Cel", mean=21.0, amplitude=3.0, period=600.0)


async def run(config: Config, reads: int) -> list[Measurement]:
    """Return the first channel's measurements."""
    async with open_driver(config, FakePorts()) as sensor:
        return [(await sensor.read())[0] for _ in range(reads)]


async def test_the_same_seed_gives_the_same_history() -> None:
    """So that a failure seen once can be seen again."""
    signals = {"t": Signal(mean=21.0, amplitude=3.0, noise=0.5, dropout=0.1)}
    first = await run(Config(seed=7, signals=signals), 200)
    assert first == await run(Config(seed=7, signals=signals), 200)
    assert first != await run(Config(seed=8, signals=signals), 200)


async def test_a_wave_swings_about_its_mean() -> None:
    """One period of ten minutes, in steps of ten seconds."""
    values = [each.value for each in await run(Config(step=10.0, signals={"t": WEATHER}), 60)]
    numbers = [value for value in values if isinstance(value, float)]
    assert len(numbers) == 60
    assert statistics.fmean(numbers) == pytest.approx(21.0)
    assert max(numbers) == pytest.approx(24.0, abs=0.02)
    assert min(numbers) == pytest.approx(18.0, abs=0.02)


async def test_drift_adds_up_with_simulated_time() -> None:
    """A degree an hour, seen after one hour."""
    signal = Signal(mean=20.0, drift_per_hour=1.0)
    assert (await run(Config(step=3600.0, signals={"t": signal}), 2))[1].value == 21.0


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    """Mean zero, and never an outlier that a plausibility check would refuse."""
    noise = [bell(mix(sample)) for sample in range(5000)]
    assert statistics.fmean(noise) == pytest.approx(0, abs=0.05)
    assert statistics.pstdev(noise) == pytest.approx(1, abs=0.03)
    assert max(map(abs, noise)) < 3.5


async def test_dropouts_are_told_with_their_reason() -> None:
    """About the share that was asked for, and never as a zero."""
    signal = Signal(mean=21.0, dropout=0.2)
    measured = await run(Config(signals={"t": signal}), 2000)
    lost = [each for each in measured if each.value is None]
    assert {each.quality for each in lost} == {Quality.TIMEOUT}
    assert len(lost) == pytest.approx(400, abs=80)


async def test_an_event_is_decided_once_a_period() -> None:
    """A door is open or shut for a while, not flickering with every read."""
    signal = Signal(shape="event", kind="motion", period=60.0, chance=0.5)
    values = [each.value for each in await run(Config(step=10.0, signals={"m": signal}), 600)]
    periods = [set(values[at : at + 6]) for at in range(0, 600, 6)]
    assert all(len(period) == 1 for period in periods)
    assert {True, False} == set(values)
    assert 25 <= sum(period == {True} for period in periods) <= 75


async def test_a_hundred_channels_are_one_key() -> None:
    """For benchmarks; no two show the same curve."""
    config = Config(channels=100)
    assert [channel.id for channel in describe(config)][::99] == ["c000", "c099"]
    async with open_driver(config, FakePorts()) as sensor:
        measured = await sensor.read()
    assert len({each.value for each in measured}) == 100


def test_signals_are_declared_as_configured() -> None:
    """Kind and unit are the owner's; an event has no decimals."""
    temperature, motion = describe(
        Config(signals={"t": WEATHER, "m": Signal(shape="event", kind="motion")})
    )
    assert (temperature.kind, temperature.unit, temperature.decimals) == ("temperature", "Cel", 2)
    assert (motion.kind, motion.unit, motion.decimals) == ("motion", "", None)


@given(st.integers(0, 2**64 - 1), st.integers(0, 10**9))
def test_every_sample_is_within_its_swing(seed: int, sample: int) -> None:
    """Whatever the seed and however long it runs."""
    measured = measure("t", WEATHER, key(seed, "t"), sample, sample * 10.0)
    assert isinstance(measured.value, float)
    assert 17.999 <= measured.value <= 24.001
    assert 0 <= fraction(mix(seed)) <= 1


@pytest.mark.parametrize("wrong", [{"period": 0.0}, {"dropout": 1.5}, {"chance": -0.1}])
def test_a_signal_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """When the file is read, not at the first sample."""
    with pytest.raises(ValueError, match=r"period|shares"):
        Signal(**wrong)


@pytest.mark.parametrize("wrong", [{"step": 0.0}, {"channels": -1}, {"channels": 10**6}])
def test_a_device_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """Likewise."""
    with pytest.raises(ValueError, match=r"step|channels"):
        Config(**wrong)
