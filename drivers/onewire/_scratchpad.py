"""The nine bytes of a DS18B20, as the kernel prints them: CRC, temperature, power-up value; pure.

Source: Maxim DS18B20 data sheet, figures 4 (temperature register) and 8 (scratchpad), "CRC
generation"; Linux kernel, Documentation/w1/slaves/w1_therm.rst (w1_slave).
"""

from __future__ import annotations

import re

from gatewayd.errors import DeviceFault

LENGTH = 9

POWER_UP = 0x0550
"""85 °C: what the register holds before the first conversion."""

STARVED = 0x07FF
"""127.94 °C: what it holds after one without enough power."""


def crc8(data: bytes) -> int:
    """Return the CRC of the 1-Wire makers: x⁸ + x⁵ + x⁴ + 1, reflected, beginning with 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def parse_scratchpad(text: str) -> bytes:
    """Return the nine bytes from what `w1_slave` says, its first line.

    Raises:
        DeviceFault: no nine bytes, a wrong CRC, or a wire that is shorted or open: all zeros have
            the right CRC.
    """
    match = re.match(r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (?:YES|NO)\b", text)
    if match is None:
        raise DeviceFault(f"{text[:40]!r} is no scratchpad")
    pad = bytes.fromhex(match[1])
    if crc8(pad) != 0:
        raise DeviceFault(f"scratchpad {pad.hex(' ')} has a wrong CRC")
    if not any(pad):
        raise DeviceFault("the 1-Wire line is shorted: the scratchpad is all zeros")
    return pad


def decode_scratchpad(pad: bytes) -> float:
    """Return the temperature (°C).

    Args:
        pad: nine bytes; 0 and 1 the register, little-endian, sixteenths of a degree; 6 is 0x0C
            until the first good conversion.

    Raises:
        DeviceFault: the register holds what it wakes up with, or what lack of power leaves.
    """
    register = int.from_bytes(pad[:2], "little", signed=True)
    if pad[6] == 0x0C and register in (POWER_UP, STARVED):
        why = "it has just started" if register == POWER_UP else "it has too little power"
        raise DeviceFault(f"the sensor has not converted: {register / 16:g} °C means that {why}")
    return register / 16


def parse_temperature(text: str) -> float:
    """Return the temperature (°C) from what `temperature` says, thousandths of a degree.

    Raises:
        DeviceFault: it is no number.
    """
    if re.fullmatch(r"-?\d{1,7}", text) is None:
        raise DeviceFault(f"{text[:40]!r} is no temperature")
    return int(text) / 1000


def is_suspicious(celsius: float) -> bool:
    """Return whether a temperature may be no measurement at all: 85.00 or 127.94 °C."""
    return round(celsius * 16) in (POWER_UP, STARVED)
