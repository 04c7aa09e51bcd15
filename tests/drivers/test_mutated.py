"""Broken frames of serial, Modbus and HID devices: whatever comes, only our own errors are raised.

And whatever is believed is a value or a reason.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from drivers.hid import hid_relay
from drivers.modbus import pzem004t, sdm630, senseair_s8
from drivers.modbus._registers import Register, decode
from drivers.serial import dsmr, iec62056_21, mhz19, nmea, pms5003, scale, sdi12, sds011, sml
from drivers.serial._frames import Format, FrameReader
from drivers.serial._obis import USUAL
from drivers.serial._sml import FORMAT, messages
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.model import Measurement, Value
from tests.frames.serial.vectors import (
    ISKRA,
    KAIFA,
    LIST,
    MHZ19,
    PMS5003,
    PUSHED,
    SDS011,
    sml_framed,
)

QUICK, SLOW = 300, 100_000

DSMR = dsmr.Config(port="x", phases=3, meters=("gas", "water", "heat"))
GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
METER = bytes.fromhex("089803E80000089800000000000001F400640000")
"""Registers of a PZEM-004T."""

REGISTERS: list[Register] = [
    *(pzem004t.REGISTERS[name] for name in ("voltage", "energy", "alarm")),
    sdm630.REGISTERS["power"],
]
"""One of each type."""


def framed(
    format: Format, read: Callable[[bytes], Sequence[Measurement]]
) -> Callable[[bytes], list[Measurement]]:
    """Return a decoder of a stream: whatever frames are in it."""

    def decode_stream(data: bytes) -> list[Measurement]:
        reader = FrameReader(format)
        frames = [each for at in range(0, len(data), 7) for each in reader.feed(data[at : at + 7])]
        assert len(reader._rest) <= format.size_max
        return [measured for frame in frames for measured in read(frame)]

    return decode_stream


def read_sml(frame: bytes) -> list[Measurement]:
    return [each for message in messages(frame) for each in sml.decode(message, USUAL)]


def read_list(block: bytes) -> Sequence[Measurement]:
    return iec62056_21.decode(block.decode("ascii", "replace"), USUAL)


def read_mhz19(answer: bytes) -> list[Measurement]:
    co2, temperature = mhz19.decode(answer)
    return [Measurement("co2", co2), Measurement("temperature", temperature)]


def read_sdi12(answer: bytes) -> list[Measurement]:
    text = answer.decode("ascii", "replace")
    with suppress(Malformed):
        sdi12.decode_start(text)
    return [Measurement("x", each) for each in sdi12.decode_values(text, has_crc=False)]


def read_registers(data: bytes) -> list[Measurement]:
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    heard: list[Measurement] = []
    if len(words) >= 4:
        heard.append(senseair_s8.decode(words))
    for register in REGISTERS:
        for at in range(0, len(words) - register.size + 1):
            with suppress(DeviceFault):
                heard.append(Measurement("x", decode(words[at : at + register.size], register)))
    return heard


def read_weight(language: scale.Language) -> Callable[[bytes], list[Measurement]]:
    return lambda line: [scale.decode(line, language, "kg")]


DECODERS: dict[str, tuple[Callable[[bytes], Sequence[Measurement]], bytes]] = {
    "sds011": (framed(sds011.FORMAT, sds011.decode), SDS011 * 3),
    "pms5003": (framed(pms5003.FORMAT, pms5003.decode), PMS5003 * 2),
    "dsmr": (framed(dsmr.FORMAT, dsmr.Log(DSMR).hear), KAIFA),
    "dsmr inside": (dsmr.Log(DSMR).hear, KAIFA),
    "sml": (framed(FORMAT, read_sml), ISKRA),
    "sml inside": (lambda data: read_sml(sml_framed(data)), ISKRA[8:-8]),
    "iec62056_21": (framed(iec62056_21.BLOCK, read_list), LIST),
    "iec62056_21 pushed": (framed(iec62056_21.PUSH, read_list), PUSHED),
    "mhz19": (read_mhz19, MHZ19),
    "sdi12": (read_sdi12, b"0+3.14-2.5+1234567"),
    "mt-sics": (read_weight("mt-sics"), b"S D      -0.05 kg"),
    "a&d": (read_weight("and"), b"ST,+00123.45  g"),
    "sbi": (read_weight("sbi"), b"N     +   123.56 g  "),
    "nmea": (lambda line: nmea.Log().hear(line), GGA),
    "registers": (read_registers, METER),
    "hid": (lambda data: [Measurement("x", hid_relay.decode(data))], b"BITFT\0\0\x02"),
}
"""Each decoder with a good message. "Inside" is what stands behind a right checksum."""


def mutated(good: bytes, dice: random.Random) -> bytes:
    """Return a message with one to four bytes or parts changed, lost, doubled or moved."""
    data = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        a, b = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
        match dice.randrange(5):
            case 0 if a < len(data):
                data[a] = dice.choice(b"()*:!/.,+-09\x00\x1b\x76\x7f\xff" + dice.randbytes(1))
            case 1:
                del data[a : min(b, a + 8)]
            case 2:
                data[a:a] = data[a : min(b, a + 16)]
            case 3:
                data[a:a] = dice.choice([b"9" * 25, b"\x1b" * 4, b"\x77" * 9, b"\r\n!", b"(("])
            case 4:
                del data[a:]
    return bytes(data)


def survive(name: str, count: int) -> None:
    read, good = DECODERS[name]
    dice = random.Random(7)
    for _ in range(count):
        with suppress(Malformed, DeviceFault):
            for measured in read(mutated(good, dice)):
                assert (measured.value is not None) == measured.quality.has_value
                assert is_finite(measured.value)


def is_finite(value: Value | None) -> bool:
    numbers = value.values() if isinstance(value, dict) else [value]
    return all(not isinstance(each, float) or math.isfinite(each) for each in numbers)


@pytest.mark.parametrize("name", DECODERS)
def test_mutated_frames_are_survived(name: str) -> None:
    """With nothing but Malformed or DeviceFault."""
    survive(name, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_very_many_mutated_frames_are_survived(name: str) -> None:
    """With nothing but Malformed or DeviceFault."""
    survive(name, SLOW)


@pytest.mark.parametrize("name", DECODERS)
def test_the_frames_themselves_are_good(name: str) -> None:
    """What is mutated means something before."""
    read, good = DECODERS[name]
    assert any(each.quality.has_value for each in read(good))
