"""Devices that the kernel shows as files (hwmon, IIO, 1-Wire, PWM), in a thread of their own.

Strategy: a file is opened anew at each access, so nothing is held that could go stale, and a
device that went and came back is simply there again. A read goes to the chip and blocks for up to
a second. Disturbances are ordinary on such buses, so what fails with one is read once more, at
once; more patience is the supervisor's. Devices on different buses should have wires (threads) of
their own, `sysfs:i2c-1` and `sysfs:w1`: one that hangs holds up only its own.

Source: Linux kernel, Documentation/filesystems/sysfs.rst.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports.worker import Worker

T = TypeVar("T")

SYS = "/sys"

ACCESS_S = 5.0
"""Waiting for the thread and one access. The slowest known, one conversion of a 1-Wire sensor,
takes 0.75 s; the kernel gives up on a hung I²C bus after 1 s a message."""

BYTES_MAX = 4096
"""The kernel's own limit of an attribute, one page."""

FOUND_MAX = 1024
"""Paths that one search returns; a gateway has a few dozen chips."""

_DISTURBED = frozenset({errno.EIO, errno.ETIMEDOUT, errno.EAGAIN, errno.ENODATA, errno.EREMOTEIO})
_GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR, errno.ESHUTDOWN})
_LATE = frozenset({errno.ETIMEDOUT, errno.EAGAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of a `[port.NAME]` section with `type = "files"`: the folder to look in."""

    root: str = SYS


def root_of(name: str, settings: Mapping[str, object] | None) -> Path:
    """Return the folder that a wire's name or its `[port.NAME]` section means.

    `sysfs:LABEL` is /sys in a thread that all devices with this label share; a name that begins
    with `/` is that folder.

    Raises:
        ConfigError: neither says which folder.
    """
    if settings is not None:
        root = settings.get("root", SYS)
        if settings.get("type") != "files" or not isinstance(root, str) or root[:1] != "/":
            raise ConfigError(
                f'[port.{name}] is no folder; expected type = "files" and root = "/sys"'
            )
        return Path(root)
    if name.startswith("sysfs:") and name != "sysfs:":
        return Path(SYS)
    if name.startswith("/"):
        return Path(name)
    raise ConfigError(f"{name!r} is no folder of kernel files; expected sysfs:LABEL or /sys")


async def open_files(name: str, settings: Mapping[str, object] | None = None) -> FilesPort:
    """Open a folder of kernel files.

    Raises:
        ConfigError: the name or section says no folder.
        DeviceAbsent: there is no such folder.
    """
    port = FilesPort(name, root_of(name, settings))
    try:
        await port.open()
    except BaseException:
        await port.close()
        raise
    return port


class FilesPort:
    """One folder and its thread, shared by the devices in it.

    Paths are relative to the folder. Characteristics: in a path · out a text · one access at a
    time, first come first served · a cancelled caller leaves, the access ends first · not durable.
    """

    is_broken = False
    """Nothing is held open that could break."""

    def __init__(self, name: str, root: Path) -> None:
        self._tree = Tree(root)
        self._worker = Worker(name)

    async def read(self, path: str) -> str:
        """Return what a file says, without white space around it; may be empty.

        Raises:
            DeviceAbsent: no such file, its device is gone, or it may not be read.
            DeviceTimeout: the device is late, twice, or the read hangs.
            DeviceFault: the device fails, twice, or the file has no end.
        """
        return await self._worker.run(self._tree.read, path, timeout_s=ACCESS_S)

    async def write(self, path: str, text: str) -> None:
        """Write a file in one go, once. Raises as `read`."""
        await self._worker.run(self._tree.write, path, text, timeout_s=ACCESS_S)

    async def find(self, pattern: str) -> list[str]:
        """Return the paths that a pattern with `*` matches, in order; at most `FOUND_MAX`."""
        return await self._worker.run(self._tree.find, pattern, timeout_s=ACCESS_S)

    async def resolve(self, path: str) -> str:
        """Return where a path really leads, links followed. Raises as `read`."""
        return await self._worker.run(self._tree.resolve, path, timeout_s=ACCESS_S)

    async def may_write(self, path: str) -> bool:
        """Return whether a file is there and may be written."""
        return await self._worker.run(self._tree.may_write, path, timeout_s=ACCESS_S)

    async def open(self) -> None:
        """Look whether the folder is there. Raises DeviceAbsent."""
        await self._worker.run(self._tree.prove, timeout_s=ACCESS_S)

    async def close(self) -> None:
        """End the thread behind the access that is under way."""
        await self._worker.close()


@dataclass(frozen=True, slots=True)
class Tree:
    """The folder itself; blocks. The one place where a file's errors are translated."""

    root: Path

    def prove(self) -> None:
        """Raise DeviceAbsent where there is no such folder."""
        if not self.root.is_dir():
            raise DeviceAbsent(f"there is no folder {self.root}")

    def read(self, path: str) -> str:
        """Return a file's text."""
        full = self._full(path)
        raw = self._translated(full, lambda: tried_twice(lambda: _read_bytes(full)))
        if len(raw) > BYTES_MAX:
            raise DeviceFault(f"{full} holds more than {BYTES_MAX} bytes")
        return raw.decode(errors="replace").strip(" \t\r\n\0")

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        full = self._full(path)
        self._translated(full, lambda: _write_bytes(full, text.encode()))

    def find(self, pattern: str) -> list[str]:
        """Return the paths that match."""
        found = islice(self.root.glob(pattern), FOUND_MAX)
        return sorted((str(each.relative_to(self.root)) for each in found), key=_by_number)

    def resolve(self, path: str) -> str:
        """Return the path without links."""
        full = self._full(path)
        real = self._translated(full, lambda: full.resolve(strict=True))
        root = self.root.resolve()
        if not real.is_relative_to(root):
            raise DeviceFault(f"{full} leads out of {root}, to {real}")
        return str(real.relative_to(root))

    def may_write(self, path: str) -> bool:
        """Return whether the file can be written."""
        return os.access(self._full(path), os.W_OK)

    def _full(self, path: str) -> Path:
        assert not path.startswith("/") and ".." not in path.split("/"), "paths stay inside"
        return self.root / path

    def _translated(self, full: Path, job: Callable[[], T]) -> T:
        try:
            return job()
        except OSError as error:
            raise translated(full, error) from error


def tried_twice(job: Callable[[], T]) -> T:
    """Return what a job gives at its first or, after a disturbance, at its second try."""
    try:
        return job()
    except OSError as error:
        if error.errno not in _DISTURBED:
            raise
    return job()


def translated(full: Path, error: OSError) -> DeviceError:
    """Return what a file's error means for its device."""
    code, words = error.errno, error.strerror
    if code in _GONE:
        return DeviceAbsent(f"there is no {full}")
    if code in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return DeviceAbsent(f"{full} is not for this user or service to touch ({words})")
    if code in _LATE:
        return DeviceTimeout(f"{full}: {words}")
    return DeviceFault(f"{full}: {words}")


def _read_bytes(full: Path) -> bytes:
    """Return all bytes of a file, at most one more than `BYTES_MAX`."""
    handle = os.open(full, os.O_RDONLY | os.O_CLOEXEC)
    try:
        raw = b""
        while len(raw) <= BYTES_MAX and (chunk := os.read(handle, BYTES_MAX + 1 - len(raw))):
            raw += chunk
        return raw
    finally:
        os.close(handle)


def _write_bytes(full: Path, data: bytes) -> None:
    """Write in one call, because each call is a command of its own to the kernel."""
    handle = os.open(full, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        if os.write(handle, data) < len(data):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    finally:
        os.close(handle)


def _by_number(path: str) -> tuple[tuple[int, str], ...]:
    """Return a key that puts hwmon10 behind hwmon9."""
    return tuple(
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path)
    )
