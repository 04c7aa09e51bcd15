"""What chips are told when they are opened: no more than they need, and nothing that wears out."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.i2c import aht20, bmp280, lm75, scd4x, scd30
from gatewayd.errors import DeviceFault
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c import bme280_chip
from gatewayd.testing.i2c_bystanders import Pcf8574Chip
from gatewayd.testing.i2c_chips import aht20_chip, scd4x_chip, scd30_chip
from gatewayd.testing.i2c_models import BareChip, WordChip
from gatewayd.testing.ports import FakePorts


def opened(driver: Any, config: Any, chip: Any) -> None:
    """Open a device and read it once."""
    ports = FakePorts()
    ports.attach_i2c("i2c:1").chips[config.address] = chip

    async def main() -> None:
        async with driver.open_driver(config, ports) as sensor:
            await sensor.read()

    run_simulated(main())


def test_an_scd30_is_told_the_pressure_with_its_checksum() -> None:
    """Interface description §1.4.1; 0 leaves the chip to its altitude."""
    chip = scd30_chip()
    opened(scd30, scd30.Config(port="i2c:1", pressure_hpa=1000), chip)
    assert bytes.fromhex("0010 03e8 d4") in chip.writes
    chip = scd30_chip()
    opened(scd30, scd30.Config(port="i2c:1"), chip)
    assert bytes.fromhex("0010 0000 81") in chip.writes


def test_an_scd4x_is_told_the_pressure_after_it_started() -> None:
    """Data sheet §3.6.5: while it measures; the word of its example is 0x03DB."""
    chip = scd4x_chip()
    opened(scd4x, scd4x.Config(port="i2c:1", pressure_hpa=0x03DB), chip)
    start = chip.writes.index(b"\x21\xb1")
    assert chip.writes[start + 1] == bytes.fromhex("e000 03db 42")


def test_an_scd4x_is_stopped_before_it_is_asked_who_it_is() -> None:
    """One that measures hears no other command; and its EEPROM is never written."""
    chip = scd4x_chip()
    opened(scd4x, scd4x.Config(port="i2c:1"), chip)
    assert [each.hex() for each in chip.writes[:3]] == ["3f86", "3682", "21b1"]
    assert b"\x36\x15" not in chip.writes


@pytest.mark.parametrize("pressure_hpa", [1, 699, 1401, -5])
def test_a_pressure_that_cannot_be_is_said(pressure_hpa: int) -> None:
    """Kilopascals or bar are a likely mistake."""
    with pytest.raises(ValueError, match="pressure_hpa is 700"):
        scd30.Config(port="i2c:1", pressure_hpa=pressure_hpa)
    with pytest.raises(ValueError, match="pressure_hpa is 700"):
        scd4x.Config(port="i2c:1", pressure_hpa=pressure_hpa)


def test_a_calibrated_aht20_is_not_calibrated_again() -> None:
    """Only the conversion is written."""
    chip = aht20_chip()
    opened(aht20, aht20.Config(port="i2c:1"), chip)
    assert set(chip.writes) == {b"\xac\x33\x00"}


def test_an_aht20_that_is_not_calibrated_is_calibrated() -> None:
    """Once, and then it must say so."""

    class Fresh(BareChip):
        def read(self, count: int) -> bytes:
            data = super().read(count)
            return data if b"\xbe\x08\x00" in self.writes else b"\x10" + data[1:]

    chip = Fresh(aht20_chip().answer)
    opened(aht20, aht20.Config(port="i2c:1"), chip)
    assert chip.writes[0] == b"\xbe\x08\x00"
    assert chip.writes.count(b"\xbe\x08\x00") == 1


def test_relays_at_an_aht20s_address_are_not_switched() -> None:
    """A PCF8574A with all its pins high is told from the chip before anything is written."""
    board = Pcf8574Chip(0xFF)
    with pytest.raises(DeviceFault, match="is no AHT20: its status says 0xff"):
        opened(aht20, aht20.Config(port="i2c:1"), board)
    assert board.state == 0xFF


def test_a_bmp280_is_a_driver_of_its_own_name() -> None:
    """The same code; a BME280 under that name is told."""
    config = bmp280.Config(port="i2c:1")
    assert [each.id for each in bmp280.describe(config)] == ["temperature", "pressure"]
    opened(bmp280, config, bme280_chip(id=0x58))
    with pytest.raises(DeviceFault, match="bmp280 at i2c:1/0x76 says id 60: it is a bme280"):
        opened(bmp280, config, bme280_chip())


@pytest.mark.parametrize(
    "limits", [(0x0000, 0x0000), (0xFFFF, 0xFFFF), (0x5000, 0x4B00), (0x8000, 0x7FFF)]
)
def test_limits_that_make_no_sense_are_no_lm75s(limits: tuple[int, int]) -> None:
    """Silence, the wrong way round, and those of an ADS1115."""
    chip = WordChip({0: 0x1900, 1: 0, 2: limits[0], 3: limits[1]})
    with pytest.raises(DeviceFault, match="is no LM75"):
        opened(lm75, lm75.Config(port="i2c:1"), chip)
    assert chip.writes == []
