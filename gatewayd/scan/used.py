"""What of the wires the configuration uses already."""

from __future__ import annotations

from collections.abc import Iterator

from gatewayd.config.settings import DeviceSettings, Settings
from gatewayd.config.wires import port_of, real_name

KEYS = ("address", "line", "lines", "slave", "sensor", "sensors", "id")
"""Keys that tell one device from another on the same wire."""


def used_places(settings: Settings) -> dict[tuple[str, object], str]:
    """Return each device's name by wire and place there; the place None is the wire itself."""
    used: dict[tuple[str, object], str] = {}
    for device in settings.devices.values():
        port = port_of(device)
        if port is None:
            continue
        wire = real_name(port, settings.ports)
        used.setdefault((wire, None), device.name)
        for place in _places(device):
            used[wire, place] = device.name
    return used


def _places(device: DeviceSettings) -> Iterator[object]:
    for key in KEYS:
        value = getattr(device.config, key, None)
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list | tuple):
            yield from value
        elif value is not None:
            yield value
