"""The three checksums, by what their makers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.i2c import _crc
from gatewayd.errors import DeviceFault
from gatewayd.testing.i2c_models import crc8


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ("beef", 0x92),  # Every Sensirion data sheet.
        ("43db", 0xCB), ("8c2e", 0x8F), ("41d9", 0x70),  # SCD30 §1.4.5.
        ("e7ff", 0xF5), ("4243", 0xBF), ("3a1b", 0x74),
        ("f896", 0x31), ("9f07", 0xC2), ("3bbe", 0x89),  # SCD4x §3.9.2.
        ("07e6", 0x48), ("0912", 0x63), ("044c", 0x42),  # SCD4x, settings.
        ("03db", 0x42), ("01e0", 0xB4), ("7fce", 0x7B),
        ("8000", 0xA2), ("6666", 0x93),
        ("1c8000060000", 0x4E),  # AHT20, made up.
    ],
)  # fmt: skip
def test_sensirions_checksum_is_as_printed(data: str, wanted: int) -> None:
    """0x31, from 0xFF."""
    assert _crc.sensirion(bytes.fromhex(data)) == wanted


@pytest.mark.parametrize(("data", "wanted"), [("dc", 0x79), ("683a", 0x7C), ("4e85", 0x6B)])
def test_the_htu21ds_checksum_is_as_printed(data: str, wanted: int) -> None:
    """0x31, from 0x00."""
    assert _crc.htu(bytes.fromhex(data)) == wanted


@pytest.mark.parametrize(("packet", "wanted"), [("b407b5d23a", 0x30), ("b42207c8", 0x48)])
def test_the_packet_error_code_is_as_printed(packet: str, wanted: int) -> None:
    """MLX90614 §8.4.3: a read and a write."""
    assert _crc.pec(bytes.fromhex(packet)) == wanted


@given(st.binary(min_size=1, max_size=40))
def test_it_is_the_rest_of_a_long_division(data: bytes) -> None:
    """Another way to compute it comes to the same."""
    assert _crc.sensirion(data) == crc8(data, 0x31, 0xFF)
    assert _crc.htu(data) == crc8(data, 0x31)
    assert _crc.pec(data) == crc8(data, 0x07)


@given(st.binary(min_size=2, max_size=20).filter(lambda data: len(data) % 2 == 0))
def test_sealed_words_come_out_again(data: bytes) -> None:
    """What goes to a chip is what would be believed from it."""
    assert _crc.unsealed(_crc.sealed(data), _crc.SENSIRION_WORDS) == data


@pytest.mark.parametrize("raw", ["beef93", "beff92", "beef", "beef92be", "beef9280"])
def test_a_wrong_or_missing_checksum_is_a_fault(raw: str) -> None:
    """Half an answer is none; the sentence shows what came."""
    with pytest.raises(DeviceFault, match=r"came with checksum"):
        _crc.unsealed(bytes.fromhex(raw), _crc.SENSIRION_WORDS)


def test_a_packets_checksum_counts_its_addresses() -> None:
    """The same bytes from another address, or to another command, are refused."""
    raw = bytes.fromhex("d23a30")
    assert _crc.unsealed(raw, _crc.PEC_WORD, bytes.fromhex("b407b5")) == raw[:2]
    with pytest.raises(DeviceFault):
        _crc.unsealed(raw, _crc.PEC_WORD, bytes.fromhex("b607b7"))
