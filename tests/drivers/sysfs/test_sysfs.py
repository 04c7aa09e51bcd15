"""Chips of the kernel's, in trees as /sys has them."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.sysfs.sysfs import Config, Found, describe, open_driver, parent_path, pick
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.ports import files as port_module
from gatewayd.ports.files import Tree, translated
from gatewayd.shaping import tuned
from gatewayd.testing.ports import FakePorts
from gatewayd.tuning import Tuning

BME280 = {
    "name": "bme280",
    "in_temp_input": "25080",
    "in_pressure_input": "100.653250000",
    "in_humidityrelative_input": "50550",
}
MCP3008 = {
    "name": "mcp3008",
    **{f"in_voltage{n}_raw": str(n * 128) for n in range(8)},
    "in_voltage_scale": "3.222656250",
}
MAX31855 = {
    "name": "maxim_thermocouple",
    "in_temp_raw": "400",
    "in_temp_scale": "250",
    "in_temp_ambient_raw": "400",
    "in_temp_ambient_scale": "62.500000",
}


@dataclass
class Sys:
    """A tree with the links that /sys has."""

    root: Path

    def iio(self, parent: str, number: int, files: Mapping[str, str]) -> Path:
        """Let the kernel show a chip of the industrial kind."""
        return self._show(f"{parent}/iio:device{number}", "bus/iio/devices", files)

    def hwmon(self, parent: str, number: int, files: Mapping[str, str]) -> Path:
        """Let the kernel show a chip of the monitoring kind."""
        return self._show(f"{parent}/hwmon/hwmon{number}", "class/hwmon", files)

    def parent(self, parent: str, file: str, text: str) -> None:
        """Write a file of the device itself."""
        (self.root / "devices" / parent).mkdir(parents=True, exist_ok=True)
        (self.root / "devices" / parent / file).write_text(text + "\n")

    def _show(self, place: str, listing: str, files: Mapping[str, str]) -> Path:
        folder = self.root / "devices" / place
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
        (self.root / listing).mkdir(parents=True, exist_ok=True)
        (self.root / listing / folder.name).symlink_to(folder)
        return folder


@pytest.fixture
def sys(tmp_path: Path) -> Sys:
    return Sys(tmp_path)


def config(chip: str, sys: Sys, **keys: object) -> Config:
    return Config(port=str(sys.root), chip=chip, **keys)  # type: ignore[arg-type]  # By name.


async def read(wanted: Config) -> dict[str, Measurement]:
    async with open_driver(wanted, Ports()) as chip:
        return {each.channel: each for each in await chip.read()}


async def values(wanted: Config) -> dict[str, object]:
    return {name: each.value for name, each in (await read(wanted)).items()}


async def test_a_known_chip_needs_no_list_of_channels(sys: Sys) -> None:
    """All that it measures, in our units."""
    sys.iio("i2c-1/1-0076", 0, BME280)
    assert await values(config("bme280", sys)) == {
        "temperature": pytest.approx(25.08),
        "pressure": pytest.approx(100653.25),
        "humidity": pytest.approx(50.55),
    }


async def test_channels_can_be_chosen_and_named(sys: Sys) -> None:
    """Also of a chip that nobody here knows."""
    sys.iio("i2c-1/1-0052", 0, {"name": "ens160", "in_concentration_co2_input": "0.0439"})
    wanted = config("ens160", sys, channels={"hall": "in_concentration_co2"})
    assert [(each.id, each.kind, each.unit) for each in describe(wanted)] == [
        ("hall", "co2", "[ppm]")
    ]
    assert await values(wanted) == {"hall": pytest.approx(439)}


async def test_a_raw_value_is_offset_and_then_scaled(sys: Sys) -> None:
    """(raw + offset) * scale, in this order (sysfs-bus-iio)."""
    files = {"name": "x", "in_temp_raw": "1000", "in_temp_offset": "-500", "in_temp_scale": "50"}
    sys.iio("i2c-1/1-0040", 0, files)
    wanted = config("x", sys, channels={"temperature": "in_temp"})
    assert await values(wanted) == {"temperature": pytest.approx(25.0)}


async def test_a_converter_gives_volts_for_each_channel(sys: Sys) -> None:
    """MCP3008 at 3.3 V: 1024 steps of 3.22 mV."""
    sys.iio("spi0/spi0.0", 0, MCP3008)
    found = await values(config("mcp3008", sys))
    assert found["voltage0"] == 0
    assert found["voltage4"] == pytest.approx(1.65)
    assert len(found) == 8


async def test_the_owner_may_say_another_reference(sys: Sys) -> None:
    """The overlay says 3.3 V, the board is wired to 5 V."""
    sys.iio("spi0/spi0.0", 0, MCP3008)
    found = await values(config("mcp3008", sys, vref=5.0))
    assert found["voltage4"] == pytest.approx(2.5)


async def test_hwmon_is_read_as_well(sys: Sys) -> None:
    """INA226, the data sheet's worked example: 11.98 V, 20 mV, 10 A, 119.8 W."""
    sys.hwmon(
        "i2c-1/1-0040",
        3,
        {
            "name": "ina226",
            "in0_input": "20",
            "in1_input": "11980",
            "curr1_input": "10000",
            "power1_input": "119800000",
        },
    )
    assert await values(config("ina226", sys)) == {
        "voltage0": pytest.approx(0.02),
        "voltage1": pytest.approx(11.98),
        "current": pytest.approx(10),
        "power": pytest.approx(119.8),
    }


async def test_the_owner_may_say_another_shunt(sys: Sys) -> None:
    """The kernel believes in 10 mΩ, the board has 100 mΩ: a tenth of the current and power."""
    files = {"in0_input": "1", "in1_input": "12000", "curr1_input": "5000"}
    files |= {"name": "ina219", "power1_input": "60000000", "shunt_resistor": "10000"}
    sys.hwmon("i2c-1/1-0040", 0, files)
    found = await values(config("ina219", sys, shunt=0.1))
    assert found["current"] == pytest.approx(0.5)
    assert found["power"] == pytest.approx(6.0)
    assert found["voltage1"] == pytest.approx(12.0)


async def test_what_a_chip_cannot_measure_becomes_a_fault(sys: Sys) -> None:
    """The channel's range says so to the sampler: a BME280 ends at 85 °C."""
    sys.iio("i2c-1/1-0076", 0, {**BME280, "in_temp_input": "180000"})
    wanted = config("bme280", sys)
    measured = (await read(wanted))["temperature"]
    assert tuned(measured, describe(wanted)[0], Tuning()) == (None, Quality.FAULT)


async def test_a_chip_is_told_by_its_parent_never_by_its_index(sys: Sys) -> None:
    """Two of one name: the place decides; without it nobody guesses."""
    sys.iio("i2c-1/1-0077", 0, {**BME280, "in_temp_input": "1000"})
    sys.iio("i2c-1/1-0076", 1, BME280)
    found = await values(config("bme280", sys, parent="1-0077"))
    assert found["temperature"] == pytest.approx(1.0)
    with pytest.raises(DeviceFault, match=r"say parent = one of \['1-0076', '1-0077'\]"):
        await values(config("bme280", sys))


async def test_another_chip_at_that_place_is_a_fault(sys: Sys) -> None:
    """The kernel was told of a bmp280; a bme280 in our file is a mistake."""
    sys.iio("i2c-1/1-0076", 0, {**BME280, "name": "bmp280"})
    with pytest.raises(DeviceFault, match="says that 1-0076 is a bmp280, not a bme280"):
        await values(config("bme280", sys, parent="1-0076"))


async def test_a_driver_that_shows_its_own_name_is_found_by_the_chips(sys: Sys) -> None:
    """si7020 shows 1-0040, max31855 shows maxim_thermocouple, ads1115 shows ads1015."""
    sys.iio("i2c-1/1-0040", 0, {"name": "1-0040", "in_temp_input": "21000"})
    sys.parent("i2c-1/1-0040", "name", "si7020")
    sys.iio("spi0/spi0.0", 1, MAX31855)
    sys.parent("spi0/spi0.0", "modalias", "spi:max31855")
    only = {"temperature": "in_temp"}
    assert await values(config("si7020", sys, channels=only)) == {"temperature": 21}
    assert await values(config("max31855", sys)) == {
        "temperature": 100,  # DS: 0190 is 100 °C.
        "temperature_ambient": 25,  # DS: 190 is 25 °C.
    }


async def test_a_bme680_on_an_old_kernel_is_put_right(sys: Sys) -> None:
    """hPa where kPa are due, ten times too much."""
    sys.iio(
        "i2c-1/1-0077",
        0,
        {
            "name": "bme680",
            "in_temp_input": "21000",
            "in_pressure_input": "1013.25",
            "in_humidityrelative_input": "40000",
            "in_resistance_input": "12345",
        },
    )
    assert (await values(config("bme680", sys)))["pressure"] == pytest.approx(101_325)


async def test_one_failing_channel_costs_the_others_nothing(sys: Sys) -> None:
    """It is a FAULT; the others have their values."""
    folder = sys.iio("i2c-1/1-0076", 0, BME280)
    (folder / "in_pressure_input").unlink()
    (folder / "in_pressure_input").symlink_to("/proc/self/mem")  # A real EIO.
    found = await read(config("bme280", sys))
    assert found["pressure"] == Measurement("pressure", None, Quality.FAULT)
    assert found["temperature"].value == pytest.approx(25.08)


async def test_a_chip_that_fails_altogether_says_why(sys: Sys) -> None:
    """The supervisor backs off and opens it again."""
    folder = sys.iio("i2c-1/1-0023", 0, {"name": "bh1750", "in_illuminance_input": "1"})
    (folder / "in_illuminance_input").unlink()
    (folder / "in_illuminance_input").symlink_to("/proc/self/mem")
    with pytest.raises(DeviceFault, match="Input/output error"):
        await read(config("bh1750", sys))


async def test_nonsense_in_a_file_is_a_fault(sys: Sys) -> None:
    """Nothing is made of it."""
    sys.iio("i2c-1/1-0023", 0, {"name": "bh1750", "in_illuminance_input": "bright"})
    with pytest.raises(DeviceFault, match="'bright' is no number"):
        await read(config("bh1750", sys))


async def test_a_broken_thermocouple_is_a_fault_with_its_reason(sys: Sys) -> None:
    """The kernel answers EINVAL while the chip's fault bit is set, for both its values."""

    class Refusing(Tree):
        def read(self, path: str) -> str:
            if path.endswith("_raw"):
                error = OSError(errno.EINVAL, os.strerror(errno.EINVAL))
                raise translated(self.root / path, error) from error
            return super().read(path)

    sys.iio("spi0/spi0.0", 0, {**MAX31855, "name": "max31855"})
    ports = FakePorts()
    ports.attach_files("sysfs:spi0", sys.root).tree = Refusing(sys.root)
    wanted = Config(port="sysfs:spi0", chip="max31855")
    async with open_driver(wanted, ports) as chip:
        with pytest.raises(DeviceFault, match="thermocouple of max31855 is open or shorted"):
            await chip.read()


async def test_a_hung_chip_is_late(sys: Sys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its other channels are not waited for: all hang on the same bus."""
    monkeypatch.setattr(port_module, "ACCESS_S", 0.1)
    folder = sys.iio("i2c-1/1-0076", 0, BME280)
    (folder / "in_temp_input").unlink()
    os.mkfifo(folder / "in_temp_input")
    try:
        async with asyncio.timeout(5), open_driver(config("bme280", sys), Ports()) as chip:
            with pytest.raises(DeviceTimeout):
                await chip.read()
            os.close(os.open(folder / "in_temp_input", os.O_RDWR))  # The bus lets go.
    finally:
        os.close(os.open(folder / "in_temp_input", os.O_RDWR))


async def test_an_unplugged_chip_is_absent_and_found_again_under_another_number(sys: Sys) -> None:
    """And what is plugged in under its old number is never taken for it."""
    folder = sys.iio("i2c-1/1-0076", 0, BME280)
    wanted = config("bme280", sys)
    async with open_driver(wanted, Ports()) as chip:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        (sys.root / "bus/iio/devices/iio:device0").unlink()
        sys.iio("i2c-1/1-0023", 0, {"name": "bh1750", "in_temp_input": "99000"})
        with pytest.raises(DeviceAbsent):
            await chip.read()
    with pytest.raises(DeviceAbsent, match=r"no bme280; there are: bh1750 \(1-0023\)"):
        await read(wanted)
    sys.iio("i2c-1/1-0076", 7, BME280)
    assert (await values(wanted))["temperature"] == pytest.approx(25.08)


async def test_a_channel_that_the_chip_has_not_is_named(sys: Sys) -> None:
    """A BMP280 has no humidity."""
    sys.iio("i2c-1/1-0076", 0, {"name": "bmp280", "in_temp_input": "1"})
    with pytest.raises(DeviceAbsent, match="no channel in_pressure; there are in_temp"):
        await read(config("bmp280", sys))
    with pytest.raises(DeviceAbsent, match="no channel temp1"):
        await read(config("bmp280", sys, channels={"t": "temp1"}))


async def test_an_entry_that_vanishes_meanwhile_is_left_out(sys: Sys) -> None:
    """A dangling link in the listing stops nobody."""
    sys.iio("i2c-1/1-0076", 0, BME280)
    broken = sys.iio("i2c-1/1-0077", 1, {"name": "x"})
    (broken / "name").unlink()
    (broken / "name").symlink_to("/proc/self/mem")
    assert (await values(config("bme280", sys)))["temperature"] == pytest.approx(25.08)


def test_what_an_entry_hangs_on() -> None:
    """hwmon puts a folder in between, IIO does not."""
    assert parent_path("devices/i2c-1/1-0044/hwmon/hwmon3") == "devices/i2c-1/1-0044"
    assert parent_path("devices/i2c-1/1-0076/iio:device0") == "devices/i2c-1/1-0076"
    assert parent_path("devices/virtual/thermal/thermal_zone0/hwmon0").endswith("thermal_zone0")


def test_one_chip_may_be_shown_twice() -> None:
    """By IIO and by hwmon; both hang on the same address, so it is one."""
    both = [
        Found("devices/1-0048/iio:device0", "1-0048", frozenset({"ads1015"})),
        Found("devices/1-0048/hwmon/hwmon1", "1-0048", frozenset({"ads1015"})),
    ]
    assert pick(both, "ads1015", "") == tuple(both)


def test_mistakes_of_the_file_are_found_before_the_hardware(sys: Sys) -> None:
    """An unknown chip without channels, a channel that is a file, a reference nobody has."""
    with pytest.raises(ValueError, match="list its channels"):
        config("ens160", sys)
    with pytest.raises(ValueError, match="no channel"):
        config("bme280", sys, channels={"t": "in_temp_input"})
    for keys in (
        {"chip": "bme280", "vref": 3.3},
        {"chip": "mcp3008", "vref": 12.0},
        {"chip": "bme280", "shunt": 0.1},
        {"chip": "ina219", "shunt": 0.0},
    ):
        with pytest.raises(ValueError, match=r"vref|shunt"):
            Config(port="sysfs:a", **keys)  # type: ignore[arg-type]  # By name.
