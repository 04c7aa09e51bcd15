"""Parts of a configuration, for verbs that need little of it and soon.

Each takes the whole document and returns what is to be read of it. What is left out is not even
checked, and its drivers and clouds are not imported: that is most of what a reading costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gatewayd.config.limits import OUTPUT
from gatewayd.driver import read_example


def gateway_part(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells where the daemon of this gateway can be asked."""
    return {key: document[key] for key in ("gateway",) if key in document}


def outputs_part(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells which outputs there are, and what is safe.

    A device is left out if nothing at all says that it has outputs: no key of its section, and
    not its driver's example.
    """
    found = {key: document[key] for key in ("gateway", "port") if key in document}
    devices = document.get("device")
    if not isinstance(devices, Mapping):
        return found | ({"device": devices} if "device" in document else {})
    return found | {
        "device": {name: each for name, each in devices.items() if speaks_of_outputs(each)}
    }


def speaks_of_outputs(section: object) -> bool:
    """Return whether a device's section is about outputs, as far as can be told without reading
    it: by a key that only outputs have, or by its driver, whose example has a `safe` then."""
    if not isinstance(section, Mapping):
        return False
    return not set(OUTPUT).isdisjoint(_keys(section)) or _drives(section.get("driver"))


def _keys(section: Mapping[str, Any]) -> Iterator[str]:
    yield from section
    tables = section.get("channel")
    for table in tables.values() if isinstance(tables, Mapping) else ():
        if isinstance(table, Mapping):
            yield from table


def _drives(kind: object) -> bool:
    example = read_example(kind) if isinstance(kind, str) else ""
    return any(line.partition("=")[0].strip() == "safe" for line in example.splitlines())
