"""ADS1115: what is written to begin a conversion, and what can be meant by an input."""

from __future__ import annotations

import pytest

from drivers.i2c.ads1115 import PINS, Config, Input, configuration_of, open_driver
from gatewayd.errors import DeviceFault
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c_chips import ads1115_chip
from gatewayd.testing.ports import FakePorts


def test_a_conversion_begins_with_the_word_of_the_data_sheet() -> None:
    """AIN0 against ground, ±4.096 V, once, 128 a second, no comparator: 0xC383."""
    assert configuration_of(Input(pins="0", range_v=4.096), 128) == 0xC383


def test_inputs_ranges_and_rates_have_their_codes() -> None:
    """Data sheet §9.6.3: the bits 14:12, 11:9 and 7:5."""
    multiplexer = {pins: configuration_of(Input(pins=pins), 8) >> 12 & 7 for pins in PINS}  # type: ignore[arg-type]  # Texts that are literals.
    assert multiplexer == {
        "0-1": 0,
        "0-3": 1,
        "1-3": 2,
        "2-3": 3,
        "0": 4,
        "1": 5,
        "2": 6,
        "3": 7,
    }
    assert configuration_of(Input(pins="0", range_v=6.144), 8) >> 9 & 7 == 0
    assert configuration_of(Input(pins="0", range_v=0.256), 8) >> 9 & 7 == 5
    assert configuration_of(Input(pins="0"), 8) >> 5 & 7 == 0
    assert configuration_of(Input(pins="0"), 860) >> 5 & 7 == 7


def test_an_input_has_a_unit_and_a_scale_of_its_own() -> None:
    """A 4–20 mA level sensor is a level in metres, not a voltage."""
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x48] = ads1115_chip()  # 2.048 V on AIN0.
    level = Input(pins="0", kind="level", unit="m", scale=2.0, offset=-1.0)

    async def main() -> None:
        async with open_driver(Config(port="i2c:1", inputs={"level": level}), ports) as sensor:
            assert [each.value for each in await sensor.read()] == pytest.approx([3.096])

    run_simulated(main())


def test_a_chip_that_does_not_keep_its_setting_is_a_fault() -> None:
    """Otherwise another input's voltage would be taken for this one's."""
    chip = ads1115_chip()
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x48] = chip

    async def main() -> None:
        config = Config(port="i2c:1", inputs={"a": Input(pins="0")})
        async with open_driver(config, ports) as sensor:
            del chip.registers[1]
            with pytest.raises(DeviceFault, match="has configuration 0000, not c383"):
                await sensor.read()

    run_simulated(main())


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, r"at least one \[….inputs.CHANNEL\]"),
        ({"a": Input(pins="0", range_v=5.0)}, "input a: range_v is one of 6.144, 4.096"),
        ({"a": Input(pins="0", scale=0)}, "input a: scale is not 0"),
    ],
)
def test_what_the_chip_cannot_do_is_said(inputs: dict[str, Input], said: str) -> None:
    """Before it is touched."""
    with pytest.raises(ValueError, match=said):
        Config(port="i2c:1", inputs=inputs)
