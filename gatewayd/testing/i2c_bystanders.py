"""Chips that share addresses with our sensors, and to which a careless question is a deed.

Each tells by `state` what would be felt: outputs, channels, settings. A scan leaves it as it was.
"""

from __future__ import annotations

from typing import Protocol

from gatewayd.testing.i2c import ChipModel
from gatewayd.testing.i2c_models import not_acknowledged


class Bystander(ChipModel, Protocol):
    """A chip with something to lose."""

    @property
    def state(self) -> object:
        """What can be felt from outside."""
        ...


class Pcf8574Chip:
    """A port of eight pins: every byte written is their new state (relays, at 0x20 and 0x38)."""

    def __init__(self, pins: int = 0xFE) -> None:
        self.state = pins

    def write(self, data: bytes) -> None:
        self.state = data[-1]

    def read(self, count: int) -> bytes:
        return bytes([self.state]) * count


class Pcf8591Chip:
    """A converter both ways: every first byte is a control byte, bit 6 keeps its output on."""

    def __init__(self, level: int = 0x57) -> None:
        self.control = 0x40
        self._level = level

    @property
    def state(self) -> object:
        return self.control & 0x40

    def write(self, data: bytes) -> None:
        self.control = data[0]

    def read(self, count: int) -> bytes:
        noise = bytes(self._level + n % 2 for n in range(count))
        return b"\x80" + noise[1:]


class Pca9685Chip:
    """Sixteen dimmed outputs: registers that move on by themselves; 0xFA–0xFD are all outputs."""

    def __init__(self) -> None:
        self.registers = bytearray(256)
        self.registers[0:2] = b"\x01\x04"
        self._pointer = 0

    @property
    def state(self) -> object:
        defined = (*range(0x46), *range(0xFA, 0xFF))
        return bytes(self.registers[register] for register in defined)

    def write(self, data: bytes) -> None:
        self._pointer = data[0]
        for offset, byte in enumerate(data[1:]):
            self.registers[(data[0] + offset) % 256] = byte

    def read(self, count: int) -> bytes:
        return bytes(self.registers[(self._pointer + n) % 256] for n in range(count))


class Tca9548aChip:
    """A switch of eight channels: the last byte written is which of them are connected."""

    def __init__(self, channels: int = 0x02) -> None:
        self.state = channels

    def write(self, data: bytes) -> None:
        self.state = data[-1]

    def read(self, count: int) -> bytes:
        return bytes([self.state]) * count


class Mcp4725Chip:
    """A voltage: two bytes that begin with 00, or three with 010 or 011, are its new value."""

    def __init__(self) -> None:
        self.state = 0x0800

    def write(self, data: bytes) -> None:
        if not data[0] >> 6 and len(data) >= 2:
            self.state = int.from_bytes(data[:2], "big") & 0x0FFF
        elif data[0] >> 5 in {2, 3} and len(data) >= 3:
            self.state = int.from_bytes(data[1:3], "big") >> 4

    def read(self, count: int) -> bytes:
        value = bytes([0xC0]) + (self.state << 4).to_bytes(2, "big") + b"\x08\x00"
        return value[:count].ljust(count, b"\xff")


class Mcp4728Chip:
    """Four voltages: commands 00 and 010 set them, 100, 101 and 110 their settings."""

    def __init__(self, address: int) -> None:
        self.state = 0
        self._address = address

    def write(self, data: bytes) -> None:
        if data[0] >> 5 != 7:
            self.state += 1

    def read(self, count: int) -> bytes:
        both = (bytes([0xC0 | n << 4 | self._address & 7, 0x08, 0x00]) * 2 for n in range(4))
        return b"".join(both)[:count].ljust(count, b"\xff")


class Ds2482Chip:
    """A 1-Wire master: 0xF0 resets it, 0xD2 configures it, 0xE1 moves its pointer."""

    def __init__(self) -> None:
        self.state = 0

    def write(self, data: bytes) -> None:
        if data[0] not in {0xF0, 0xD2, 0xE1, 0xC3, 0xB4, 0xA5, 0x96, 0x87, 0x78}:
            raise not_acknowledged()
        self.state += 1

    def read(self, count: int) -> bytes:
        return b"\x18" * count


class RelayBoardChip:
    """Relays behind registers 1 to 4 (52Pi, 0x10–0x13): a byte after the register sets one."""

    def __init__(self) -> None:
        self.registers = bytearray(256)
        self._pointer = 0

    @property
    def state(self) -> object:
        return bytes(self.registers[1:5])

    def write(self, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) > 1:
            self.registers[data[0]] = data[1]

    def read(self, count: int) -> bytes:
        return bytes(self.registers[self._pointer : self._pointer + count]).ljust(count, b"\xff")


class LidarLiteChip:
    """A distance meter: registers that keep what is written behind the pointer."""

    def __init__(self) -> None:
        self._registers = bytearray(b"\x10") * 256
        self._pointer = 0

    @property
    def state(self) -> object:
        return bytes(self._registers)

    def write(self, data: bytes) -> None:
        self._pointer = data[0]
        for offset, byte in enumerate(data[1:]):
            self._registers[(data[0] + offset) % 256] = byte

    def read(self, count: int) -> bytes:
        return bytes(self._registers[(self._pointer + n) % 256] for n in range(count))
