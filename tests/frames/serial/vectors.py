"""Frames of serial devices, each with its origin.

SDS011 and MH-Z19: the makers' own examples. KAIFA: a telegram of a Kaifa MA304 in the Netherlands,
2016-11-13, published by its owner in the documentation of several parsers, with the meter's own
CRC. ISKRA: a frame of a meter of Iskra (ISK) in Germany, published with several SML readers, with
the meter's own CRCs. PMS5003 and LIST: synthetic, made after the manual and the standard.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

from drivers.serial import _sml, dsmr, iec62056_21, pms5003, sds011
from drivers.serial._checksums import crc16_x25
from drivers.serial._frames import Format

SDS011 = bytes.fromhex("AA C0 D4 04 3A 0A A1 60 1D AB")
MHZ19 = bytes.fromhex("FF 86 02 60 47 00 00 00 D1")
PMS5003 = bytes.fromhex("424d001c00050008000a00050008000a0384010e003200060002000197000241")

KAIFA = (
    b"/KFM5KAIFA-METER\r\n\r\n"
    b"1-3:0.2.8(42)\r\n0-0:1.0.0(161113205757W)\r\n"
    b"0-0:96.1.1(3960221976967177082151037881335713)\r\n"
    b"1-0:1.8.1(001581.123*kWh)\r\n1-0:1.8.2(001435.706*kWh)\r\n"
    b"1-0:2.8.1(000000.000*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n0-0:96.14.0(0002)\r\n"
    b"1-0:1.7.0(02.027*kW)\r\n1-0:2.7.0(00.000*kW)\r\n"
    b"0-0:96.7.21(00015)\r\n0-0:96.7.9(00007)\r\n"
    b"1-0:99.97.0(3)(0-0:96.7.19)(000104180320W)(0000237126*s)(000101000001W)(2147583646*s)"
    b"(000102000003W)(2317482647*s)\r\n"
    b"1-0:32.32.0(00000)\r\n1-0:52.32.0(00000)\r\n1-0:72.32.0(00000)\r\n"
    b"1-0:32.36.0(00000)\r\n1-0:52.36.0(00000)\r\n1-0:72.36.0(00000)\r\n"
    b"0-0:96.13.1()\r\n0-0:96.13.0()\r\n"
    b"1-0:31.7.0(000*A)\r\n1-0:51.7.0(006*A)\r\n1-0:71.7.0(002*A)\r\n"
    b"1-0:21.7.0(00.170*kW)\r\n1-0:22.7.0(00.000*kW)\r\n1-0:41.7.0(01.247*kW)\r\n"
    b"1-0:42.7.0(00.000*kW)\r\n1-0:61.7.0(00.209*kW)\r\n1-0:62.7.0(00.000*kW)\r\n"
    b"0-1:24.1.0(003)\r\n0-1:96.1.0(4819243993373755377509728609491464)\r\n"
    b"0-1:24.2.1(161129200000W)(00981.443*m3)\r\n!6796\r\n"
)

ISKRA = bytes.fromhex(
    "1B1B1B1B010101017605006345516200620072630101760101050021171B0B0A0149534B00047A5544726201"
    "650021155A620163828E00760500634552620062007263070177010B0A0149534B00047A5544070100620AFF"
    "FF726201650021155A757707010060320101010101010449534B0177070100600100FF010101010B0A014953"
    "4B00047A55440177070100010800FF650010010401621E52FF65000C13610177070100020800FF0101621E52"
    "FF62000177070100100700FF0101621B5200530860010101638E710076050063455362006200726302017101"
    "63AD55001B1B1B1B1A00D54B"
)

ESCAPED = bytes.fromhex("1b1b1b1b01010101121b1b1b1b1b1b1b1b0000001b1b1b1b1a03be25")
"""A frame whose contents hold an escape sequence, doubled; not SML inside."""


def sml_framed(contents: bytes) -> bytes:
    """Return an SML frame around contents, padded and with its checksum."""
    padding = -len(contents) % 4
    body = _sml.START + contents + bytes(padding) + _sml.ESCAPE + bytes([0x1A, padding])
    return body + crc16_x25(body).to_bytes(2, "little")


def listed(text: bytes) -> bytes:
    """Return a list of IEC 62056-21 as the meter sends it: STX, list, ETX, check character."""
    body = text + b"!\r\n\x03"
    return b"\x02" + body + bytes([reduce(xor, body)])


LIST = listed(
    b"0.0.0(51234567)\r\n1.8.0(0012345.678*kWh)\r\n1.8.0*05(0011111.000*kWh)\r\n"
    b"2.8.0(0000012.5*kWh)\r\n16.7.0(-1.19*kW)\r\n32.7.0(230.1*V)\r\nF.F(00000000)\r\n"
)
PUSHED = b"/ESY5Q3DA1004 V3.04\r\n\r\n" + LIST[1:-2]

STREAMS: dict[str, tuple[Format, bytes]] = {
    "sds011": (sds011.FORMAT, SDS011),
    "pms5003": (pms5003.FORMAT, PMS5003),
    "dsmr": (dsmr.FORMAT, KAIFA),
    "sml": (_sml.FORMAT, ISKRA),
    "sml escaped": (_sml.FORMAT, ESCAPED),
    "iec62056_21": (iec62056_21.BLOCK, LIST),
    "iec62056_21 pushed": (iec62056_21.PUSH, PUSHED),
}
"""Every framed format with a frame of it."""

CHECKED = tuple(STREAMS.keys() - {"iec62056_21 pushed"})
"""Those with a checksum."""
