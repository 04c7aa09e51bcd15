"""The nine bytes of a DS18B20."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.onewire._scratchpad import (
    crc8,
    decode_scratchpad,
    is_suspicious,
    parse_scratchpad,
    parse_temperature,
)
from gatewayd.errors import DeviceFault

POWER_UP = bytes.fromhex("50054B467FFF0C10")
"""The data sheet's power-up state; its CRC is 1C."""


def pad(register: int, remain: int = 0x10) -> bytes:
    """Return a scratchpad with this temperature register, its CRC right."""
    body = (register & 0xFFFF).to_bytes(2, "little") + bytes((0x4B, 0x46, 0x7F, 0xFF, remain, 0x10))
    return body + bytes((crc8(body),))


def said(scratchpad: bytes) -> str:
    """Return what w1_slave says of a scratchpad."""
    line = scratchpad.hex(" ")
    return f"{line} : crc={scratchpad[8]:02x} YES\n{line} t=0"


def test_the_makers_checksums() -> None:
    """A ROM code of application note 27, and the power-up scratchpad."""
    assert crc8(bytes.fromhex("021CB801000000")) == 0xA2
    assert crc8(POWER_UP) == 0x1C


@pytest.mark.parametrize(
    ("register", "celsius"),
    [
        (0x07D0, 125.0),
        (0x0550, 85.0),
        (0x0191, 25.0625),
        (0x00A2, 10.125),
        (0x0008, 0.5),
        (0x0000, 0.0),
        (0xFFF8, -0.5),
        (0xFF5E, -10.125),
        (0xFE6F, -25.0625),
        (0xFC90, -55.0),
    ],
)
def test_the_makers_temperatures(register: int, celsius: float) -> None:
    """The data sheet's table 1."""
    assert decode_scratchpad(parse_scratchpad(said(pad(register)))) == celsius


def test_what_the_sensor_wakes_up_with_is_no_temperature() -> None:
    """85 °C with the byte that a conversion changes is the power-up value; without it, a tank."""
    with pytest.raises(DeviceFault, match="85 °C means that it has just started"):
        decode_scratchpad(parse_scratchpad(said(POWER_UP + b"\x1c")))
    with pytest.raises(DeviceFault, match="too little power"):
        decode_scratchpad(pad(0x07FF, 0x0C))
    assert decode_scratchpad(pad(0x0550, 0x10)) == 85.0


@given(bit=some.integers(0, 71))
def test_one_flipped_bit_is_noticed(bit: int) -> None:
    """Whichever of the nine bytes it is in."""
    wrong = bytearray(pad(0x0191))
    wrong[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DeviceFault, match="wrong CRC"):
        parse_scratchpad(said(bytes(wrong)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no scratchpad"),
        ("91 01 4b", "no scratchpad"),
        ("t=23125", "no scratchpad"),
        (said(bytes(9)), "shorted"),
        (said(b"\xff" * 9), "wrong CRC"),
    ],
)
def test_what_is_no_scratchpad_is_a_fault(text: str, why: str) -> None:
    """A shorted line reads as zeros, whose CRC is right; an open one as ones."""
    with pytest.raises(DeviceFault, match=why):
        parse_scratchpad(text)


def test_temperatures_are_thousandths() -> None:
    """As the kernel writes them."""
    assert parse_temperature("25062") == 25.062
    assert parse_temperature("-10125") == -10.125
    for text in ("", "25.0", "abc", "123456789"):
        with pytest.raises(DeviceFault):
            parse_temperature(text)


def test_two_temperatures_are_suspicious() -> None:
    """As the kernel rounds them."""
    assert is_suspicious(85.0)
    assert is_suspicious(127.937)
    assert not is_suspicious(84.937)
    assert not is_suspicious(85.062)
