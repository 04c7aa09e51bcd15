"""How a scan asks an unknown chip without doing anything to it.

Strategy: on I²C even "read register N" begins with writing N, and what is a pointer to one chip
is a command, an output pattern or a setting to another at the same address. So each driver asks
only what every chip known at its addresses takes for harmless, and says so where it asks:

    0x10        VEML7700; 52Pi relay boards (a pointer)
    0x18–0x1F   MCP9808, LIS3DH, BMI088 (pointers); DS2482 (an unknown command)
    0x23, 0x5C  BH1750 has no identity. PCF8574 and MCP23017 at 0x23: nothing is written
    0x38        AHT20; PCF8574A, whose *outputs are what is written*: nothing is written
    0x40–0x4F   INA219, INA226, HDC1080, HTU21D (0xFE would reset it), PCA9685 (two bytes would
                set its outputs): one byte at the most, and none that is a command
    0x44–0x46   SHT3x, SHT4x besides: their commands mean nothing to an INA or a PCA9685
    0x48–0x4F   ADS1115, TMP102, TMP117, LM75 (pointers); PCF8591 (see `may_be_pcf8591`)
    0x5A        MLX90614; CCS811, MPR121, DRV2605 (pointers)
    0x61, 0x62  SCD30, SCD4x; MCP4725 and MCP4728, to which some commands are *voltages*;
                LIDAR-Lite at 0x62, to which two bytes are a setting
    0x70–0x77   BME280; MS5611 (an unknown command), TCA9548A (its channels; put back)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.i2c._crc import HTU_WORDS
from drivers.i2c._table import Chip, Query
from gatewayd.errors import DeviceError

if TYPE_CHECKING:
    from gatewayd.ports.i2c import I2cPort


async def find_answer(chip: Chip, query: Query) -> bytes | None:
    """Return what the chip answers, or None where it does not, or with a wrong checksum.

    A line held at one level reads as all zeros or all ones: that is no answer either, where
    no checksum tells better (the HTU21D's of zero is zero).
    """
    try:
        data = await chip.ask(query)
    except DeviceError:
        return None
    is_blank = data in (bytes(len(data)), b"\xff" * len(data))
    return None if is_blank and query.checksum in (None, HTU_WORDS) else data


async def find_register(bus: I2cPort, address: int, register: int, count: int = 2) -> int | None:
    """Return a register as one big-endian number, or None where there is no answer."""
    data = await find_answer(Chip(bus, address), Query(write=bytes([register]), count=count))
    return None if data is None else int.from_bytes(data, "big")


async def may_be_pcf8591(bus: I2cPort, address: int) -> bool:
    """Return whether what answers a bare read could be a PCF8591 in use.

    To this converter every byte written is a control byte, and all register numbers below 64
    switch its analogue output off. A bare read tells it from the others: after one old byte it
    converts the same input again and again, so that the bytes differ by noise only, while chips
    with registers repeat the two bytes of one.

    Source: NXP PCF8591 data sheet §8.2 (control byte), §8.4 (reading).
    """
    seen = await find_answer(Chip(bus, address), Query(count=6))
    if seen is None:  # Nobody, or a register that holds zero.
        return False
    if seen[0] != seen[1] and seen == seen[:2] * 3:
        return False
    return max(seen[1:]) - min(seen[1:]) <= 2
