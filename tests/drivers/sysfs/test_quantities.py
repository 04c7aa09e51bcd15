"""Kernel channel names, their units and their files."""

from __future__ import annotations

import pytest

from drivers.sysfs._quantities import (
    Recipe,
    channel_of,
    convert,
    local_name,
    parse_number,
    quantity_of,
    recipe_for,
)
from gatewayd.errors import DeviceAbsent, DeviceFault


@pytest.mark.parametrize(
    ("name", "local", "kind", "unit"),
    [
        ("temp1", "temperature", "temperature", "Cel"),
        ("temp2", "temperature2", "temperature", "Cel"),
        ("in0", "voltage0", "voltage", "V"),
        ("in1", "voltage1", "voltage", "V"),
        ("curr1", "current", "current", "A"),
        ("power1", "power", "power", "W"),
        ("humidity1", "humidity", "humidity", "%"),
        ("in_temp", "temperature", "temperature", "Cel"),
        ("in_temp_ambient", "temperature_ambient", "temperature", "Cel"),
        ("in_humidityrelative", "humidity", "humidity", "%"),
        ("in_pressure", "pressure", "pressure", "Pa"),
        ("in_voltage3", "voltage3", "voltage", "V"),
        ("in_voltage0-voltage1", "voltage0-voltage1", "voltage", "V"),
        ("in_illuminance", "illuminance", "illuminance", "lx"),
        ("in_concentration_co2", "co2", "co2", "[ppm]"),
        ("in_concentration_voc", "voc", "voc", "[ppm]"),
        ("in_massconcentration_pm2p5", "pm25", "dust", "ug/m3"),
        ("in_distance", "distance", "distance", "m"),
        ("in_resistance", "resistance", "resistance", "Ohm"),
    ],
)
def test_a_kernel_name_tells_name_kind_and_unit(
    name: str, local: str, kind: str, unit: str
) -> None:
    """Nobody has to say what in_massconcentration_pm2p5 is."""
    channel = channel_of(local_name(name), name, None)
    assert (channel.id, channel.kind, channel.unit) == (local, kind, unit)
    assert channel.minimum is not None
    assert channel.maximum is not None


def test_an_energy_only_grows() -> None:
    """The total of it survives a restart."""
    assert channel_of("energy", "energy1", None).is_counter
    assert not channel_of("power", "power1", None).is_counter


@pytest.mark.parametrize(
    "name",
    [
        "",
        "temp",
        "temp1_input",
        "in_temp_input",
        "in_temp_raw",
        "in_",
        "in_foo",
        "beep1",
        "../x",
        "in_temp/",
    ],
)
def test_what_is_no_channel_is_refused(name: str) -> None:
    """A name with _input is a file, and a name with a slash is a way out."""
    with pytest.raises(ValueError, match="no channel"):
        quantity_of(name)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temp1", 21500, 21.5),  # m°C
        ("humidity1", 45250, 45.25),  # m%
        ("in1", 11980, 11.98),  # mV
        ("curr1", 10000, 10.0),  # mA
        ("power1", 119_800_000, 119.8),  # µW
        ("in_temp", 25080, 25.08),
        ("in_humidityrelative", 50000, 50.0),
        ("in_pressure", 100.65327, 100653.27),  # kPa
        ("in_voltage0", 3300, 3.3),  # mV
        ("in_current", 500, 0.5),  # mA
        ("in_illuminance", 227, 227.0),  # lx
        ("in_massconcentration_pm2p5", 12.5, 12.5),  # µg/m³
        ("in_concentration_co2", 0.0439, 439.0),  # %
        ("in_distance", 1.25, 1.25),  # m
    ],
)
def test_the_kernels_units_become_ours(name: str, value: float, expected: float) -> None:
    """As the kernel's ABI documents say."""
    assert convert(name, value, "any") == pytest.approx(expected)


def test_only_a_bme680_gives_hectopascals_for_kilopascals() -> None:
    """Ten times an air pressure is that pressure; on a fixed kernel it is right as it is."""
    assert convert("in_pressure", 1013.25, "bme680") == pytest.approx(101_325)
    assert convert("in_pressure", 101.325, "bme680") == pytest.approx(101_325)
    assert convert("in_pressure", 1013.25, "bmp280") == pytest.approx(1_013_250)


def test_humidity_stays_within_what_can_be() -> None:
    """A dripping sensor says 104 %; one that says 500 % is broken and must be seen as such."""
    assert convert("humidity1", 104_000, "sht4x") == 100
    assert convert("humidity1", -3_000, "sht4x") == 0
    assert convert("humidity1", 500_000, "sht4x") == 500


def test_a_ready_value_is_preferred_to_a_raw_one() -> None:
    """_input is already in the kernel's unit."""
    files = {"in_temp_input", "in_temp_raw", "in_temp_scale"}
    assert recipe_for("in_temp", files) == Recipe("in_temp_input")
    assert recipe_for("power1", {"power1_average"}) == Recipe("power1_average")


def test_scale_and_offset_are_the_channels_own_or_their_kinds() -> None:
    """Converters share one scale between their inputs."""
    shared = {"in_voltage0_raw", "in_voltage1_raw", "in_voltage_scale", "in_voltage1_scale"}
    assert recipe_for("in_voltage0", shared) == Recipe("in_voltage0_raw", "in_voltage_scale")
    assert recipe_for("in_voltage1", shared) == Recipe("in_voltage1_raw", "in_voltage1_scale")
    pair = {"in_voltage0-voltage1_raw", "in_voltage-voltage_scale"}
    assert recipe_for("in_voltage0-voltage1", pair).scale == "in_voltage-voltage_scale"
    full = {"in_temp_raw", "in_temp_offset", "in_temp_scale"}
    assert recipe_for("in_temp", full) == Recipe("in_temp_raw", "in_temp_scale", "in_temp_offset")


def test_the_owners_reference_goes_before_the_kernels() -> None:
    """A converter at 5 V whose overlay says 3.3 V."""
    files = {"in_voltage0_raw", "in_voltage_scale"}
    assert recipe_for("in_voltage0", files, 4.8828125) == Recipe(
        "in_voltage0_raw", fixed_scale=4.8828125
    )


def test_a_raw_value_without_scale_is_no_value() -> None:
    """512 counts are not 512 mV."""
    with pytest.raises(DeviceFault, match="no scale"):
        recipe_for("in_voltage0", {"in_voltage0_raw"})


def test_a_missing_channel_names_those_that_are_there() -> None:
    """The owner can copy one."""
    with pytest.raises(DeviceAbsent, match="there are in_voltage0, in_voltage1"):
        recipe_for("in_voltage7", {"in_voltage0_raw", "in_voltage1_raw", "in_voltage_scale"})
    with pytest.raises(DeviceAbsent, match="there are none"):
        recipe_for("temp1", set())


@pytest.mark.parametrize("text", ["", "n/a", "nan", "inf", "1e300", "12 34", "0x10"])
def test_what_is_no_number_is_a_fault(text: str) -> None:
    """Also an empty file."""
    with pytest.raises(DeviceFault, match="number"):
        parse_number(text)


def test_numbers_have_signs_and_decimals() -> None:
    """As the kernel writes them."""
    assert parse_number("-25000") == -25000
    assert parse_number("101.325000000") == 101.325
