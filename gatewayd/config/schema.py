"""The JSON Schema of the configuration, for editors that know one (taplo, Even Better TOML).

A union of drivers is written as `if driver is X then …`, not as `oneOf`: with `oneOf` an editor
marks every key of a table for one wrong value.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from gatewayd.config.devices import Pace
from gatewayd.config.limits import OUTPUT
from gatewayd.config.ports import MODULES
from gatewayd.config.settings import (
    ClockSettings,
    Console,
    Gateway,
    OutboxSettings,
    TotalsSettings,
)
from gatewayd.config.shapes import shape_of
from gatewayd.config.uplinks import cloud_kinds
from gatewayd.driver import driver_kinds, load_driver
from gatewayd.errors import ConfigError
from gatewayd.output import Limits
from gatewayd.routes import Route
from gatewayd.tuning import Tuning

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The one that editors for TOML know."""

NAME = {"pattern": "^[A-Za-z0-9_~][A-Za-z0-9._~-]{0,63}$"}

Table = dict[str, Any]


def schema() -> Table:
    """Return the schema, with all drivers and clouds that can be imported here."""
    definitions: Table = {}
    single = {
        "gateway": Gateway,
        "clock": ClockSettings,
        "outbox": OutboxSettings,
        "console": Console,
        "totals": TotalsSettings,
    }
    properties: Table = {}
    for name, kind in single.items():
        properties[name] = _table(kind, name, definitions)
    ports: dict[str, type | None] = {
        name: importlib.import_module(module).Settings for name, module in MODULES.items()
    }
    drivers = {name: _driver_config(name) for name in driver_kinds()}
    clouds = {name: _cloud_config(module) for name, module in cloud_kinds().items()}
    properties["port"] = _named(_union("port", "type", ports, {}, definitions))
    common = _common(definitions)
    properties["device"] = _named(_union("device", "driver", drivers, common, definitions))
    properties["uplink"] = _named(_union("uplink", "kind", clouds, {}, definitions))
    properties["route"] = {"type": "array", "items": _table(Route, "route", definitions)}
    return {
        "$schema": DRAFT,
        "title": "gatewayd configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": definitions,
    }


def _table(kind: type, prefix: str, definitions: Table) -> Table:
    table, inner = shape_of(kind).json_schema(prefix)
    definitions.update({name: _as_draft_7(each) for name, each in inner.items()})
    made: Table = _as_draft_7(table)
    return made


def _as_draft_7(schema: Any) -> Any:
    """Return a schema with lists of fixed length (`[low, high]`) as that draft writes them."""
    if isinstance(schema, list):
        return [_as_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "items" if key == "prefixItems" else key: _as_draft_7(value)
        for key, value in schema.items()
    }


def _named(section: Table) -> Table:
    return {"type": "object", "propertyNames": NAME, "additionalProperties": section}


def _union(
    section: str,
    key: str,
    kinds: Mapping[str, type | None],
    common: Table,
    definitions: Table,
) -> Table:
    """Return a table whose further keys depend on the value of one."""
    branches = []
    for name, kind in sorted(kinds.items()):
        if kind is None:
            continue
        table = _table(kind, f"{section}.{name}", definitions)
        table["properties"] = {key: {"const": name}, **common, **table.get("properties", {})}
        definitions[f"{section}.{name}"] = table
        condition = {"properties": {key: {"const": name}}, "required": [key]}
        branches.append({"if": condition, "then": {"$ref": f"#/$defs/{section}.{name}"}})
    chosen: Table = {"enum": sorted(kinds)}
    return {"type": "object", "required": [key], "properties": {key: chosen}, "allOf": branches}


def _common(definitions: Table) -> Table:
    """Return the keys that every device may have."""
    outputs = _table(Limits, "limits", definitions)["properties"]
    # Text for a switch, a number for a level; which, only the driver knows.
    outputs["safe"] = {"type": ["string", "number", "boolean", "object"]}
    tunings = _table(Tuning, "tuning", definitions)["properties"]
    channel = {
        "type": "object",
        "properties": {**tunings, **outputs},
        "additionalProperties": False,
    }
    return {
        **_table(Pace, "pace", {})["properties"],
        **{key: outputs[key] for key in OUTPUT},
        "channel": _named(channel),
    }


def _driver_config(kind: str) -> type | None:
    try:
        return load_driver(kind).config
    except ConfigError:
        return None  # A package that it needs is missing; its keys cannot be told.


def _cloud_config(module: str) -> type | None:
    try:
        config: type = importlib.import_module(module).Config
    except ModuleNotFoundError:
        return None
    return config
