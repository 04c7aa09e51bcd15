"""Which wire a device is on, by its real name, and what it claims there for itself alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gatewayd.config.settings import DeviceSettings

SHARED = ("modbus",)
"""Wire folders whose devices take turns on one serial line; on others a device has it alone."""

SLOW = ("ble", "modbus", "onewire", "serial")
"""Wires on which a reading takes tens of milliseconds and more."""

PORT_TYPE = {
    "ble": "ble",
    "gpio": "gpio",
    "i2c": "i2c",
    "modbus": "serial",
    "onewire": "files",
    "pwm": "files",
    "serial": "serial",
    "sysfs": "files",
}
"""The type of `[port.NAME]` that a driver of each wire folder can use."""


class Claim(NamedTuple):
    """Something that two devices cannot both have; `key` is where the file says it."""

    what: str
    key: str


def wire_of(device: DeviceSettings) -> str:
    """Return the folder of a built-in driver, `i2c` for drivers/i2c/; else an empty text."""
    root, _, rest = device.driver.describe.__module__.partition(".")
    return rest.partition(".")[0] if root == "drivers" else ""


def port_of(device: DeviceSettings) -> str | None:
    """Return what a device names as its wire, if it names one."""
    port = getattr(device.config, "port", None)
    return port if isinstance(port, str) else None


def real_name(port: str, ports: Mapping[str, Mapping[str, object]]) -> str:
    """Return one name for one wire, whether named directly or as a section."""
    section = ports.get(port)
    if section is not None:
        match section.get("type"):
            case "i2c":
                return f"i2c:{section.get('bus')}"
            case "ble":
                return f"ble:{section.get('adapter')}"
            case "gpio":
                return _chip(str(section.get("chip")))
            case _:
                return str(section.get("path", port))
    return _chip(port.removeprefix("gpio:")) if port.startswith("gpio:") else port


def claims(device: DeviceSettings, ports: Mapping[str, Mapping[str, object]]) -> Iterator[Claim]:
    """Yield what a device must have for itself."""
    port = port_of(device)
    if port is None:
        return
    wire, name = wire_of(device), real_name(port, ports)
    if wire == "i2c":
        yield from _chip_claims(device.config, name)
    elif wire == "gpio":
        for key in ("line", "lines"):
            for line in _lines(getattr(device.config, key, ())):
                yield Claim(f"line {line} on {name}", key)
    elif wire in {"hid", "serial"}:
        yield Claim(name, "port")
    elif wire == "pwm":
        chip = getattr(device.config, "chip", "")
        yield Claim(f"output {getattr(device.config, 'output', '')} of {chip}", "output")


def _chip_claims(config: object, bus: str) -> Iterator[Claim]:
    """Yield the chip's address, or the pins of an expander: its relays and its contacts are two
    devices on one chip.
    """
    address = getattr(config, "address", None)
    if not isinstance(address, int):
        return
    place = f"address {address:#04x} on {bus}"
    tables = {key: getattr(config, key, None) for key in ("inputs", "relays")}
    pins = [
        (key, pin)
        for key, table in tables.items()
        if isinstance(table, Mapping)
        for pin in table.values()
        if isinstance(pin, int)
    ]
    if not pins:
        yield Claim(place, "address")
    for key, pin in pins:
        yield Claim(f"pin {pin} of {place}", key)


def _lines(value: Any) -> Iterable[str]:
    if value is None:
        return []
    values = value.values() if isinstance(value, Mapping) else value
    values = [values] if isinstance(values, int | str) else values
    return [re.sub(r"^GPIO(?=\d+$)", "", str(line)) for line in values]


def _chip(name: str) -> str:
    return f"gpio:{re.sub(r'^(/dev/)?gpiochip(?=[0-9]+$)', '', name)}"
