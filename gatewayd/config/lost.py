"""Outputs that nobody may write, because a mistake hides which they are or what is safe.

Who makes outputs safe must know of them too: an output that is passed over without a word would
be taken for a safe one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatewayd.config.devices import is_harmless
from gatewayd.config.parts import speaks_of_outputs
from gatewayd.config.problems import Report
from gatewayd.config.settings import DeviceSettings, Settings
from gatewayd.config.wires import port_of
from gatewayd.driver import is_output


def trusted(settings: Settings, document: Mapping[str, Any], report: Report) -> Settings:
    """Return the settings without devices whose wire, address or safe value is in doubt.

    Where a mistake was, a stand-in may be: good enough to look for more mistakes, not to write
    to hardware. A mistake in a device's times or tuning does not keep it from being made safe.
    Those left out that have outputs are in `lost`, each with its first mistake.
    """
    bad_ports = {keys[1] for keys in report.wrong if keys[:1] == ("port",) and len(keys) > 1}
    devices = {
        name: device
        for name, device in settings.devices.items()
        if port_of(device) not in bad_ports
        and all(is_harmless(keys) for keys in report.wrong if keys[:2] == ("device", name))
        and all(each.id in device.limits for each in device.channels if is_output(each))
    }
    tables = document.get("device")
    lost = {
        name: _reason(name, settings.devices.get(name), report)
        for name, section in (tables if isinstance(tables, Mapping) else {}).items()
        if name not in devices and may_have_outputs(settings.devices.get(name), section)
    }
    ports = {name: port for name, port in settings.ports.items() if name not in bad_ports}
    return replace(settings, devices=devices, ports=ports, lost=lost)


def may_have_outputs(device: DeviceSettings | None, section: object) -> bool:
    """Return whether a section with mistakes is about outputs, as far as can be told.

    By its channels where they are known; else by what the section says.
    """
    if device is not None and device.channels:
        return any(is_output(channel) for channel in device.channels)
    return speaks_of_outputs(section)


def _reason(name: str, device: DeviceSettings | None, report: Report) -> str:
    port = None if device is None else port_of(device)
    places = {("device", name), ("port", port)}
    told = [
        problem
        for keys, problem in report.reasons.items()
        if keys[:2] in places and not is_harmless(keys)
    ]
    first = min(told, key=lambda problem: problem.line, default=None)
    if first is None:
        return "its section has mistakes"
    where = f"line {first.line}" if first.line else first.file
    nearest = f", nearest: {first.nearest}" if first.nearest else ""
    return f"its section has mistakes: {where}: {first.found}{nearest}"
