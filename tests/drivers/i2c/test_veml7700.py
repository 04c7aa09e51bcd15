"""VEML7700: the range follows the light, and the light does not depend on the range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.i2c.veml7700 import FIRST, RANGES, Config, better_range, lux, open_driver
from gatewayd.errors import DeviceFault
from gatewayd.model import Quality
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c_chips import veml7700_chip
from gatewayd.testing.ports import FakePorts

GAIN_1_100_MS = RANGES[4]


def test_a_count_is_worth_what_the_data_sheet_says() -> None:
    """0.0672 lx with gain 1 and 100 ms, 0.0042 with gain 2 and 800 ms."""
    assert lux(1, GAIN_1_100_MS) == pytest.approx(0.0672)
    assert lux(1, RANGES[-1]) == pytest.approx(0.0042)


def test_bright_light_is_corrected() -> None:
    """Above 1000 lx with the small gains: the polynomial of the application note."""
    eighth = RANGES[2]
    assert lux(1000, eighth) == pytest.approx(537.6)
    assert lux(10_000, eighth) == pytest.approx(6786.5, rel=1e-4)


def test_settings_have_the_codes_of_the_data_sheet() -> None:
    """Gain in the bits 12:11, time in 9:6."""
    assert [each.configuration for each in RANGES] == [
        0x1300, 0x1200, 0x1000, 0x1800, 0x0000, 0x0800, 0x0840, 0x0880, 0x08C0,
    ]  # fmt: skip


@given(st.floats(0, 60_000), st.integers(0, len(RANGES) - 1))
def test_the_range_comes_to_rest(light: float, index: int) -> None:
    """From any range, in any light, within one try for each range: no range sends it back."""
    for _ in RANGES:
        within = RANGES[index]
        counts = min(0xFFFF, round(light / lux(1, within)))
        better = better_range(counts, index)
        if better == index:
            return
        index = better
    pytest.fail("it goes to and fro")


@pytest.mark.parametrize("light", [0, 3, 500, 16_000, 2_000_000, 20_000_000])
def test_the_light_is_the_same_whatever_was_before(light: int) -> None:
    """After darkness and after the sun, the same lamp is as bright."""
    chip = veml7700_chip()
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x10] = chip

    async def main() -> None:
        async with open_driver(Config(port="i2c:1"), ports) as sensor:
            seen = []
            for before in (0, 40_000_000):
                chip.light = before
                await sensor.read()
                chip.light = light
                (measured,) = await sensor.read()
                assert isinstance(measured.value, float)
                seen.append(measured.value)
            assert seen[0] == pytest.approx(seen[1], rel=0.02, abs=0.01)

    run_simulated(main())


def test_too_bright_is_a_fault_and_the_next_one_is_right() -> None:
    """A full counter is no value."""
    chip = veml7700_chip()
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x10] = chip

    async def main() -> None:
        async with open_driver(Config(port="i2c:1"), ports) as sensor:
            chip.light = 1e9
            (measured,) = await sensor.read()
            assert (measured.value, measured.quality) == (None, Quality.FAULT)
            chip.light = 16_000
            (measured,) = await sensor.read()
            assert measured.value == pytest.approx(67.2)

    run_simulated(main())


def test_a_chip_that_lost_its_setting_is_a_fault() -> None:
    """A chip that slept through would say darkness."""
    chip = veml7700_chip()
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x10] = chip

    async def main() -> None:
        async with open_driver(Config(port="i2c:1"), ports) as sensor:
            chip.registers.pop(0)
            with pytest.raises(DeviceFault, match="has setting 0000, not 0010"):
                await sensor.read()

    assert RANGES[FIRST].configuration == 0x1000
    run_simulated(main())
