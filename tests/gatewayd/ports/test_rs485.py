"""RS-485 direction control, with a kernel that remembers behind the ioctl."""

from __future__ import annotations

import errno
import struct

import pytest

from gatewayd.errors import ConfigError, DeviceFault
from gatewayd.ports import rs485 as module
from gatewayd.ports.modbus import open_modbus
from gatewayd.ports.rs485 import ENABLED, TIOCSRS485, Rs485, encode
from gatewayd.ports.serial import open_serial
from gatewayd.ports.tty import Settings, settings_of
from tests.peers.pty import plugged


class Kernel:
    """What the port's driver in the kernel keeps."""

    def __init__(self, taken: int = 0xFFFFFFFF) -> None:
        self.flags, self.delays_ms = 0, (0, 0)
        self.calls = 0
        self._taken = taken

    def ioctl(self, file: int, request: int, arg: bytes) -> bytes:
        """Take the setting as far as the hardware can, and return what was taken."""
        assert file >= 0
        assert request == TIOCSRS485
        flags, before, after, *spare = struct.unpack("=8I", arg)
        assert spare == [0] * 5
        self.calls += 1
        self.flags, self.delays_ms = flags & self._taken, (before, after)
        return struct.pack("=8I", self.flags, before, after, 0, 0, 0, 0, 0)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(module, "ioctl", kernel.ioctl)
    return kernel


@pytest.mark.parametrize(
    ("wanted", "flags", "delays_ms"),
    [
        (True, 0b00011, (0, 0)),
        (Rs485(delay_before=0.001, delay_after=0.02), 0b00011, (1, 20)),
        (Rs485(rts="low"), 0b00101, (0, 0)),
        (Rs485(hear_self=True), 0b10011, (0, 0)),
    ],
)
async def test_the_kernel_is_told_before_the_line_is_used(
    kernel: Kernel, wanted: bool | Rs485, flags: int, delays_ms: tuple[int, int]
) -> None:
    """By a serial line and by a Modbus line alike."""
    with plugged() as pty:
        await (await open_serial(pty.path, {"rs485": wanted})).close()
        assert (kernel.flags, kernel.delays_ms, kernel.calls) == (flags, delays_ms, 1)
    with plugged() as pty:
        await (await open_modbus(pty.path, {"rs485": wanted})).close()
        assert (kernel.flags, kernel.calls) == (flags, 2)


async def test_without_it_the_kernel_is_not_asked(kernel: Kernel) -> None:
    """Most adapters switch by themselves."""
    with plugged() as pty:
        await (await open_serial(pty.path, {})).close()
    assert kernel.calls == 0


async def test_a_kernel_that_takes_the_setting_and_leaves_it_off_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise nothing would ever be heard, and nobody would know why."""
    monkeypatch.setattr(module, "ioctl", Kernel(taken=~ENABLED).ioctl)
    with plugged() as pty, pytest.raises(DeviceFault, match=r"remove rs485 = \{ … \}"):
        await open_serial(pty.path, {"rs485": Rs485()})


def test_hardware_without_it_is_an_error_of_the_kernel() -> None:
    """A pty has none; the real ioctl says so."""
    with open("/dev/null", "rb") as file, pytest.raises(OSError) as raised:  # noqa: PTH123 — A file to ask.
        module.switch(file.fileno(), Rs485())
    assert raised.value.errno == errno.ENOTTY


def test_the_structure_is_the_kernels() -> None:
    """32 bytes. Source: include/uapi/linux/serial.h."""
    assert encode(Rs485(delay_after=0.1)).hex() == "030000000000000064000000" + "00" * 20


def test_what_cannot_be_is_refused() -> None:
    """Delays that the kernel would cut; a line behind a network, whose other end switches."""
    with pytest.raises(ValueError, match="100ms"):
        Rs485(delay_before=0.2)
    with pytest.raises(ValueError, match="network"):
        Settings(path="socket://host:1", rs485=True)
    with pytest.raises(ConfigError):
        settings_of("x", {"rs232": True})
