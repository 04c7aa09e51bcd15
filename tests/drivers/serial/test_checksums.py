"""Checksums against their published check values."""

from __future__ import annotations

import pytest

from drivers.serial._checksums import crc16, crc16_x25

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (crc16(CHECK), 0xBB3D),  # CRC-16/ARC.
        (crc16(CHECK, initial=0xFFFF), 0x4B37),  # CRC-16/MODBUS.
        (crc16_x25(CHECK), 0x906E),  # CRC-16/IBM-SDLC.
        (crc16(bytes.fromhex("010300000001"), initial=0xFFFF), 0x0A84),
    ],
)
def test_a_crc_is_what_the_catalogue_says(value: int, wanted: int) -> None:
    """Source: Catalogue of parametrised CRC algorithms, and the Modbus specification."""
    assert value == wanted
