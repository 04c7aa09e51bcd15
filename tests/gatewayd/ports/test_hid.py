"""The HID port over a kernel that remembers: the system calls are the fake, the port is real."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports.hid import (
    RAW_NAME_CODE,
    HidPort,
    get_feature_code,
    list_hid,
    locate,
    open_hid,
    set_feature_code,
)
from gatewayd.testing.hid import FakeHidKernel, HidRelay, UsbRelay

NODE, OTHER = "/dev/hidraw0", "/dev/hidraw10"
ID, PLACE = "16c0:05df", "usb-0000:01:00.0-1.2"


@pytest.fixture
def kernel() -> Iterator[FakeHidKernel]:
    with FakeHidKernel({NODE: UsbRelay(2)}).installed() as kernel:
        yield kernel


@pytest.fixture
async def port(kernel: FakeHidKernel) -> AsyncIterator[HidPort]:
    port = await open_hid(NODE)
    yield port
    await port.close()
    assert not kernel.open_files


def test_the_codes_are_the_kernels() -> None:
    """Source: include/uapi/linux/hidraw.h, worked out by the C preprocessor."""
    assert set_feature_code(9) == 0xC0094806
    assert get_feature_code(9) == 0xC0094807
    assert RAW_NAME_CODE == 0x81004804


async def test_reports_are_sent_and_fetched(kernel: FakeHidKernel, port: HidPort) -> None:
    """And the device's name is known."""
    assert await port.title() == "www.dcttech.com USBRelay2"
    await port.set_feature(bytes([0, 0xFF, 2, 0, 0, 0, 0, 0, 0]))
    assert await port.get_feature(1, 9) == b"BITFT\0\0\x02"
    with pytest.raises(DeviceFault, match="refuses"):
        await port.write(b"\0\xf1")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.EPIPE, DeviceFault),
        (errno.ETIMEDOUT, DeviceTimeout),
        (errno.ENODEV, DeviceAbsent),
        (errno.EIO, DeviceAbsent),
    ],
)
async def test_what_the_kernel_says_is_translated(
    kernel: FakeHidKernel, port: HidPort, code: int, error: type[DeviceError]
) -> None:
    """A board that is gone breaks the wire, so that the next one to enter opens it anew."""
    kernel.errno = code
    with pytest.raises(error):
        await port.get_feature(1, 9)
    assert port.is_broken == (error is DeviceAbsent)


async def test_a_board_that_is_pulled_is_absent(kernel: FakeHidKernel, port: HidPort) -> None:
    """In the middle of its life."""
    del kernel.boards[NODE]
    with pytest.raises(DeviceAbsent):
        await port.set_feature(bytes(9))
    assert port.is_broken


async def test_a_board_that_is_not_there_or_not_ours_does_not_open(kernel: FakeHidKernel) -> None:
    """With a sentence about what to do; nothing stays open."""
    with pytest.raises(DeviceAbsent):
        await open_hid(OTHER)
    kernel.errno = errno.EACCES
    with pytest.raises(DeviceAbsent, match="no right"):
        await open_hid(NODE)
    assert not kernel.open_files


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    kernel = FakeHidKernel({NODE: UsbRelay(2), OTHER: UsbRelay(4), "/dev/hidraw2": HidRelay()})
    kernel.plug(tmp_path, NODE, ID, PLACE)
    kernel.plug(tmp_path, OTHER, ID, "usb-0000:01:00.0-1.3")
    kernel.plug(tmp_path, "/dev/hidraw2", "0519:2018", "usb-0000:01:00.0-1.4")
    (tmp_path / "hidraw7").mkdir()  # Pulled while we look.
    return tmp_path


def test_a_board_is_found_by_what_it_is_and_where(sysfs: Path) -> None:
    """Its numbers, if it is alone; else its place."""
    assert locate("hid:0519:2018", sysfs) == "/dev/hidraw2"
    assert locate(f"hid:{PLACE}", sysfs) == NODE
    assert locate("hid:usb-0000:01:00.0-1.3", sysfs) == OTHER
    assert locate(OTHER, sysfs) == OTHER


def test_one_of_two_alike_must_be_named(sysfs: Path) -> None:
    """The sentence has both names."""
    with pytest.raises(DeviceFault, match=rf"2 boards; .* hid:{PLACE} or hid:usb"):
        locate("hid:16C0:05DF", sysfs)


def test_what_is_not_plugged_in_is_absent_and_what_is_no_name_a_mistake(sysfs: Path) -> None:
    """Two different things to do about it."""
    with pytest.raises(DeviceAbsent, match="plugged in"):
        locate("hid:dead:beef", sysfs)
    for name in ("hid:", "usb:16c0:05df", "/dev/ttyUSB0", "/dev/hidraw0/../sda"):
        with pytest.raises(ConfigError):
            locate(name, sysfs)


def test_all_devices_are_listed(sysfs: Path) -> None:
    """In the order of their numbers; one that vanishes meanwhile is left out."""
    listed = list_hid(sysfs)
    assert [each.path for each in listed] == [NODE, "/dev/hidraw2", OTHER]
    assert listed[0] == (NODE, ID, PLACE, "www.dcttech.com USBRelay2")
    assert list_hid(sysfs / "none") == []
