"""A chip that the owner describes: what he writes works, and what cannot work is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from drivers.i2c.registers import Config, Identity, Value, bytes_of, describe, open_driver, table_of
from gatewayd.config import inspect
from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Measurement
from gatewayd.ports import Ports
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c import ChipModel, FakeI2cKernel, RegisterChip
from gatewayd.testing.i2c_chips import htu21d_chip, ina226_chip, mlx90614_chip, sht3x_chip

SHT3X = """
[device.found]
driver = "registers"
port = "i2c:1"
address = 0x44
command = "24 00"
wait = "16ms"
length = 6
crc = "sensirion"

[device.found.fields.temperature]
kind = "temperature"
unit = "Cel"
scale = 0.0026703288
offset = -45.0
minimum = -45
maximum = 130

[device.found.fields.humidity]
start = 2
kind = "humidity"
unit = "%"
scale = 0.00152590219
"""

INA226 = """
[device.found]
driver = "registers"
port = "i2c:1"
address = 0x40
init = ["05 0A00", "00 4527"]
init_wait = "40ms"
identity = { register = 0xFF, length = 2, expected = 0x2260 }

[device.found.fields.current]
register = 0x04
signed = true
kind = "current"
unit = "A"
scale = 0.001

[device.found.fields.voltage]
register = 0x02
kind = "voltage"
unit = "V"
scale = 0.00125
"""

MLX90614 = """
[device.found]
driver = "registers"
port = "i2c:1"
address = 0x5A
crc = "pec"

[device.found.fields.surface]
register = 0x07
bits = 15
order = "little"
kind = "temperature"
unit = "Cel"
scale = 0.02
offset = -273.15
"""

HTU21D = """
[device.found]
driver = "registers"
port = "i2c:1"
address = 0x40
wait = "50ms"
crc = "htu"

[device.found.fields.temperature]
register = 0xF3
bits = 14
shift = 2
kind = "temperature"
unit = "Cel"
scale = 0.010725098
offset = -46.85
"""

BITS = """
[device.found]
driver = "registers"
port = "i2c:1"
address = 0x29
command = "10"

[device.found.fields]
middle = { kind = "count", bits = 12, shift = 4, signed = true }
swapped = { kind = "count", start = 2, order = "little" }
real = { kind = "count", start = 4, type = "float32" }
byte = { kind = "count", start = 8, bits = 8 }
"""


def config_of(text: str, folder: Path) -> Config:
    """Return what the real configuration makes of a text."""
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    settings, problems = inspect(file, {})
    assert settings is not None, [str(problem) for problem in problems]
    assert [str(problem) for problem in problems if not problem.is_warning] == []
    config = settings.devices["found"].config
    assert isinstance(config, Config)
    return config


def read(config: Config, chip: ChipModel | None) -> list[Measurement]:
    """Return one reading through the real smbus2."""
    kernel = FakeI2cKernel({1: {} if chip is None else {config.address: chip}})

    async def main() -> list[Measurement]:
        async with open_driver(config, Ports()) as sensor:
            return list(await sensor.read())

    with kernel.installed():
        return run_simulated(main())


@pytest.mark.parametrize(
    ("text", "chip", "values"),
    [
        (SHT3X, sht3x_chip(), {"temperature": 25.0, "humidity": 50.0}),
        (INA226, ina226_chip(), {"current": 10.0, "voltage": 11.98}),
        (MLX90614, mlx90614_chip(), {"surface": 28.01}),
        (HTU21D, htu21d_chip(), {"temperature": 24.69}),
        (
            BITS,
            RegisterChip({0x10: bytes.fromhex("e70f 3412 3fc00000 a5")}),
            {"middle": -400, "swapped": 0x1234, "real": 1.5, "byte": 0xA5},
        ),
    ],
    ids=["words with checksums", "registers", "packet error code", "a wait", "bits"],
)
def test_a_data_sheet_in_toml_is_a_driver(
    text: str, chip: ChipModel, values: dict[str, float], tmp_path: Path
) -> None:
    """The same values as our own drivers read from the same chips."""
    measured = read(config_of(text, tmp_path), chip)
    assert {each.channel: each.value for each in measured} == pytest.approx(values, abs=0.005)


def test_what_is_to_be_written_first_is_written_once(tmp_path: Path) -> None:
    """In the order of the list."""
    chip = ina226_chip()
    read(config_of(INA226, tmp_path), chip)
    assert chip.writes == [(0x05, b"\x0a\x00"), (0x00, b"\x45\x27")]


def test_a_chip_is_given_its_time(tmp_path: Path) -> None:
    """After the last write of `init`, once; and between command and read, each time."""

    def took_s(text: str, chip: ChipModel) -> float:
        config = config_of(text, tmp_path)
        kernel = FakeI2cKernel({1: {config.address: chip}})

        async def main() -> float:
            loop = asyncio.get_running_loop()
            async with open_driver(config, Ports()):
                return loop.time()

        with kernel.installed():
            return run_simulated(main())

    assert took_s(INA226, ina226_chip()) == pytest.approx(0.04)
    assert took_s(SHT3X, sht3x_chip()) == pytest.approx(0.016)


def test_channels_have_what_the_file_says(tmp_path: Path) -> None:
    """Kind, unit and limits, in the order of the file."""
    first, second = describe(config_of(SHT3X, tmp_path))
    assert (first.id, first.kind, first.unit) == ("temperature", "temperature", "Cel")
    assert (first.minimum, first.maximum) == (-45, 130)
    assert (second.id, second.minimum) == ("humidity", None)


def test_another_chip_is_a_fault_that_shows_both_numbers(tmp_path: Path) -> None:
    """Nothing is written to a chip that is not the one that was described."""
    chip = ina226_chip()
    chip.registers[0xFF] = 0x2270
    with pytest.raises(DeviceFault, match="0x40 says identity 0x2270, not 0x2260"):
        read(config_of(INA226, tmp_path), chip)
    assert chip.writes == []


def test_a_wrong_checksum_is_a_fault(tmp_path: Path) -> None:
    """The owner said that there is one."""
    chip = sht3x_chip()
    chip.answers[b"\x24\x00"] = bytes.fromhex("6666 93 8000 a3")
    with pytest.raises(DeviceFault, match="8000 came with checksum a3, not a2"):
        read(config_of(SHT3X, tmp_path), chip)


def test_nobody_at_the_address_is_absent(tmp_path: Path) -> None:
    """Found out when it is opened, not at the first reading."""
    with pytest.raises(DeviceAbsent):
        read(config_of(SHT3X, tmp_path), None)


def test_an_answer_is_as_long_as_its_fields_need() -> None:
    """Where no length is said; whole words where each has a checksum."""

    def count(crc: Any, **keys: Any) -> int:
        fields = {"x": Value(kind="count", **keys)}
        (query,) = table_of(Config(port="i2c:1", address=0x40, crc=crc, fields=fields)).queries
        return query.count

    assert count("none", start=3, bits=20) == 6
    assert count("sensirion", start=2) == 6
    assert count("htu", start=0, bits=8) == 3
    assert count("pec", start=0) == 3


X = Value(kind="count")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"fields": {}}, r"at least one \[….fields.CHANNEL\]"),
        ({"address": 0x78}, "address is 0x08 to 0x77"),
        ({"address": 0}, "address is 0x08 to 0x77"),
        ({"command": "2"}, "'2' is no bytes; write each as two digits"),
        ({"command": "0x24"}, "'0x24' is no bytes"),
        ({"command": "00" * 257}, "257 bytes are too many"),
        ({"init": ("A0 03", "zz")}, "'zz' is no bytes"),
        ({"init": ("",)}, "an empty text writes nothing"),
        ({"wait": 60.0}, "wait is 8 s at the most"),
        ({"init_wait": 60.0}, "init_wait is 8 s at the most"),
        ({"length": 0}, "length is 1 to 256"),
        ({"length": 4, "crc": "htu"}, "length is a multiple of 3"),
        ({"length": 1}, "field x ends with byte 2, the answer has 1"),
        ({"length": 3, "crc": "htu", "fields": {"x": Value(kind="count", start=2)}}, "has 2"),
        ({"length": 2, "crc": "pec"}, "the answer has 1"),
        ({"fields": {"x": Value(kind="count", register=256)}}, "field x: register is 0x00 to 0xFF"),
        ({"fields": {"x": Value(kind="count", start=-1)}}, "field x: start is 0 to 255"),
        ({"fields": {"x": Value(kind="count", bits=0)}}, "field x: bits is 1 to 64"),
        ({"fields": {"x": Value(kind="count", bits=65)}}, "field x: bits is 1 to 64"),
        ({"fields": {"x": Value(kind="count", shift=-1)}}, "shift 0 to 64"),
        ({"fields": {"x": Value(kind="count", scale=0)}}, "field x: scale is not 0"),
        (
            {"fields": {"x": Value(kind="count", minimum=2, maximum=1)}},
            "field x: minimum is below maximum",
        ),
        ({"identity": Identity(register=256, expected=1)}, "identity: register is 0x00 to 0xFF"),
        ({"identity": Identity(register=1, expected=256)}, "does not fit into 1 byte"),
        ({"identity": Identity(register=1, expected=-1)}, "does not fit"),
    ],
)
def test_what_cannot_work_is_said_before_a_chip_is_touched(keys: dict[str, Any], said: str) -> None:
    """In the words of the file."""
    with pytest.raises(ValueError, match=said):
        Config(**{"port": "i2c:1", "address": 0x40, "fields": {"x": X}, **keys})


def test_a_mistake_has_a_line_in_the_file(tmp_path: Path) -> None:
    """As every mistake of a configuration."""
    file = tmp_path / "config.toml"
    file.write_text(SHT3X.replace("24 00", "24 0"), encoding="utf-8")
    _, problems = inspect(file, {})
    assert [str(problem).partition(": ")[0].rpartition("/")[2] for problem in problems] == [
        "config.toml:2:9"
    ]
    assert "'24 0' is no bytes" in str(problems[0])


def test_bytes_are_written_as_people_copy_them() -> None:
    """With spaces or without, in either case."""
    assert bytes_of("24 00") == bytes_of("2400") == b"\x24\x00"
    assert bytes_of("aF") == b"\xaf"
    assert bytes_of("") == b""
