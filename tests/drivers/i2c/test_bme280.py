"""BME280 and BMP280: the data sheet's own numbers, and every way the chip can lie."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.i2c.bme280 import (
    Config,
    Trim,
    conversion_s,
    decode_burst,
    decode_trim,
    describe,
    open_driver,
)
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.testing.i2c import FakeI2cKernel, RegisterChip, bme280_chip
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.wires import FakeI2c

CONFIG = Config(port="i2c:1")
BMP = Config(port="i2c:1", chip="bmp280")

# BMP280 data sheet BST-BMP280-DS001 §3.12.
TRIM = Trim((27504, 26435, -1000), (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000))
BURST = bytes.fromhex("655ac0 7eed00")  # adc_P 415148, adc_T 519888.

# The data sheets print no humidity example. These constants are made up, and the results below are
# the formula's own (its integer form gives 27.672 and 56.203): a guard against changes, no proof.
TRIM_HUMID = Trim(TRIM.t, TRIM.p, (75, 370, 0, 313, 50, 30))


@pytest.fixture
def ports() -> FakePorts:
    return FakePorts()


@pytest.fixture
def bus(ports: FakePorts) -> FakeI2c:
    return ports.attach_i2c("i2c:1")


def test_the_data_sheets_example_comes_out() -> None:
    """25.08 °C and 100 653.27 Pa, as printed in BMP280 §3.12."""
    climate = decode_burst(BURST, TRIM)
    assert climate.temperature_c == pytest.approx(25.08, abs=0.005)
    assert climate.pressure_pa == pytest.approx(100653.27, abs=0.005)
    assert climate.humidity_percent is None


@pytest.mark.parametrize(("adc", "percent"), [(25000, 27.675), (30000, 56.206), (20000, 0.0)])
def test_humidity_keeps_to_the_formula(adc: int, percent: float) -> None:
    """And a result below zero is dry air, not a negative humidity."""
    climate = decode_burst(BURST + adc.to_bytes(2, "big"), TRIM_HUMID)
    assert climate.humidity_percent == pytest.approx(percent, abs=0.001)


def test_the_constants_are_read_from_their_registers() -> None:
    """Signed where the data sheet says so; H4 and H5 share a byte."""
    chip = bme280_chip()
    trim = decode_trim(bytes(chip.registers[0x88:0xA2]), bytes(chip.registers[0xE1:0xE8]))
    assert trim == TRIM_HUMID


def test_negative_h4_and_h5_keep_their_sign() -> None:
    """Both are 12 bits with a sign: −1 and −2 here."""
    chip = bme280_chip()
    trim = decode_trim(bytes(chip.registers[0x88:0xA2]), bytes.fromhex("7201 00 ff ef ff 1e"))
    assert trim.h[3:5] == (-1, -2)


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_empty_constants_are_a_fault(fill: int) -> None:
    """A dead chip reads as all zeros or all ones, and gives no temperature."""
    with pytest.raises(DeviceFault, match="no factory's"):
        decode_trim(bytes([fill]) * 26)


@pytest.mark.parametrize(
    "burst", ["800000 7eed00 61a8", "655ac0 800000 61a8", "655ac0 7eed00 8000"]
)
def test_a_skipped_conversion_is_a_fault(burst: str) -> None:
    """The reset values mean that nothing was converted; computed, they would look like weather."""
    with pytest.raises(DeviceFault, match="skipped"):
        decode_burst(bytes.fromhex(burst), TRIM_HUMID)


@given(st.binary(min_size=8, max_size=8))
def test_any_burst_is_a_number_or_a_fault(raw: bytes) -> None:
    """No bytes from the wire make the decoder crash or return what is no number."""
    try:
        climate = decode_burst(raw, TRIM_HUMID)
    except DeviceFault:
        return
    assert math.isfinite(climate.temperature_c)
    assert math.isfinite(climate.pressure_pa)
    assert climate.humidity_percent is not None
    assert 0 <= climate.humidity_percent <= 100


@given(st.binary(min_size=26, max_size=26), st.binary(min_size=7, max_size=7))
def test_any_constants_are_usable_or_a_fault(low: bytes, high: bytes) -> None:
    """Whatever a chip claims about itself, the example burst is a number or a fault."""
    try:
        climate = decode_burst(BURST + b"\x61\xa8", decode_trim(low, high))
    except DeviceFault:
        return
    assert math.isfinite(climate.temperature_c)


@pytest.mark.parametrize(
    ("oversampling", "with_humidity", "seconds"),
    [(1, True, 0.0093), (1, False, 0.006425), (16, True, 0.1128)],
)
def test_the_wait_is_the_data_sheets_longest(
    oversampling: int, with_humidity: bool, seconds: float
) -> None:
    """BME280 §9.1: 9.3 ms for one sample of each."""
    assert conversion_s(oversampling, with_humidity=with_humidity) == pytest.approx(seconds)


def test_a_bmp280_has_no_humidity_channel() -> None:
    """What the chip cannot measure is not declared."""
    assert [channel.id for channel in describe(CONFIG)] == ["temperature", "pressure", "humidity"]
    assert [channel.id for channel in describe(BMP)] == ["temperature", "pressure"]


async def test_a_read_converts_once_and_returns_all_three(ports: FakePorts, bus: FakeI2c) -> None:
    """Humidity is set before the mode, because it takes effect with it (§5.4.3)."""
    chip = bus.chips[0x76] = bme280_chip()
    async with open_driver(CONFIG, ports) as sensor:
        measured = await sensor.read()
    assert [each.channel for each in measured] == ["temperature", "pressure", "humidity"]
    assert [each.value for each in measured] == pytest.approx([25.08, 100653, 27.675], rel=1e-4)
    assert isinstance(chip, RegisterChip)
    assert chip.writes == [(0xF2, b"\x01"), (0xF4, b"\x25")]
    assert bus.log[-1] == (0x76, "r", bytes.fromhex("00 25 00 00 655ac0 7eed00 61a8"))


async def test_it_reads_through_the_real_port_and_smbus2() -> None:
    """The same chip model behind real ports, real threads and the real smbus2."""
    with FakeI2cKernel({1: {0x76: bme280_chip()}}).installed() as kernel:
        async with open_driver(CONFIG, Ports()) as sensor:
            measured = await sensor.read()
        assert kernel.open_files == {}
    assert [each.value for each in measured] == pytest.approx([25.08, 100653, 27.675], rel=1e-4)


async def test_oversampling_is_asked_for_in_all_fields(ports: FakePorts, bus: FakeI2c) -> None:
    """×16 is coded 5; a BMP280 has no humidity register to write."""
    chip = bus.chips[0x77] = bme280_chip(id=0x58)
    config = Config(port="i2c:1", address=0x77, chip="bmp280", oversampling=16)
    async with open_driver(config, ports) as sensor:
        assert [each.channel for each in await sensor.read()] == ["temperature", "pressure"]
    assert isinstance(chip, RegisterChip)
    assert chip.writes == [(0xF4, bytes([5 << 5 | 5 << 2 | 1]))]


async def test_another_chip_is_a_fault_that_tells_how_to_mend_it(
    ports: FakePorts, bus: FakeI2c
) -> None:
    """Many boards sold as BME280 carry a BMP280."""
    bus.chips[0x76] = bme280_chip(id=0x58)
    with pytest.raises(DeviceFault, match="0x76 says id 58: it is a bmp280"):
        async with open_driver(CONFIG, ports):
            pytest.fail("a BMP280 is no BME280")


async def test_a_stranger_is_a_fault(ports: FakePorts, bus: FakeI2c) -> None:
    """A BME680 lives at the same address and would be decoded into nonsense."""
    bus.chips[0x76] = RegisterChip({0xD0: b"\x61"})
    with pytest.raises(DeviceFault, match=r"says id 61$"):
        async with open_driver(CONFIG, ports):
            pytest.fail("a BME680 is no BME280")


async def test_an_absent_chip_is_absent(ports: FakePorts, bus: FakeI2c) -> None:
    """Nobody acknowledges the address."""
    with pytest.raises(DeviceAbsent):
        async with open_driver(CONFIG, ports):
            pytest.fail("nobody is there")


async def test_a_conversion_that_does_not_end_is_a_timeout(ports: FakePorts, bus: FakeI2c) -> None:
    """While the chip measures, its registers hold the values of the last time."""
    chip = bus.chips[0x76] = bme280_chip()
    assert isinstance(chip, RegisterChip)
    async with open_driver(CONFIG, ports) as sensor:
        chip.registers[0xF3] = 0x08
        with pytest.raises(DeviceTimeout, match="still measuring"):
            await sensor.read()
        chip.registers[0xF3] = 0x00
        assert len(await sensor.read()) == 3


async def test_a_chip_that_lost_power_is_a_fault_once(ports: FakePorts, bus: FakeI2c) -> None:
    """Every read sets the chip up anew, so the next one is good again."""
    chip = bus.chips[0x76] = bme280_chip()
    assert isinstance(chip, RegisterChip)
    async with open_driver(CONFIG, ports) as sensor:
        chip.registers[0xF7:0xFF] = bytes.fromhex("800000 800000 8000")
        with pytest.raises(DeviceFault, match="skipped"):
            await sensor.read()
        chip.registers[0xF7:0xFF] = bytes.fromhex("655ac0 7eed00 61a8")
        assert len(await sensor.read()) == 3


async def test_a_read_cancelled_midway_leaves_the_bus_usable(
    ports: FakePorts, bus: FakeI2c
) -> None:
    """Nothing is held across the wait; the next read starts from the beginning."""
    bus.chips[0x76] = bme280_chip()
    async with open_driver(CONFIG, ports) as sensor:
        ports.gate.shut()
        reading = asyncio.ensure_future(sensor.read())
        await ports.gate.wait_arrival()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        ports.gate.open()
        assert len(await sensor.read()) == 3
