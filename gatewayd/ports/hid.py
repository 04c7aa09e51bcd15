"""A USB HID device that is no keyboard: /dev/hidrawN through the kernel's ioctls, in a thread.

    hid:16c0:05df             the device of this maker and kind, if there is one alone
    hid:usb-0000:01:00.0-1.2  whatever is plugged in there, as the kernel calls the place
    /dev/hidraw0              whichever was found first: plug in another one and it may be that

Makers of such boards give them all the same serial number, so the place tells two of them apart.

Characteristics: in a report · out a report · one at a time, first come first served · a cancelled
caller leaves, the transaction ends first · event loop only · not durable.

Source: Linux, Documentation/hid/hidraw.rst; include/uapi/linux/hidraw.h.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import NamedTuple, TypeVar

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports.worker import Worker

T = TypeVar("T")

SYSFS = Path("/sys/class/hidraw")

TRANSFER_S = 6.0
"""The kernel gives up on a report after 5 s."""

REPORT_BYTES_MAX = 64
"""Boards here take 9; full-speed USB carries 64 in one piece."""

NAME_BYTES = 256

_LATE = frozenset({errno.ETIMEDOUT, errno.EAGAIN})
_GONE = frozenset(
    {errno.ENODEV, errno.ENOENT, errno.ENXIO, errno.EBADF, errno.ESHUTDOWN, errno.EIO}
)


class Found(NamedTuple):
    """A device that is plugged in.

    Attributes:
        path: `/dev/hidraw0`.
        id: `16c0:05df`, maker and kind.
        place: `usb-0000:01:00.0-1.2`.
        title: what it calls itself, `www.dcttech.com USBRelay2`.
    """

    path: str
    id: str
    place: str
    title: str


def set_feature_code(size: int) -> int:
    """Return HIDIOCSFEATURE: direction both ways, size, `H`, 6."""
    return 3 << 30 | size << 16 | ord("H") << 8 | 6


def get_feature_code(size: int) -> int:
    """Return HIDIOCGFEATURE."""
    return 3 << 30 | size << 16 | ord("H") << 8 | 7


RAW_NAME_CODE = 2 << 30 | NAME_BYTES << 16 | ord("H") << 8 | 4
"""HIDIOCGRAWNAME."""


def list_hid(sysfs: Path = SYSFS) -> list[Found]:
    """Return the devices that the kernel shows; blocks for a moment."""
    found: list[Found] = []
    for node in sorted(sysfs.glob("hidraw*"), key=lambda path: (len(path.name), path.name)):
        with suppress(OSError):
            text = (node / "device" / "uevent").read_text(encoding="utf-8", errors="replace")
            keys = dict(line.partition("=")[::2] for line in text.splitlines())
            numbers = [part[-4:].lower() for part in keys.get("HID_ID", "").split(":")]
            place = keys.get("HID_PHYS", "").partition("/")[0]
            found.append(
                Found(f"/dev/{node.name}", ":".join(numbers[1:]), place, keys.get("HID_NAME", ""))
            )
    return found


def locate(name: str, sysfs: Path = SYSFS) -> str:
    """Return the node that a port's name means.

    Raises:
        ConfigError: no name of a HID device.
        DeviceAbsent: none is plugged in.
        DeviceFault: several are.
    """
    if re.fullmatch(r"/dev/hidraw\d{1,3}", name):
        return name
    wanted = name.removeprefix("hid:")
    if wanted == name or not wanted:
        raise ConfigError(f'{name!r} is no HID device; expected "hid:16c0:05df" or /dev/hidraw0')
    every = list_hid(sysfs)
    found = [each for each in every if wanted.lower() in (each.id, each.place.lower())]
    if not found:
        raise DeviceAbsent(f"there is no {name}; is the board plugged in?")
    if len(found) > 1:
        places = " or ".join(f"hid:{each.place}" for each in found)
        raise DeviceFault(f"{name} is {len(found)} boards; say which, by its place: {places}")
    return found[0].path


async def open_hid(name: str, sysfs: Path = SYSFS) -> HidPort:
    """Open a device.

    Raises:
        ConfigError: no name of a HID device.
        DeviceAbsent: it is not there, or may not be opened.
        DeviceFault: several are.
    """
    port = HidPort(name)
    try:
        await port.open(sysfs)
    except BaseException:
        await port.close()
        raise
    return port


class HidPort:
    """One open device."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_broken = False
        self._file = -1
        self._worker = Worker(name)

    async def open(self, sysfs: Path) -> None:
        """Open the node. Raises as `open_hid`."""
        await self._run(lambda: self._open(sysfs))

    async def title(self) -> str:
        """Return what the device calls itself. Raises as `get_feature`."""
        return await self._run(self._title)

    async def get_feature(self, report: int, size: int) -> bytes:
        """Return a feature report, as much as the device sends of `size` bytes.

        The first byte is the report's number where the device numbers its reports, or was asked
        for number 0.

        Raises:
            DeviceTimeout: no answer.
            DeviceFault: the device refuses.
            DeviceAbsent: it is gone.
        """
        assert 0 < size <= REPORT_BYTES_MAX, "a report has a size"
        return await self._run(lambda: self._get_feature(report, size))

    async def set_feature(self, data: bytes) -> None:
        """Send a feature report, its number first. Raises as `get_feature`."""
        assert 0 < len(data) <= REPORT_BYTES_MAX, "a report has a size"
        await self._run(lambda: ioctl(self._file, set_feature_code(len(data)), data))

    async def write(self, data: bytes) -> None:
        """Send an output report, its number first. Raises as `get_feature`."""
        assert 0 < len(data) <= REPORT_BYTES_MAX, "a report has a size"
        await self._run(lambda: os.write(self._file, data))

    async def close(self) -> None:
        """Let go of the device and end its thread."""
        self.is_broken = True
        await self._worker.close(self._close)

    async def _run(self, job: Callable[[], T]) -> T:
        return await self._worker.run(self._guarded, job, timeout_s=TRANSFER_S)

    # All below runs in the thread.

    def _guarded(self, job: Callable[[], T]) -> T:
        """Run a job; the one place where the kernel's errors are translated."""
        try:
            return job()
        except OSError as error:
            raise self._why(error) from error

    def _why(self, error: OSError) -> DeviceError:
        if error.errno in (errno.EACCES, errno.EPERM):
            return DeviceAbsent(f"no right to open {self.name}: gatewayd-hid.rules gives it")
        if error.errno in _GONE:
            self.is_broken = True
            return DeviceAbsent(f"{self.name} is gone: {error.strerror}")
        if error.errno in _LATE:
            return DeviceTimeout(f"{self.name} did not answer: {error.strerror}")
        return DeviceFault(f"{self.name} refuses: {error.strerror}")

    def _open(self, sysfs: Path) -> None:
        self._file = os.open(locate(self.name, sysfs), os.O_RDWR | os.O_CLOEXEC)

    def _title(self) -> str:
        raw = ioctl(self._file, RAW_NAME_CODE, bytes(NAME_BYTES))
        return raw.partition(b"\0")[0].decode("utf-8", "replace")

    def _get_feature(self, report: int, size: int) -> bytes:
        buffer = bytearray(size)
        buffer[0] = report
        count = ioctl(self._file, get_feature_code(size), buffer)
        return bytes(buffer[:count])

    def _close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            with suppress(OSError):
                os.close(file)
