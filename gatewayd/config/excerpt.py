"""One device out of a configuration, for a recording that goes to somebody else."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit

from gatewayd.config.settings import DeviceSettings, Settings
from gatewayd.config.shapes import shape_of
from gatewayd.config.wires import port_of


def excerpt(settings: Settings, device: DeviceSettings) -> tuple[str, list[str]]:
    """Return the TOML of a device and of its wire, and the keys that were left out as secrets."""
    document: dict[str, Any] = tomllib.loads(settings.text)
    section = dict(document["device"][device.name])
    secrets = shape_of(device.driver.config).secrets()
    withheld = sorted(secrets & section.keys())
    for key in withheld:
        del section[key]
    told: dict[str, Any] = {"device": {device.name: section}}
    port = port_of(device)
    if port in settings.ports:
        told["port"] = {port: dict(document["port"][port])}
    return tomlkit.dumps(told), withheld
