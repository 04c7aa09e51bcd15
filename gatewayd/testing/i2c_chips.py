"""The sensor chips that this gateway has drivers for, each holding its maker's worked example.

`CHIPS` names them by driver, with address and model; a model is made afresh each time, as after
power-up. Numbers marked *DS* are printed in the maker's data sheet, those marked *syn* are made up
from its formula: good as a round trip, no proof. All checksums were computed again. Answers that
are no measurement (status, firmware version, "ready") are made up where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

from gatewayd.testing.i2c import ChipModel, bme280_chip
from gatewayd.testing.i2c_models import (
    Ads1115Chip,
    BareChip,
    CommandChip,
    Ina219Chip,
    Lm75Chip,
    Mlx90614Chip,
    NotReadyChip,
    Veml7700Chip,
    WordChip,
)


def bmp280_chip() -> ChipModel:
    """DS (BMP280 §3.12): 25.08 °C, 100 653.27 Pa."""
    return bme280_chip(id=0x58)


def sht3x_chip() -> CommandChip:
    """Syn: 25.00 °C, 50.0 %."""
    answers = {"2400": "6666 93 8000 a2", "f32d": "8010 e1"}
    return CommandChip(_bytes(answers))


def sht4x_chip() -> CommandChip:
    """Syn: 25.00 °C, 40.25 %; the serial number is that of the SCD4x's example."""
    return CommandChip(_bytes({"fd": "6667 a2 5eb9 3c", "89": "f896 31 9f07 c2"}))


def aht20_chip() -> BareChip:
    """Syn: 50 %, 25 °C."""
    return BareChip(bytes.fromhex("1c 80 00 06 00 00 4e"), while_busy=b"\x9c")


def htu21d_chip() -> CommandChip:
    """DS: 0x683A is 24.69 °C, 0x4E85 is 32.34 %."""
    return CommandChip(_bytes({"f3": "683a 7c", "f5": "4e85 6b"}))


def scd30_chip() -> NotReadyChip:
    """DS: 439.1 ppm, 27.24 °C, 48.8 %."""
    answer = "43db cb 8c2e 8f 41d9 70 e7ff f5 4243 bf 3a1b 74"
    return NotReadyChip(
        _bytes({"0300": answer, "d100": "0342 f3"}),
        (b"\x00\x10",),
        question=b"\x02\x02",
        ready=bytes.fromhex("0001 b0"),
        not_ready=bytes.fromhex("0000 81"),
    )


def scd4x_chip() -> NotReadyChip:
    """DS: 500 ppm, 25 °C, 37 %; serial number 273 325 796 834 238."""
    return NotReadyChip(
        _bytes({"ec05": "01f4 33 6667 a2 5eb9 3c", "3682": "f896 31 9f07 c2 3bbe 89"}),
        (b"\x3f\x86", b"\x21\xb1", b"\xe0\x00"),
        question=b"\xe4\xb8",
        ready=bytes.fromhex("8006 04"),
        not_ready=bytes.fromhex("8000 a2"),
    )


def bh1750_chip() -> BareChip:
    """DS: 0x8390 is 28 067 lx."""
    return BareChip(bytes.fromhex("8390"))


def veml7700_chip() -> Veml7700Chip:
    """Syn: 16 000 counts with gain 2 and 800 ms: 67.2 lx, seen as 1000 with gain 1 and 100 ms."""
    return Veml7700Chip(16_000)


def ads1115_chip() -> Ads1115Chip:
    """DS: full scale on AIN1, one on AIN3, minus one between AIN0 and AIN1; syn: half on AIN0."""
    return Ads1115Chip({4: 0x4000, 5: 0x7FFF, 7: 0x0001, 0: 0xFFFF})


def ina219_chip() -> Ina219Chip:
    """DS: 20 mV over 2 mΩ, 11.98 V, 10 A, 119.8 W with calibration 0x5000."""
    return Ina219Chip({1: 0x07D0, 2: 0x5D98, 3: 0x1766, 4: 0x2710})


def ina226_chip() -> WordChip:
    """DS: 20 mV over 2 mΩ, 11.98 V, 10 A, 119.8 W with calibration 0x0A00."""
    results = {1: 0x1F40, 2: 0x2570, 3: 0x12B8, 4: 0x2710}
    return WordChip({0: 0x4127, 5: 0x0000, 6: 0x0008, 0xFE: 0x5449, 0xFF: 0x2260, **results})


def tmp102_chip() -> WordChip:
    """DS: 0x190 is 25 °C, left-justified."""
    return WordChip({0: 0x1900, 1: 0x60A0, 2: 0x4B00, 3: 0x5000})


def lm75_chip() -> Lm75Chip:
    """DS: 0x032 of nine bits is 25 °C, left-justified."""
    return Lm75Chip({0: 0x1900, 1: 0x0000, 2: 0x4B00, 3: 0x5000})


def tmp117_chip() -> WordChip:
    """DS: 0x0C80 is 25 °C."""
    return WordChip({0: 0x0C80, 1: 0x0220, 2: 0x6000, 3: 0x8000, 0x0F: 0x0117})


def mcp9808_chip() -> WordChip:
    """Syn: 0xC190 is 25.0 °C with two alert flags."""
    return WordChip({1: 0x0000, 5: 0xC190, 6: 0x0054, 7: 0x0400})


def mlx90614_chip() -> Mlx90614Chip:
    """DS: 0x3AD2 of the object, with PEC 0x30, is 28.01 °C; the ambient temperature is syn."""
    return Mlx90614Chip({0x06: 0x3A00, 0x07: 0x3AD2})


class Placed(NamedTuple):
    """A chip and the address where it is usually found."""

    address: int
    make: Callable[[], ChipModel]


CHIPS = MappingProxyType(
    {
        "ads1115": Placed(0x48, ads1115_chip),
        "aht20": Placed(0x38, aht20_chip),
        "bh1750": Placed(0x23, bh1750_chip),
        "bme280": Placed(0x76, bme280_chip),
        "bmp280": Placed(0x76, bmp280_chip),
        "htu21d": Placed(0x40, htu21d_chip),
        "ina219": Placed(0x40, ina219_chip),
        "ina226": Placed(0x40, ina226_chip),
        "lm75": Placed(0x48, lm75_chip),
        "mcp9808": Placed(0x18, mcp9808_chip),
        "mlx90614": Placed(0x5A, mlx90614_chip),
        "scd30": Placed(0x61, scd30_chip),
        "scd4x": Placed(0x62, scd4x_chip),
        "sht3x": Placed(0x44, sht3x_chip),
        "sht4x": Placed(0x44, sht4x_chip),
        "tmp102": Placed(0x48, tmp102_chip),
        "tmp117": Placed(0x48, tmp117_chip),
        "veml7700": Placed(0x10, veml7700_chip),
    }
)
"""By the name of the driver."""


def _bytes(answers: dict[str, str]) -> dict[bytes, bytes]:
    return {bytes.fromhex(command): bytes.fromhex(data) for command, data in answers.items()}
