"""The resources that this gateway shows: what there is, of what kind, and its listing; pure.

    boiler                      output      all channels of a device, with the oldest one's age
    boiler/temperature          output      the value alone
    boiler/temperature/reading  output      the value with its quality, time and age
    pump/relay                  input       an output of ours; what it does now is its "in"
    pump/relay/reading          output
    pump/relay/outcome          output      why the last command was refused, or that it was done
    pump/relay/blink            run         the keeper's blinking, ended by the next command
    gateway                     output      health
    gateway/history             in and out  the last readings of a channel
    gateway/reset               run         restarts the daemon; reboot and poweroff likewise

Source: Thinger.io Arduino-Library 2.40.0, `thinger_resource.hpp`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from gatewayd.clouds.thinger.events import Kind, Path
from gatewayd.clouds.thinger.names import GATEWAY, Name, Names, device_element, devices_of
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.errors import ConfigError

MANAGED = {"reset": "restart", "reboot": "reboot", "poweroff": "poweroff"}
"""What a run resource does to the machine, where the owner allows it."""


class Role(Enum):
    """What a resource is about."""

    DEVICE = "device"
    VALUE = "value"
    READING = "reading"
    SETPOINT = "setpoint"
    OUTCOME = "outcome"
    BLINK = "blink"
    HEALTH = "health"
    HISTORY = "history"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource; `names` are the channels that it is about, `action` what MANAGE does."""

    path: Path
    kind: Kind
    role: Role
    names: tuple[Name, ...] = ()
    action: str = ""


Resources = Mapping[Path, Resource]


def make_resources(names: Names, allowed: Collection[str] = ()) -> Resources:
    """Return all resources by path.

    Args:
        allowed: what may be done to the machine, by name.

    Raises:
        ConfigError: two of them have the same path.
    """
    made = [
        Resource((GATEWAY,), Kind.OUTPUT, Role.HEALTH),
        Resource((GATEWAY, "history"), Kind.IN_OUT, Role.HISTORY),
    ]
    for element, action in MANAGED.items():
        if action in allowed:
            made.append(Resource((GATEWAY, element), Kind.RUN, Role.MANAGE, action=action))
    for device, theirs in devices_of(names):
        made.append(Resource((device_element(device),), Kind.OUTPUT, Role.DEVICE, tuple(theirs)))
        for name in theirs:
            made += _resources_of(name)
    resources: dict[Path, Resource] = {}
    for resource in made:
        if resource.path in resources:
            raise ConfigError(f"two resources are called {'/'.join(resource.path)}")
        resources[resource.path] = resource
    return resources


def _resources_of(name: Name) -> list[Resource]:
    path, about = name.path, (name,)
    reading = Resource((*path, "reading"), Kind.OUTPUT, Role.READING, about)
    if not name.is_output:
        return [Resource(path, Kind.OUTPUT, Role.VALUE, about), reading]
    made = [
        Resource(path, Kind.INPUT, Role.SETPOINT, about),
        reading,
        Resource((*path, "outcome"), Kind.OUTPUT, Role.OUTCOME, about),
    ]
    if name.kind == "switch":
        made.append(Resource((*path, "blink"), Kind.RUN, Role.BLINK, about))
    return made


def is_parent(resources: Resources, path: Path) -> bool:
    """Return whether there is something below this path."""
    return any(len(each) > len(path) and each[: len(path)] == path for each in resources)


def list_nested(resources: Resources) -> dict[str, Pson]:
    """Return the classic listing: children stand in their parent's object under `/`."""
    root: dict[str, Pson] = {}
    for path, resource in resources.items():
        level = root
        for element in path[:-1]:
            parent = _entry(level, element)
            level = _entry(parent, "/")
        _entry(level, path[-1]).update({"al": 0, "fn": int(resource.kind)})
    return root


def _entry(level: dict[str, Pson], name: str) -> dict[str, Pson]:
    entry = level.setdefault(name, {})
    assert isinstance(entry, dict)
    return entry


def list_flat(resources: Resources) -> dict[str, Pson]:
    """Return IOTMP's listing: paths as texts."""
    return {"/".join(path): {"fn": int(each.kind)} for path, each in resources.items()}
