"""INA219 and INA226: calibrations as the data sheets compute them, and results that are none."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from drivers.i2c import ina219, ina226
from gatewayd.errors import DeviceFault
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c_chips import ina219_chip, ina226_chip
from gatewayd.testing.i2c_models import WordChip
from gatewayd.testing.ports import FakePorts


def config(module: ModuleType, shunt_ohm: float, current_max_a: float) -> Any:
    return module.Config(port="i2c:1", shunt_ohm=shunt_ohm, current_max_a=current_max_a)


def test_the_calibration_is_the_data_sheets() -> None:
    """2 mΩ and 1 mA a count: 0x5000 in an INA219, 0x0A00 in an INA226."""
    assert config(ina219, 0.002, 32.768).calibration() == 0x5000
    assert config(ina226, 0.002, 32.768).calibration() == 0x0A00


def test_a_calibration_without_its_fraction_still_gives_the_right_current() -> None:
    """0.1 Ω and 3.2 A are 4194.3: the count is what 4194 makes of it."""
    (current,) = (
        field
        for query in ina219._table(config(ina219, 0.1, 3.2)).queries
        for field in query.fields
        if field.name == "current"
    )
    assert config(ina219, 0.1, 3.2).calibration() == 4194
    # 100 mV are 10 000 counts of the shunt; the chip computes counts · calibration / 4096.
    counts = 10_000 * 4194 // 4096
    assert current.decode(counts.to_bytes(2, "big")).value == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    ("current_max_a", "configuration"),
    [(0.4, 0x219F), (0.8, 0x299F), (1.6, 0x319F), (3.2, 0x399F)],
)
def test_the_finest_range_that_holds_the_current_is_taken(
    current_max_a: float, configuration: int
) -> None:
    """40, 80, 160 or 320 mV over 0.1 Ω."""
    assert config(ina219, 0.1, current_max_a).configuration() == configuration


@pytest.mark.parametrize(
    ("module", "shunt_ohm", "current_max_a", "said"),
    [
        (ina219, 0.1, 5.0, "current_max_a is 3.2 at the most with this shunt_ohm"),
        (ina226, 0.1, 1.0, "current_max_a is 0.8192 at the most"),
        (ina219, 0.1, 0.1, "current_max_a is 0.204.* at the least"),
        (ina219, 0.0, 1.0, "more than 0"),
        (ina226, 0.1, -1.0, "more than 0"),
    ],
)
def test_a_shunt_that_does_not_fit_the_current_is_said(
    module: ModuleType, shunt_ohm: float, current_max_a: float, said: str
) -> None:
    """With the current that would."""
    with pytest.raises(ValueError, match=said):
        config(module, shunt_ohm, current_max_a)


@pytest.mark.parametrize(
    ("module", "chip", "register", "word"),
    [(ina219, ina219_chip(), 2, 0x5D99), (ina226, ina226_chip(), 6, 0x0004)],
    ids=["ina219", "ina226"],
)
def test_an_overflow_spoils_current_and_power_only(
    module: ModuleType, chip: WordChip, register: int, word: int
) -> None:
    """The chip says that it could not compute them; the voltages are measured."""
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x40] = chip

    async def main() -> None:
        async with module.open_driver(config(module, 0.002, 32.768), ports) as sensor:
            chip.registers[register] = word
            values = {each.channel: each.value for each in await sensor.read()}
            assert values["current"] is values["power"] is None
            assert values["voltage"] == pytest.approx(11.98)
            assert values["shunt"] == pytest.approx(0.02)

    run_simulated(main())


@pytest.mark.parametrize(
    ("module", "chip"), [(ina219, ina219_chip()), (ina226, ina226_chip())], ids=["219", "226"]
)
def test_a_lost_calibration_is_a_fault(module: ModuleType, chip: WordChip) -> None:
    """After a brown-out the chip would compute a current of zero, for ever."""
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[0x40] = chip

    async def main() -> None:
        async with module.open_driver(config(module, 0.002, 32.768), ports) as sensor:
            chip.registers[5] = 0
            with pytest.raises(DeviceFault, match="may have lost power"):
                await sensor.read()

    run_simulated(main())
