"""Chips on the emulated bus, which know physics and bytes. They run in the guest.

Each has `write` and `read` as `gatewayd.testing.i2c.ChipModel`, and `measure` for the world that
it is in. Nothing here is shared with the drivers that read them.
"""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable

from gatewayd.testing.i2c import ChipModel, bme280_chip


class Lm75:
    """Thermometer with four registers behind a pointer (TI LM75B data sheet SNIS153, §7.5)."""

    def __init__(self) -> None:
        self._pointer = 0
        self._registers = [b"\x00\x00", b"\x00", b"\x4b\x00", b"\x50\x00"]
        self.measure(temperature_c=20.0)

    def measure(self, *, temperature_c: float) -> None:
        """Nine bits, the upper ones of two bytes, half a degree each."""
        self._registers[0] = struct.pack(">h", round(temperature_c * 2) << 7)

    def write(self, data: bytes) -> None:
        self._pointer = data[0] & 3
        if len(data) > 1 and self._pointer:
            self._registers[self._pointer] = data[1:]

    def read(self, count: int) -> bytes:
        register = self._registers[self._pointer]
        return (register * count)[:count]


class Sht31:
    """Humidity sensor that answers when it is done (Sensirion SHT3x data sheet §4.3, 4.11–4.13)."""

    CONVERSION_S = 0.0125
    """Its typical time at high repeatability."""

    def __init__(self) -> None:
        self._answer = b""
        self._ready_s = 0.0
        self._words = b""
        self.measure(temperature_c=20.0, humidity_percent=50.0)

    def measure(self, *, temperature_c: float, humidity_percent: float) -> None:
        """Sixteen bits each over 175 K from −45 °C on, and over 100 %."""
        temperature = round((temperature_c + 45) / 175 * 65535)
        humidity = round(humidity_percent / 100 * 65535)
        self._words = _with_checksums(temperature, humidity)

    def write(self, data: bytes) -> None:
        if data[0] == 0x24:
            self._answer, self._ready_s = self._words, time.monotonic() + self.CONVERSION_S
        elif data == b"\xf3\x2d":
            self._answer, self._ready_s = _with_checksums(0x0000), 0.0
        elif data not in {b"\x30\xa2", b"\x30\x93", b"\x30\x41"}:  # Reset, break, clear status.
            raise OSError(errno.EREMOTEIO, "no such command")

    def read(self, count: int) -> bytes:
        if not self._answer or time.monotonic() < self._ready_s:
            raise OSError(errno.EREMOTEIO, "nothing to say yet")
        answer, self._answer = self._answer, b""
        return answer[:count].ljust(count, b"\xff")


def _with_checksums(*words: int) -> bytes:
    """Return words of 16 bits, each with its CRC-8: 0x31 from 0xFF on (§4.12)."""
    said = b""
    for word in words:
        crc = 0xFF
        for byte in struct.pack(">H", word):
            crc ^= byte
            for _ in range(8):
                crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
        said += struct.pack(">HB", word, crc)
    return said


KINDS: dict[str, Callable[[], ChipModel]] = {"bme280": bme280_chip, "lm75": Lm75, "sht31": Sht31}
"""How each is made. The BME280 always shows its data sheet's example, 25.08 °C."""
