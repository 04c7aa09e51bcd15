"""Ruuvi's data formats 3, 5, 6 and E1; pure. All big-endian; company 0x0499.

A value that is not available has all bits set, or the lowest number where it is signed; format 3
has no such thing. Air's VOC and NOx are nine bits long, their lowest in the flags.

Source: docs.ruuvi.com, Bluetooth advertisements, data formats 3, 5, 6 and E1.
"""

from __future__ import annotations

import math
import struct
from types import MappingProxyType
from typing import NamedTuple

from gatewayd.errors import Malformed

COMPANY = 0x0499

PRESSURE_OFFSET_PA = 50_000

AXES = ("acceleration_x", "acceleration_y", "acceleration_z")

LUMINOSITY_STEP = math.log(65536) / 254
"""Format 6 squeezes 0 to 65535 lx into a byte, logarithmically."""


class Frame(NamedTuple):
    """One packet: its values, None where the tag has none, and its number, None for format 3."""

    values: dict[str, float | None]
    sequence: int | None
    is_extended: bool = False


def decode_3(data: bytes) -> Frame:
    """Return format 3, 14 bytes: temperature's sign is a bit of its own."""
    _, humidity, whole, hundredths, pressure, *rest = struct.unpack(">BBBBHhhhH", data[:14])
    magnitude = (whole & 0x7F) + hundredths / 100
    values: dict[str, float | None] = {
        "temperature": round(-magnitude if whole & 0x80 else magnitude, 2),
        "humidity": humidity / 2,
        "pressure": pressure + PRESSURE_OFFSET_PA,
        **dict(zip(AXES, rest[:3], strict=True)),
        "voltage": rest[3] / 1000,
    }
    return Frame(values, None)


def decode_5(data: bytes) -> Frame:
    """Return format 5, 24 bytes; power is 11 bits of millivolts above 1600, and 5 of 2 dBm."""
    *axes, power, moves, sequence = struct.unpack_from(">hhhHBH", data, 7)
    values: dict[str, float | None] = {
        **_climate(data),
        **{name: None if raw == -0x8000 else raw for name, raw in zip(AXES, axes, strict=True)},
        "voltage": None if power >> 5 == 0x7FF else round(1.6 + (power >> 5) / 1000, 3),
        "tx_power": None if power & 0x1F == 0x1F else -40 + 2 * (power & 0x1F),
        "movements": None if moves == 0xFF else moves,
    }
    return Frame(values, None if sequence == 0xFFFF else sequence)


def decode_6(data: bytes) -> Frame:
    """Return format 6, 20 bytes: what fits into an advertisement of Bluetooth 4."""
    dust, co2, voc, nox, light, _, sequence, flags = struct.unpack_from(">HHBBBBBB", data, 7)
    lux = None if light == 0xFF else round(math.exp(light * LUMINOSITY_STEP) - 1, 2)
    values: dict[str, float | None] = {
        **_climate(data),
        "pm2_5": _dust(dust),
        "co2": None if co2 == 0xFFFF else co2,
        "voc": _index(voc, flags >> 6),
        "nox": _index(nox, flags >> 7),
        "illuminance": lux,
    }
    return Frame(values, sequence)


def decode_e1(data: bytes) -> Frame:
    """Return format E1, 40 bytes, which takes Bluetooth 5 to hear."""
    *dusts, co2, voc, nox = struct.unpack_from(">HHHHHBB", data, 7)
    light, sequence = int.from_bytes(data[19:22], "big"), int.from_bytes(data[25:28], "big")
    names = ("pm1", "pm2_5", "pm4", "pm10")
    values: dict[str, float | None] = {
        **_climate(data),
        **{name: _dust(raw) for name, raw in zip(names, dusts, strict=True)},
        "co2": None if co2 == 0xFFFF else co2,
        "voc": _index(voc, data[28] >> 6),
        "nox": _index(nox, data[28] >> 7),
        "illuminance": None if light == 0xFFFFFF else light / 100,
    }
    return Frame(values, None if sequence == 0xFFFFFF else sequence, is_extended=True)


FORMATS = MappingProxyType(
    {0x03: (14, decode_3), 0x05: (24, decode_5), 0x06: (20, decode_6), 0xE1: (40, decode_e1)}
)
"""By the first byte: how long a packet is, and what decodes it."""


def decode(data: bytes) -> Frame:
    """Return what a packet of any of the formats says.

    Raises:
        Malformed: an unknown format, or a packet that is too short.
    """
    size, decode_format = FORMATS.get(data[0] if data else -1, (0, None))
    if decode_format is None:
        raise Malformed(f"the Ruuvi format {data[:1].hex() or 'of no bytes'} is not known")
    if len(data) < size:
        raise Malformed(f"{len(data)} bytes of the Ruuvi format {data[0]:X}, which has {size}")
    return decode_format(data)


def _climate(data: bytes) -> dict[str, float | None]:
    """Return what bytes 1 to 6 of formats 5, 6 and E1 say."""
    temperature, humidity, pressure = struct.unpack_from(">hHH", data, 1)
    return {
        "temperature": None if temperature == -0x8000 else round(temperature * 0.005, 3),
        "humidity": None if humidity == 0xFFFF else round(humidity * 0.0025, 4),
        "pressure": None if pressure == 0xFFFF else pressure + PRESSURE_OFFSET_PA,
    }


def _dust(raw: int) -> float | None:
    return None if raw == 0xFFFF else raw / 10


def _index(high: int, low: int) -> int | None:
    index = high << 1 | low & 1
    return None if index == 0x1FF else index
