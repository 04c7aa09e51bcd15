"""I²C without a bus: chip models, and a small kernel under the real smbus2.

A chip model has `write(data)` and `read(count)`, and raises OSError where the real one would not
acknowledge. The same models serve `FakeI2c` (for drivers) and `FakeI2cKernel` (for the port).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Protocol
from unittest import mock

I2C_FUNCS = 0x0705
I2C_RDWR = 0x0707
FUNC_I2C = 0x0000_0001
MESSAGE_READ = 0x0001


class ChipModel(Protocol):
    """What a chip does with the bytes that reach it."""

    def write(self, data: bytes) -> None:
        """Take the bytes of one write message."""
        ...

    def read(self, count: int) -> bytes:
        """Return the bytes of one read message."""
        ...


class RegisterChip:
    """256 registers behind a pointer that moves on by itself; remembers every write.

    Attributes:
        writes: (register, data) of each write that carried more than the pointer.
    """

    def __init__(self, registers: dict[int, bytes] | None = None, fill: int = 0x00) -> None:
        self.registers = bytearray([fill]) * 256
        self.writes: list[tuple[int, bytes]] = []
        self._pointer = 0
        for start, data in (registers or {}).items():
            self.registers[start : start + len(data)] = data

    def write(self, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) > 1:
            self.writes.append((data[0], data[1:]))
            self.registers[data[0] : data[0] + len(data) - 1] = data[1:]

    def read(self, count: int) -> bytes:
        data = bytes(self.registers[self._pointer : self._pointer + count])
        self._pointer = (self._pointer + count) % 256
        return data.ljust(count, b"\xff")


class FakeI2cKernel:
    """What the kernel does behind /dev/i2c-N, for the real smbus2.

    Attributes:
        buses: chips by bus number and address; a bus that is not here has no node.
        messages: (bus, address, "w" or "r", bytes) in the order on the wire.
        transactions: how many, from START to STOP.
        open_errno: what opening any bus ends with, or 0.
        nack_errno: what this adapter says when nobody acknowledges; they all differ.
        open_files: bus numbers by file descriptor.
    """

    def __init__(self, buses: dict[int, dict[int, ChipModel]]) -> None:
        self.buses = buses
        self.messages: list[tuple[int, int, str, bytes]] = []
        self.transactions = 0
        self.open_errno = 0
        self.nack_errno = errno.EREMOTEIO
        self.open_files: dict[int, int] = {}

    @contextmanager
    def installed(self) -> Iterator[FakeI2cKernel]:
        """Put this kernel under smbus2 for a while."""
        import smbus2.smbus2

        calls = SimpleNamespace(open=self._open, close=self._close, O_RDWR=os.O_RDWR)
        with (
            mock.patch.object(smbus2.smbus2, "os", calls),
            mock.patch.object(smbus2.smbus2, "ioctl", self._ioctl),
        ):
            yield self

    def unplug(self, bus: int) -> None:
        """Take an adapter away; what is open on it stays open and fails."""
        del self.buses[bus]

    def _open(self, path: str, _flags: int) -> int:
        bus = int(path.removeprefix("/dev/i2c-"))
        if self.open_errno or bus not in self.buses:
            raise _error(self.open_errno or errno.ENOENT)
        fd = 1000 + len(self.open_files)
        self.open_files[fd] = bus
        return fd

    def _close(self, fd: int) -> None:
        del self.open_files[fd]

    def _ioctl(self, fd: int, request: int, arg: Any) -> None:
        # Any: ctypes structures, whose types smbus2 keeps to itself.
        bus = self.open_files[fd]
        if request == I2C_FUNCS:
            arg.value = FUNC_I2C
            return
        assert request == I2C_RDWR, f"only plain transactions are expected, not {request:#x}"
        chips = self.buses.get(bus)
        if chips is None:
            raise _error(errno.ENODEV)
        self.transactions += 1
        for message in (arg.msgs[index] for index in range(arg.nmsgs)):
            chip = chips.get(message.addr)
            if chip is None:
                raise _error(self.nack_errno)
            self._pass(bus, chip, message)

    def _pass(self, bus: int, chip: ChipModel, message: Any) -> None:
        if message.flags & MESSAGE_READ:
            data = chip.read(message.len)
            assert len(data) == message.len, "a chip model returns what it is asked for"
            ctypes.memmove(message.buf, data, message.len)
            self.messages.append((bus, message.addr, "r", data))
        else:
            data = ctypes.string_at(message.buf, message.len)
            self.messages.append((bus, message.addr, "w", data))
            chip.write(data)


def bme280_chip(adc: bytes = bytes.fromhex("655ac07eed0061a8"), *, id: int = 0x60) -> RegisterChip:
    """Return a BME280 (id 0x60) or BMP280 (0x58) with the constants of the data sheet's example.

    Args:
        adc: registers 0xF7–0xFE as the chip would hold them after a conversion; by default the
            example's 25.08 °C and 1006.53 hPa, with 27.67 %RH.
    """
    return RegisterChip(
        {
            0x88: bytes.fromhex(
                "706b 4367 18fc 7d8e 43d6 d00b 270b 8c00 f9ff 8c3c f8c6 7017 00 4b"
            ),
            0xD0: bytes([id]),
            0xE1: bytes.fromhex("7201 00 13 29 03 1e"),
            0xF7: adc,
        }
    )


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
