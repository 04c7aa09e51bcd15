"""Frames of iBeacon and Eddystone: who is there, and a little of how it is; pure.

Source: Apple, Proximity Beacon Specification R1; Google, Eddystone protocol specification
(eddystone-uid, eddystone-url, eddystone-tlm/tlm-plain).
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from uuid import UUID

from gatewayd.errors import Malformed
from gatewayd.ports.ble_advertisement import Advertisement, uuid16

APPLE = 0x004C
EDDYSTONE = uuid16(0xFEAA)

IBEACON = b"\x02\x15"
"""What an iBeacon's data begins with: its kind, and 21 bytes more."""

UID, URL, TLM, EID = 0x00, 0x10, 0x20, 0x30

SCHEMES = ("http://www.", "https://www.", "http://", "https://")
ENDINGS = (".com", ".org", ".edu", ".net", ".info", ".biz", ".gov")

NO_TEMPERATURE = -0x8000


class IBeacon(NamedTuple):
    """One iBeacon; `power` is its strength at 1 m, dBm."""

    uuid: UUID
    major: int
    minor: int
    power: int


class Uid(NamedTuple):
    """Eddystone-UID; `power` is its strength at 0 m, dBm."""

    namespace: bytes
    instance: bytes
    power: int


class Telemetry(NamedTuple):
    """Eddystone-TLM: volts and °C where the beacon has them, packets and seconds since it began."""

    voltage_v: float | None
    temperature_c: float | None
    packets: int
    uptime_s: float


def ibeacon_in(advertisement: Advertisement) -> IBeacon | None:
    """Return the iBeacon in an advertisement, or None.

    Layout: 02 15, UUID 16 bytes, major 2, minor 2, big-endian, power 1 signed.

    Raises:
        Malformed: it begins like one, and is shorter.
    """
    data = advertisement.manufacturer_data.get(APPLE)
    if data is None or not data.startswith(IBEACON):
        return None
    if len(data) < 23:
        raise Malformed(f"an iBeacon of {len(data)} bytes")
    major, minor, power = struct.unpack(">HHb", data[18:23])
    return IBeacon(UUID(bytes=bytes(data[2:18])), major, minor, power)


def eddystone_in(advertisement: Advertisement) -> bytes | None:
    """Return the frame of an Eddystone beacon, its kind first, or None."""
    data = advertisement.service_data.get(EDDYSTONE)
    return data or None


def decode_uid(frame: bytes) -> Uid:
    """Return who an Eddystone-UID beacon is. Raises Malformed.

    Layout: 00, power 1 signed, namespace 10 bytes, instance 6, 2 reserved bytes at times.
    """
    if len(frame) < 18:
        raise Malformed(f"an Eddystone-UID of {len(frame)} bytes")
    return Uid(frame[2:12], frame[12:18], struct.unpack_from("b", frame, 1)[0])


def decode_url(frame: bytes) -> str:
    """Return what an Eddystone-URL beacon points to. Raises Malformed.

    Layout: 10, power 1, the scheme's number, then text in which bytes 0–13 are endings.
    """
    if len(frame) < 4 or frame[2] >= len(SCHEMES):
        raise Malformed("an Eddystone-URL without a scheme")
    text = SCHEMES[frame[2]]
    for byte in frame[3:]:
        if byte < 2 * len(ENDINGS):
            text += ENDINGS[byte % len(ENDINGS)] + ("/" if byte < len(ENDINGS) else "")
        elif 0x20 < byte < 0x7F:
            text += chr(byte)
        else:
            raise Malformed(f"an Eddystone-URL with the byte {byte:#04x}")
    return text


def decode_telemetry(frame: bytes) -> Telemetry:
    """Return how an Eddystone beacon is. Raises Malformed.

    Layout: 20, version 00, then big-endian: millivolts 2 (0 = no battery), temperature 2 signed
    in 1/256 °C (0x8000 = none), packets 4, tenths of seconds 4.
    """
    if len(frame) < 14 or frame[1] != 0:
        raise Malformed("an Eddystone-TLM that is short or encrypted")
    millivolts, temperature, packets, tenths = struct.unpack_from(">HhII", frame, 2)
    return Telemetry(
        millivolts / 1000 if millivolts else None,
        None if temperature == NO_TEMPERATURE else round(temperature / 256, 2),
        packets,
        tenths / 10,
    )
