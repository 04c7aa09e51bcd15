"""What a serial port is called, by what it is rather than by the order of plugging.

    /dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0   this adapter, wherever it is plugged in
    /dev/serial/by-path/…-usb-0:1.2:1.0-port0               whatever is plugged in there
    usb:A50285BI                                            the adapter with this serial number
    usb:0403:6001 or usb:0403:6001:A50285BI                 of this maker and kind (and number)
    /dev/ttyAMA0, /dev/ttyS0                                the Pi's own
    socket://host:port, rfc2217://host:port, tcp:host:port  behind a network

/dev/ttyUSB0 is whichever adapter was found first: plug in another one and it may be that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault

BY_ID, BY_PATH = Path("/dev/serial/by-id"), Path("/dev/serial/by-path")

USB_NODES = ("/dev/ttyUSB*", "/dev/ttyACM*")
"""Every name that Linux gives to an adapter that has no driver of its own for names."""

NUMBERLESS = "usb-1a86_"
"""CH340 adapters carry no serial number: the by-id name of one is that of all."""

SHOWN_MAX = 8
"""Adapters that a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """`find = { slave = 3 }` in a `[port.NAME]`: the adapter behind which that slave answers.

    Every candidate that no other device has open is asked for one register of that slave. Name
    one that is always on: the other slaves of its line are found through it.

    Attributes:
        candidates: paths with `*`. Each gets a Modbus question: leave out what must not.
    """

    slave: int
    candidates: tuple[str, ...] = (f"{BY_ID}/*", f"{BY_PATH}/*")

    def __post_init__(self) -> None:
        """Refuse slaves that cannot be."""
        if not 1 <= self.slave <= 255:
            raise ValueError("slave is 1 to 255")
        if not self.candidates:
            raise ValueError('candidates is a list such as ["/dev/serial/by-id/*"]')


class Adapter(NamedTuple):
    """A USB adapter that is plugged in."""

    device: str
    vendor: str
    product: str
    serial: str

    def __str__(self) -> str:
        return f"usb:{self.vendor}:{self.product}" + (f":{self.serial}" if self.serial else "")


def split_usb(path: str) -> tuple[str, str, str]:
    """Return vendor, product and serial number that a `usb:` name asks for; empty is any.

    Raises:
        ConfigError: nothing behind `usb:`.
    """
    match = re.fullmatch(r"usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(.+))?", path)
    if match:
        return match[1].lower(), match[2].lower(), match[3] or ""
    serial = path.removeprefix("usb:")
    if not serial or ":" in serial:
        raise ConfigError(
            f"{path} is no adapter; expected usb:SERIALNUMBER or usb:VID:PID[:SERIAL]"
        )
    return "", "", serial


def choose(path: str, adapters: Sequence[Adapter]) -> str:
    """Return the device of the one adapter that a `usb:` name means.

    Raises:
        ConfigError: the name is none.
        DeviceAbsent: it is not plugged in; the sentence tells what is.
        DeviceFault: several are that, so that any choice would be chance.
    """
    vendor, product, serial = split_usb(path)
    found = [
        each.device
        for each in adapters
        if each.serial == (serial or each.serial)
        and (each.vendor, each.product) == (vendor or each.vendor, product or each.product)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        told = " and ".join(sorted(found)[:SHOWN_MAX])
        raise DeviceFault(f"{path} is {told}; name one by its place, /dev/serial/by-path/…")
    there = ", ".join(str(each) for each in adapters[:SHOWN_MAX])
    raise DeviceAbsent(f"{path} is not plugged in; here is {there or 'no USB serial adapter'}")


def locate(path: str) -> str:
    """Return what pyserial can open for a port's name; blocks for some milliseconds.

    Raises as `choose`.
    """
    return choose(path, list(_adapters())) if path.startswith("usb:") else path


def _adapters() -> Iterable[Adapter]:
    from serial.tools.list_ports import comports

    for port in comports():
        if port.vid is not None and port.pid is not None:
            serial = port.serial_number or ""
            yield Adapter(port.device, f"{port.vid:04x}", f"{port.pid:04x}", serial)


def stable_name(node: str, by_id: Path = BY_ID, by_path: Path = BY_PATH) -> str | None:
    """Return what to write instead of /dev/ttyUSB0, if it is plugged in here; else None."""
    names: list[str] = []
    for folder in (by_id, by_path):
        links = sorted(folder.iterdir()) if folder.is_dir() else []
        names += [str(link) for link in links if str(link.resolve()) == str(Path(node).resolve())]
    own = [name for name in names if NUMBERLESS not in name]
    return next(iter(own or names), None)


def nodes_of(name: str, section: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return the nodes, as paths with `*`, whose appearance may mean that a wire is back."""
    keys = section or {}
    find, path = keys.get("find"), str(keys.get("path", name))
    bus, chip = keys.get("bus"), str(keys.get("chip", ""))
    if isinstance(find, Find):
        return find.candidates
    if isinstance(bus, int):
        return (f"/dev/i2c-{bus}",)
    if match := re.fullmatch(r"i2c:(\d+)", name):
        return (f"/dev/i2c-{match[1]}",)
    if chip or name.startswith("gpio:"):
        which = chip or name.removeprefix("gpio:")
        return (which if which.startswith("/") else "/dev/gpiochip*",)
    if path.startswith("hid:"):
        return ("/dev/hidraw*",)
    if path.startswith("usb:"):
        return USB_NODES
    return (path,) if path.startswith("/") else ()
