"""An I²C bus: /dev/i2c-N through smbus2, in a thread of its own.

Strategy: only plain I2C_RDWR transactions, which every real adapter can do and which leave no
state (slave address, PEC) behind in the open file. The kernel does not refuse such a transaction
to a chip that one of its own drivers uses, so this port looks before it speaks. Adapters disagree
on the errno of a silent chip (a Pi says EREMOTEIO, a CP2112 ETIMEDOUT, an i801 ENXIO), hence
every OSError is a chip that did not answer, and only sysfs tells whether the adapter itself went.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports.i2c_clear import Clear, clear_bus, opened_lines, rebind
from gatewayd.ports.line import chip_choice, chip_path
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from smbus2 import SMBus, i2c_msg

SYSFS = Path("/sys/bus/i2c/devices")

TRANSFER_S = 5.0
"""Waiting for the bus and the transaction. The kernel gives up after 1 s a message, so five
seconds mean that several chips before this one hang, or the adapter itself."""

BYTES_MAX = 512
"""One transaction. No sensor sends more; the CP2112 USB adapter takes no more."""

ADDRESSES = range(0x08, 0x78)
"""The 7-bit addresses that the I²C specification leaves to devices."""

_LATE = frozenset({errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY})
_GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.EBADF, errno.ESHUTDOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of a `[port.NAME]` section with `type = "i2c"`.

    Attributes:
        bus: the N of /dev/i2c-N.
        clear: the bus's pins as GPIO lines, to free it when a chip holds it; GPIO 2 and 3 are SDA
            and SCL of a Raspberry Pi's bus 1.
    """

    bus: int
    clear: Clear | None = None


def bus_number(name: str, settings: Mapping[str, object] | None) -> int:
    """Return the N of /dev/i2c-N from a wire's name (`i2c:N`) or its `[port.NAME]` section.

    Raises:
        ConfigError: neither says which bus.
    """
    if settings is not None:
        bus = settings.get("bus")
        if settings.get("type") != "i2c" or not isinstance(bus, int) or isinstance(bus, bool):
            raise ConfigError(f'[port.{name}] is no I²C bus; expected type = "i2c" and bus = 1')
        return bus
    match = re.fullmatch(r"i2c:(\d{1,3})", name)
    if match is None:
        raise ConfigError(f"{name!r} is no I²C bus; expected i2c:1, or [port.{name}] with a bus")
    return int(match[1])


async def open_i2c(
    name: str, settings: Mapping[str, object] | None = None, sysfs: Path = SYSFS
) -> I2cPort:
    """Open a bus.

    Raises:
        ConfigError: the name or section says no bus.
        DeviceAbsent: there is no such adapter, or it may not be opened.
    """
    number = bus_number(name, settings)
    # Not at the top: a gateway without I²C does not pay for it.
    from smbus2 import SMBus

    clear = settings.get("clear") if settings else None
    port = I2cPort(number, SMBus(), sysfs, clear if isinstance(clear, Clear) else None)
    try:
        await port.open()
    except BaseException:
        await port.close()
        raise
    return port


class I2cPort:
    """One open bus, shared by all devices on it.

    Characteristics: in a transaction · out its bytes · one at a time, first come first served ·
    a cancelled caller leaves, the transaction ends first · not durable.
    """

    def __init__(
        self, number: int, bus: SMBus, sysfs: Path = SYSFS, clear: Clear | None = None
    ) -> None:
        self.is_broken = False
        self._number = number
        self._bus = bus
        self._sysfs = sysfs
        self._clear = clear
        self._worker = Worker(f"i2c:{number}")
        self._identity: int | None = None

    async def transfer(self, address: int, write: bytes, read_count: int) -> bytes:
        """Write, then read `read_count` bytes with a repeated start: no STOP in between.

        Raises:
            DeviceAbsent: the chip does not answer, or the adapter is gone.
            DeviceTimeout: the bus hangs, is busy, or the clock is stretched too long.
            DeviceFault: a kernel driver owns this chip.
        """
        assert 0 < read_count <= BYTES_MAX, "a read has a size"
        return await self._worker.run(
            self._exchange, address, write, read_count, timeout_s=TRANSFER_S
        )

    async def write(self, address: int, data: bytes) -> None:
        """Write and STOP. Raises as `transfer`."""
        await self._worker.run(self._exchange, address, data, 0, timeout_s=TRANSFER_S)

    async def read(self, address: int, count: int) -> bytes:
        """Read alone, for chips that need a STOP after the command. Raises as `transfer`."""
        assert 0 < count <= BYTES_MAX, "a read has a size"
        return await self._worker.run(self._exchange, address, b"", count, timeout_s=TRANSFER_S)

    async def open(self) -> None:
        """Open the adapter. Raises DeviceAbsent."""
        await self._worker.run(self._open, timeout_s=TRANSFER_S)

    async def reset(self) -> str:
        """Free the bus where a chip holds it, and bind the adapter's driver anew where that may be.

        Raises:
            DeviceFault: a chip or the wiring holds the bus all the same.
            DeviceAbsent: the lines for it cannot be had.
        """
        return await self._worker.run(self._reset, timeout_s=TRANSFER_S)

    async def close(self) -> None:
        """Close the adapter behind the transaction that is under way."""
        await self._worker.close(self._bus.close)

    def _open(self) -> None:
        try:
            self._bus.open(self._number)
        except OSError as error:
            raise DeviceAbsent(_why_not_open(self._number, error)) from error
        self._identity = self._find_adapter()

    def _reset(self) -> str:
        done = []
        if self._clear is not None:
            chip = chip_path(chip_choice(self._clear.chip, None))
            with opened_lines(chip, self._clear) as lines:
                pulses = clear_bus(lines)
            done += [f"{pulses} clock pulses freed the bus"] if pulses else []
        name = rebind(self._sysfs / f"i2c-{self._number}")
        done += [f"driver of {name} bound anew"] if name else []
        return ", ".join(done)

    def _exchange(self, address: int, write: bytes, read_count: int) -> bytes:
        from smbus2 import i2c_msg

        assert address in ADDRESSES and len(write) <= BYTES_MAX, "drivers check their addresses"
        self._refuse_owned(address)
        messages: list[i2c_msg] = []
        if write:
            messages.append(i2c_msg.write(address, write))
        if read_count:
            messages.append(i2c_msg.read(address, read_count))
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            self.is_broken = error.errno in _GONE or self._find_adapter() != self._identity
            raise _translated(f"i2c:{self._number}/0x{address:02x}", error) from error
        return bytes(messages[-1]) if read_count else b""

    def _refuse_owned(self, address: int) -> None:
        """Raise DeviceFault for a chip that a kernel driver uses: two masters spoil its state."""
        driver = self._sysfs / f"{self._number}-{address:04x}" / "driver"
        if driver.exists():
            raise DeviceFault(
                f"i2c:{self._number}/0x{address:02x} belongs to the kernel driver "
                f"{driver.resolve().name}; read it through sysfs or remove its dtoverlay"
            )

    def _find_adapter(self) -> int | None:
        """Return what tells this adapter from one plugged in later under the same number."""
        try:
            return (self._sysfs / f"i2c-{self._number}").stat().st_ino
        except OSError:
            return None


def _translated(where: str, error: OSError) -> DeviceError:
    name = errno.errorcode.get(error.errno or 0, "no errno")
    if error.errno == errno.EOPNOTSUPP:
        return DeviceFault(f"{where}: this adapter cannot do plain I²C ({name})")
    if error.errno in _LATE:
        return DeviceTimeout(f"{where} holds up the bus or does not answer ({name})")
    return DeviceAbsent(f"{where} does not answer ({name})")


def _why_not_open(number: int, error: OSError) -> str:
    if error.errno in _GONE:
        return f"no /dev/i2c-{number}: is I²C switched on (dtparam=i2c_arm=on) and i2c-dev loaded?"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"/dev/i2c-{number} may not be opened: add this user to the group i2c"
    return f"/dev/i2c-{number} cannot be opened: {error.strerror}"
