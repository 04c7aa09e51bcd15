"""The `[port.NAME]` sections: wires that several devices share or that need settings."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, one_of, show
from gatewayd.config.shapes import Shape, shape_of

MODULES = {
    "ble": "gatewayd.ports.ble",
    "files": "gatewayd.ports.files",
    "gpio": "gatewayd.ports.line",
    "i2c": "gatewayd.ports.i2c",
    "serial": "gatewayd.ports.tty",
}
"""Each type's wire; its `Settings` are the section's keys."""

TYPES = tuple(MODULES)


def read_port(name: str, section: Mapping[str, Any], report: Report) -> Mapping[str, object] | None:
    """Return the keys that the file gives for one wire, checked, `type` among them."""
    keys: Keys = ("port", name)
    kind = section.get("type")
    if kind is None:
        report.at_key(keys, f'no "type" for port {name}', one_of(TYPES))
        return None
    if kind not in TYPES:
        nearest = nearest_of(kind, TYPES)
        report.at_value((*keys, "type"), f"found {show(kind)}", one_of(TYPES), nearest)
        return None
    own = {key: value for key, value in section.items() if key != "type"}
    shape: Shape[object] = shape_of(importlib.import_module(MODULES[kind]).Settings)
    wire = shape.fill(own, keys, report)
    if wire is None:
        return None
    return {"type": kind, **{key: getattr(wire, key) for key in own if hasattr(wire, key)}}
