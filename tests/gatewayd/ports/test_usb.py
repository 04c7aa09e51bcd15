"""The adapter under a serial line, in a tree like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.ports import usb as module
from gatewayd.ports.usb import USBDEVFS_RESET, find_usb, reset_usb


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch on again at once: nothing is torn down here."""
    monkeypatch.setattr(module, "OFF_S", 0.0)


class Tree:
    """/sys with USB adapters in it."""

    def __init__(self, root: Path) -> None:
        self.ttys = root / "class" / "tty"
        self.usb = root / "devices" / "usb1"
        self.ttys.mkdir(parents=True)

    def adapter(self, place: str, *lines: str) -> Path:
        """Plug an adapter in and return its folder."""
        folder = self.usb / place
        for number, line in enumerate(lines):
            port = folder / f"{place}:1.{number}" / line
            port.mkdir(parents=True)
            (self.ttys / line).mkdir()
            (self.ttys / line / "device").symlink_to(port)
        for name, text in (("idVendor", "0403"), ("authorized", "1")):
            (folder / name).write_text(text)
        return folder

    def locked(self, place: str, buses: Path) -> Path:
        """Plug one in that may not be switched, and return its node on the bus."""
        folder = self.adapter(place, "ttyUSB0")
        (folder / "authorized").unlink()
        (folder / "authorized").mkdir()  # Not even root can write that.
        for name, number in (("busnum", 1), ("devnum", 7)):
            (folder / name).write_text(f"{number}\n")
        node = buses / "001" / "007"
        node.parent.mkdir(parents=True)
        node.touch()
        return node


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


async def test_an_adapter_is_switched_off_and_on(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order, and that one alone."""
    folder, other = tree.adapter("1-1.2", "ttyUSB0"), tree.adapter("1-1.3", "ttyUSB1")
    written: list[tuple[Path, str]] = []
    monkeypatch.setattr(Path, "write_text", lambda path, text: written.append((path, text)))
    assert await reset_usb("/dev/ttyUSB0", tree.ttys) == "1-1.2"
    assert written == [(folder / "authorized", "0"), (folder / "authorized", "1")]
    assert other.exists()


async def test_an_adapter_that_carries_others_is_left_alone(tree: Tree) -> None:
    """Four lines in one plug: three may be well."""
    tree.adapter("1-1.2", "ttyUSB0", "ttyUSB1")
    with pytest.raises(DeviceFault, match="carries ttyUSB0, ttyUSB1"):
        await reset_usb("/dev/ttyUSB0", tree.ttys)


async def test_what_may_not_be_switched_is_reset(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the device's own node, which a service without root may be given."""
    node = tree.locked("1-1.2", tmp_path / "bus")
    asked: list[tuple[str, int]] = []

    def kernel(fd: int, request: int, _: int) -> None:
        asked.append((str(Path(f"/proc/self/fd/{fd}").readlink()), request))

    monkeypatch.setattr(module, "ioctl", kernel)
    assert await reset_usb("/dev/ttyUSB0", tree.ttys, tmp_path / "bus") == "1-1.2"
    assert asked == [(str(node), USBDEVFS_RESET)]


async def test_what_may_neither_be_switched_nor_reset_is_said(tree: Tree, tmp_path: Path) -> None:
    """The ladder goes on."""
    tree.locked("1-1.2", tmp_path / "bus")  # A plain file knows no such request.
    with pytest.raises(DeviceFault, match=r"USB 1-1\.2 may be neither switched .* nor reset"):
        await reset_usb("/dev/ttyUSB0", tree.ttys, tmp_path / "bus")


def test_a_line_without_usb_is_no_adapter(tree: Tree) -> None:
    """The Pi's own UART; and one that is not there at all."""
    uart = tree.usb.parent / "serial0"
    uart.mkdir(parents=True)
    (tree.ttys / "ttyAMA0").mkdir()
    (tree.ttys / "ttyAMA0" / "device").symlink_to(uart)
    with pytest.raises(DeviceFault, match="is no USB adapter"):
        find_usb("/dev/ttyAMA0", tree.ttys)
    with pytest.raises(DeviceAbsent):
        find_usb("/dev/ttyUSB7", tree.ttys)
