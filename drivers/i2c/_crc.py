"""Checksums of I²C chips: one CRC-8 (no reflection, no final XOR), three sets of constants.

Source: Sensirion SHT3x data sheet §4.12 (0xBEEF gives 0x92); TE HTU21D data sheet, CRC examples;
System Management Bus specification 3.1 §6.4 (packet error code).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatewayd.errors import DeviceFault


def crc8(data: bytes, polynomial: int, start: int) -> int:
    """Return the CRC-8 of the bytes, most significant bit first."""
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & 0x80 else crc << 1) & 0xFF
    return crc


def sensirion(data: bytes) -> int:
    """Return the checksum of Sensirion's chips and of the AHT20: 0x31, from 0xFF."""
    return crc8(data, 0x31, 0xFF)


def htu(data: bytes) -> int:
    """Return the checksum of the HTU21D and its relatives: 0x31, from 0x00."""
    return crc8(data, 0x31, 0x00)


def pec(data: bytes) -> int:
    """Return the packet error code of SMBus: 0x07, from 0x00."""
    return crc8(data, 0x07, 0x00)


@dataclass(frozen=True, slots=True)
class Checksum:
    """How an answer is protected.

    Attributes:
        of: the checksum of some bytes.
        every: so many data bytes stand before each checksum byte.
        is_packet: all bytes of the transaction count, addresses and command too, as in SMBus.
    """

    of: Callable[[bytes], int]
    every: int
    is_packet: bool = False


SENSIRION_WORDS = Checksum(sensirion, 2)
HTU_WORDS = Checksum(htu, 2)
PEC_WORD = Checksum(pec, 2, is_packet=True)


def sealed(data: bytes) -> bytes:
    """Return words with Sensirion's checksum behind each, as its chips want arguments."""
    pairs = (data[start : start + 2] for start in range(0, len(data), 2))
    return b"".join(pair + bytes([sensirion(pair)]) for pair in pairs)


def unsealed(raw: bytes, checksum: Checksum, before: bytes = b"") -> bytes:
    """Return the data of an answer without its checksums.

    Args:
        raw: groups of `checksum.every` bytes, a checksum behind each.
        before: what the checksum of each group counts besides its bytes.

    Raises:
        DeviceFault: a checksum is wrong, or the last one is missing.
    """
    data = b""
    for start in range(0, len(raw), checksum.every + 1):
        group = raw[start : start + checksum.every]
        told = raw[start + checksum.every : start + checksum.every + 1]
        wanted = checksum.of(before + group)
        if told != bytes([wanted]):
            raise DeviceFault(f"{group.hex()} came with checksum {told.hex()}, not {wanted:02x}")
        data += group
    return data
