"""What thethings.iO calls our channels: resource keys for reports and for commands; pure.

A thing hears its own writes, so a key is a report or a command, never both: an output `pump.relay`
is set by `pump.relay`, tells its state under `pump.relay_state` and what became of a command under
`pump.relay_ack`. A channel that nobody maps is called `device.channel`, other characters `_`.
A key has no unit at thethings.iO; a value goes out in its channel's, unless the owner says another.

Source: thethings.iO API reference, thing write (resource names) and thing subscribe.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gatewayd.clouds.entries import check_devices, check_entries
from gatewayd.clouds.thethingsio.codec import KEY_LENGTH_MAX, is_key
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId
from gatewayd.units import conversion, is_convertible

STATE = "_state"
ACK = "_ack"

EVENT_KINDS = frozenset({"switch", "alarm", "contact", "door", "motion", "presence", "text"})
"""Kinds that are reported at once; all others may wait for the report interval."""

_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEntry:
    """What the owner says about one channel; what is empty is found by itself.

    Attributes:
        key: the resource; of an output, the one that commands it.
        report: of an output, the resource that tells its state.
        unit: UCUM code of the unit to send, where not the channel's own.
        scale, offset: the value sent is `value * scale + offset`; instead of `unit`.
        skip: this channel is not for thethings.iO.
    """

    key: str = ""
    report: str = ""
    unit: str = ""
    scale: float | None = None
    offset: float | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all names of one thing.

    Attributes:
        devices: those whose channels belong to this thing; empty = all.
        quality: what follows a key to name the resource that tells why there is no value;
            empty = it is not told.
        taken: resources that are used for something else.
    """

    devices: Collection[str] = ()
    quality: str = ""
    taken: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """One channel as thethings.iO knows it; `value * scale + offset` is what is sent.

    `report`, `quality` and `ack` are written by us alone, `command` never; empty = there is none.
    """

    channel: ChannelId
    report: str
    quality: str = ""
    command: str = ""
    ack: str = ""
    scale: float = 1.0
    offset: float = 0.0
    is_event: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether values go out as they are."""
        return self.scale == 1.0 and self.offset == 0.0

    @property
    def keys(self) -> tuple[str, ...]:
        """All resources of this channel."""
        return tuple(key for key in (self.report, self.quality, self.command, self.ack) if key)


Names = Mapping[ChannelId, Resource]
"""Every channel that this thing hears of."""


def name_channels(
    channels: Mapping[ChannelId, Channel],
    sensors: Mapping[str, NameEntry],
    actuators: Mapping[str, NameEntry],
    rules: Rules,
) -> Names:
    """Return what every channel is called.

    Raises:
        ConfigError: an illegal or doubled resource, a unit that cannot be had, or an entry in
            the wrong table or for no channel.
    """
    check_entries(channels, sensors, actuators)
    check_devices(channels, "devices", rules.devices)
    return dict(_named(channels, {**sensors, **actuators}, rules))


def _named(
    channels: Mapping[ChannelId, Channel], entries: Mapping[str, NameEntry], rules: Rules
) -> Iterator[tuple[ChannelId, Resource]]:
    owners: dict[str, str] = {key: "the gateway itself" for key in rules.taken if key}
    for name, channel in channels.items():
        entry = entries.get(name, NameEntry())
        is_ours = not rules.devices or name.partition("/")[0] in rules.devices
        if entry.skip or not is_ours:
            continue
        resource = _resource(name, channel, entry, rules)
        for key in resource.keys:
            check_key(key, name)
            owner = owners.get(key)
            if owner is not None:
                raise ConfigError(f"{owner} and {name} have the same resource {key}")
            owners[key] = name
        yield name, resource


def _resource(name: ChannelId, channel: Channel, entry: NameEntry, rules: Rules) -> Resource:
    scale, offset = _scaling(name, channel, entry)
    key = entry.key or _FOREIGN.sub("_", name.replace("/", "."))
    if channel.access is not Access.WRITE:
        if entry.report:
            raise ConfigError(f"{name} is measured, so its key is its report")
        quality = f"{key}{rules.quality}" if rules.quality else ""
        return Resource(name, key, quality, "", "", scale, offset, channel.kind in EVENT_KINDS)
    if (scale, offset) != (1.0, 0.0):
        raise ConfigError(f"{name} is set, not measured: it has no scale, offset or other unit")
    report = entry.report or f"{key}{STATE}"
    quality = f"{report}{rules.quality}" if rules.quality else ""
    return Resource(name, report, quality, key, f"{key}{ACK}", is_event=True)


def _scaling(name: ChannelId, channel: Channel, entry: NameEntry) -> tuple[float, float]:
    if entry.scale is None and entry.offset is None:
        if entry.unit and not is_convertible(channel.unit, entry.unit):
            raise ConfigError(f"{name} is in {channel.unit!r}, which cannot be made {entry.unit!r}")
        return conversion(channel.unit, entry.unit or channel.unit)
    if entry.unit:
        raise ConfigError(f"{name} has a unit and a scale or offset; one of them is enough")
    return 1.0 if entry.scale is None else entry.scale, entry.offset or 0.0


def check_key(key: str, owner: str) -> None:
    """Raise ConfigError unless a resource of ours may be called so."""
    if not is_key(key) or key.startswith("$"):
        raise ConfigError(
            f"{owner}: {key!r} is no resource; at most {KEY_LENGTH_MAX} letters, digits, . - _"
        )
