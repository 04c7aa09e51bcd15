"""The USB adapter under a serial line: switched off and on, as if it were pulled and put back.

Strategy: the kernel lets go of a USB device whose `authorized` file says 0 and takes it up anew at
1; its firmware stays powered, its driver starts from nothing. Where that file may not be written
(no root, `ProtectKernelTunables`), a bus reset through the device's node does nearly as much, if
the node may be written; where neither may, nothing is done and that is said. Only an adapter that
carries a single serial line is touched: what else it carries may be somebody's who is well.

Source: Linux kernel, Documentation/usb/authorization.rst; usbdevice_fs.h, USBDEVFS_RESET.
"""

from __future__ import annotations

import os
import time
from fcntl import ioctl
from pathlib import Path

from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.ports.names import locate
from gatewayd.ports.worker import Worker

TTYS, BUSES = Path("/sys/class/tty"), Path("/dev/bus/usb")

USBDEVFS_RESET = 0x5514

OFF_S = 0.5
"""How long the adapter stays away: its driver's teardown takes some ten milliseconds."""

RESET_S = 10.0


async def reset_usb(path: str, ttys: Path = TTYS, buses: Path = BUSES) -> str:
    """Switch the adapter of a serial line off and on; return its place (`1-1.2`).

    The node disappears and comes back within a second or so.

    Raises:
        DeviceAbsent: no such line.
        DeviceFault: it is no USB adapter, carries other lines too, or may not be switched.
        DeviceTimeout: the kernel does not come back.
    """
    worker = Worker(f"usb {path}")
    try:
        return await worker.run(_switch, path, ttys, buses, timeout_s=RESET_S)
    finally:
        await worker.close()


def find_usb(node: str, ttys: Path = TTYS) -> Path:
    """Return the sysfs folder of the USB device under a serial line. Raises as `reset_usb`."""
    device = ttys / Path(node).resolve().name / "device"
    if not device.exists():
        raise DeviceAbsent(f"no adapter is under {node}")
    folder = next((each for each in device.resolve().parents if _is_usb(each)), None)
    if folder is None:
        raise DeviceFault(f"{node} is no USB adapter")
    lines = {each.name for each in ttys.iterdir() if folder in (each / "device").resolve().parents}
    if len(lines) > 1:
        raise DeviceFault(f"the adapter of {node} carries {', '.join(sorted(lines))}")
    return folder


def _is_usb(folder: Path) -> bool:
    return (folder / "authorized").exists() and (folder / "idVendor").exists()


def _switch(path: str, ttys: Path, buses: Path) -> str:
    folder = find_usb(locate(path), ttys)
    authorized = folder / "authorized"
    try:
        authorized.write_text("0")
        try:
            time.sleep(OFF_S)
        finally:
            authorized.write_text("1")
    except OSError as error:
        try:
            _reset_bus(folder, buses)
        except OSError as worse:
            told = f"neither switched ({error.strerror}) nor reset ({worse.strerror})"
            raise DeviceFault(f"USB {folder.name} may be {told}") from worse
    return folder.name


def _reset_bus(folder: Path, buses: Path) -> None:
    numbers = [int((folder / name).read_text()) for name in ("busnum", "devnum")]
    node = os.open(buses / "{:03}/{:03}".format(*numbers), os.O_WRONLY | os.O_CLOEXEC)
    try:
        ioctl(node, USBDEVFS_RESET, 0)
    finally:
        os.close(node)
