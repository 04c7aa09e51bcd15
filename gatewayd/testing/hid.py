"""HID boards without USB: models of boards, a wire of `FakePorts`, and a kernel behind ioctl."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol
from unittest import mock

from gatewayd.errors import DeviceAbsent, DeviceError, DeviceTimeout
from gatewayd.testing.wires import Gate


class HidModel(Protocol):
    """A device; each method raises OSError for what it does not know."""

    title: str

    def get_feature(self, report: int) -> bytes:
        """Return a feature report."""
        ...

    def set_feature(self, data: bytes) -> None:
        """Take a feature report, its number first."""
        ...

    def write(self, data: bytes) -> None:
        """Take an output report, its number first."""
        ...


class UsbRelay:
    """A V-USB board: `relays` is what a person would see and hear."""

    def __init__(self, relays: int = 2, title: str = "") -> None:
        self.title = title or f"www.dcttech.com USBRelay{relays}"
        self.relays = [False] * relays
        self.serial = b"BITFT"
        self.reports: list[bytes] = []
        """Everything that was set."""

    def get_feature(self, report: int) -> bytes:
        """Return serial number and states; the board numbers no reports and sends eight bytes."""
        states = sum(is_on << place for place, is_on in enumerate(self.relays))
        data = self.serial + b"\0\0" + bytes([states])
        return data if report else b"\0" + data

    def set_feature(self, data: bytes) -> None:
        """Switch one relay, or all."""
        self.reports.append(data)
        if len(data) != 9 or data[0] or data[1] not in (0xFF, 0xFD, 0xFE, 0xFC):
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        every = data[1] in (0xFE, 0xFC)
        places = range(len(self.relays)) if every else [data[2] - 1]
        for place in places:
            self.relays[place] = data[1] in (0xFF, 0xFE)

    def write(self, data: bytes) -> None:
        """Refuse: the board has no output reports."""
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))


class HidRelay:
    """A CH55x board: output reports alone, and no answer."""

    def __init__(self, relays: int = 1) -> None:
        self.title = "Ucreatefun.com HIDRelay"
        self.relays = [False] * relays

    def get_feature(self, report: int) -> bytes:
        """Refuse: the board has no feature reports."""
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))

    def set_feature(self, data: bytes) -> None:
        """Refuse."""
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))

    def write(self, data: bytes) -> None:
        """Switch one relay."""
        assert data[0] == 0
        self.relays[(data[1] & 0x0F) - 1] = data[1] >= 0xF0


@dataclass(slots=True)
class FakeHid:
    """A HID device; the surface of `HidPort`.

    Attributes:
        model: None is a device that does not answer.
        fault: raised instead of doing anything.
    """

    name: str
    gate: Gate
    model: HidModel | None = None
    fault: DeviceError | None = None
    is_broken: bool = False

    async def title(self) -> str:
        """Return what the device calls itself."""
        return (await self._answering()).title

    async def get_feature(self, report: int, size: int) -> bytes:
        """Return a feature report."""
        return (await self._answering()).get_feature(report)[:size]

    async def set_feature(self, data: bytes) -> None:
        """Send a feature report."""
        (await self._answering()).set_feature(data)

    async def write(self, data: bytes) -> None:
        """Send an output report."""
        (await self._answering()).write(data)

    async def close(self) -> None:
        """Forget nothing: a test may look at the board afterwards."""

    async def _answering(self) -> HidModel:
        await self.gate.pass_through()
        if self.fault is not None:
            raise self.fault
        if self.is_broken:
            raise DeviceAbsent(f"{self.name} is gone")
        if self.model is None:
            raise DeviceTimeout(f"{self.name} did not answer")
        return self.model


@dataclass(slots=True)
class FakeHidKernel:
    """What the kernel does behind /dev/hidrawN, for the real port.

    Attributes:
        boards: by node; one that is taken out is unplugged, and what is open on it fails.
        open_files: nodes by file descriptor.
        errno: what every transfer ends with, or 0.
    """

    boards: dict[str, HidModel]
    open_files: dict[int, str] = field(default_factory=dict)
    errno: int = 0
    _next: int = 1000

    @contextmanager
    def installed(self) -> Iterator[FakeHidKernel]:
        """Put this kernel under the port for a while."""
        calls = SimpleNamespace(
            open=self._open,
            close=self._close,
            write=self._write,
            O_RDWR=os.O_RDWR,
            O_CLOEXEC=os.O_CLOEXEC,
        )
        with (
            mock.patch("gatewayd.ports.hid.os", calls),
            mock.patch("gatewayd.ports.hid.ioctl", self._ioctl),
        ):
            yield self

    def plug(self, sysfs: Path, node: str, id: str, place: str) -> None:
        """Show a board in a folder that stands for /sys/class/hidraw."""
        folder = sysfs / node.removeprefix("/dev/") / "device"
        folder.mkdir(parents=True)
        maker, kind = id.upper().split(":")
        (folder / "uevent").write_text(
            f"DRIVER=hid-generic\nHID_ID=0003:0000{maker}:0000{kind}\n"
            f"HID_NAME={self.boards[node].title}\nHID_PHYS={place}/input0\nHID_UNIQ=BITFT\n"
        )

    def _open(self, path: str, _flags: int) -> int:
        if path not in self.boards:
            raise _error(errno.ENOENT)
        if self.errno == errno.EACCES:
            raise _error(errno.EACCES)
        self._next += 1
        self.open_files[self._next] = path
        return self._next

    def _close(self, file: int) -> None:
        del self.open_files[file]

    def _board(self, file: int) -> HidModel:
        board = self.boards.get(self.open_files[file])
        if board is None:
            raise _error(errno.ENODEV)
        if self.errno:
            raise _error(self.errno)
        return board

    def _write(self, file: int, data: bytes) -> int:
        self._board(file).write(data)
        return len(data)

    def _ioctl(self, file: int, request: int, data: bytes | bytearray) -> int | bytes:
        """As `fcntl.ioctl`: bytes are answered with bytes, a bytearray is changed in place."""
        assert request >> 8 & 0xFF == ord("H")
        assert request >> 16 & 0x3FFF == len(data)
        match request & 0xFF:
            case 6 if request >> 30 == 3:
                self._board(file).set_feature(bytes(data))
                return bytes(data)
            case 7 if request >> 30 == 3:
                assert isinstance(data, bytearray)
                report = self._board(file).get_feature(data[0])[: len(data)]
                data[: len(report)] = report
                return len(report)
            case 4 if request >> 30 == 2:
                return self._board(file).title.encode().ljust(len(data), b"\0")
        raise _error(errno.ENOTTY)


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
