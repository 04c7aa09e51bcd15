"""What Thinger.io calls our channels: resource paths, buckets and their members; pure.

A channel that nobody maps is the resource `device/channel`, and the member `channel` of the
bucket `device`. Thinger.io knows no units: what goes out is the channel's own unit unless the
owner wants another.

Source: Thinger.io API description (identifiers of devices, buckets and resources).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatewayd.clouds.entries import check_entries
from gatewayd.clouds.thinger.classic_codec import DESCRIPTION
from gatewayd.clouds.thinger.events import Path
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId, Value
from gatewayd.units import conversion, is_convertible

NAME = re.compile(r"[A-Za-z0-9_]{1,32}")
"""A path's element, a bucket, an endpoint, a property."""

DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""A user or a device. Older servers take 25 characters and no hyphen."""

NAME_LENGTH_MAX = 32
DEPTH_MAX = 4
"""Elements of a path, of which our own children (`reading`, `blink`) are one."""

GATEWAY = "gateway"
"""The first element of our own resources."""

QUALITY = "_quality"
"""What follows a member to name the one that tells why there is no value."""

RESERVED = frozenset({"ts", "age_s"})
"""Members with a meaning of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEntry:
    """What the owner says about one channel; what is empty is found by itself.

    Attributes:
        path: the resource, such as `tank/level`.
        bucket, member: where its values are stored; bucket `-` = they are not.
        unit: UCUM code of the unit to send; or `scale` and `offset`, which the value is
            multiplied with and increased by. For sensors only: an output is set and shown as
            it is.
        skip: this channel is not for Thinger.io.
    """

    path: str = ""
    bucket: str = ""
    member: str = ""
    unit: str = ""
    scale: float | None = None
    offset: float | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """One channel as Thinger.io knows it; `bucket` is empty when its values are not stored."""

    channel: ChannelId
    path: Path
    bucket: str
    member: str
    kind: str
    is_output: bool = False
    scale: float = 1.0
    offset: float = 0.0

    def show(self, value: Value) -> Pson:
        """Return a value in the unit that the owner wants, or None if it cannot be sent.

        That is what is not finite, or an integer of more than 64 bits: JSON, which the server
        makes of it, has no word for the one, and the protocol none for the other.
        """
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            # Half characters have no UTF-8.
            return value if value.isascii() else value.encode(errors="replace").decode()
        if isinstance(value, dict):
            return value if all(map(math.isfinite, value.values())) else None
        if self.scale == 1.0 and self.offset == 0.0:
            is_sound = -(2**63) <= value < 2**64 if isinstance(value, int) else math.isfinite(value)
            return value if is_sound else None
        try:
            # Nine decimals are more than any sensor has, and hide the multiplication's dust.
            shown = round(float(value) * self.scale + self.offset, 9)
        except OverflowError:
            return None
        return shown if math.isfinite(shown) else None


Names = Mapping[ChannelId, Name]
"""Every channel that Thinger.io hears of."""


def name_channels(
    channels: Mapping[ChannelId, Channel],
    sensors: Mapping[str, NameEntry],
    actuators: Mapping[str, NameEntry],
    bucket: str = "",
) -> Names:
    """Return what every channel is called.

    Args:
        bucket: one for all channels, whose members are then `device_channel`; empty = one each
            device.

    Raises:
        ConfigError: an illegal or doubled name, or an entry in the wrong table or for no channel.
    """
    if bucket:
        check_name(bucket, "bucket")
    check_entries(channels, sensors, actuators)
    entries = {**sensors, **actuators}
    names = {
        name: _name(name, channel, entries.get(name, NameEntry()), bucket)
        for name, channel in channels.items()
        if not entries.get(name, NameEntry()).skip
    }
    _check_doubles(names)
    return names


def _name(name: ChannelId, channel: Channel, entry: NameEntry, bucket: str) -> Name:
    device, _, local = name.partition("/")
    path = read_path(entry.path, str(name)) if entry.path else default_path(name)
    # One bucket for all needs the device in the member's name.
    member = entry.member or legal_name(f"{device}_{local}" if bucket else local)
    stored = entry.bucket or bucket or legal_name(device)
    if stored == "-":
        stored = ""
    else:
        check_name(stored, f"{name}: bucket")
    check_name(member, f"{name}: member")
    if member in RESERVED:
        member = f"{member}_"
    is_output = channel.access is Access.WRITE
    scale, offset = _conversion(name, channel, entry)
    return Name(name, path, stored, member, channel.kind, is_output, scale, offset)


def _conversion(name: ChannelId, channel: Channel, entry: NameEntry) -> tuple[float, float]:
    has_factor = entry.scale is not None or entry.offset is not None
    if channel.access is Access.WRITE and (has_factor or entry.unit):
        raise ConfigError(f"{name}: an output is set and shown in its own unit")
    if has_factor and entry.unit:
        raise ConfigError(f"{name}: either a unit or scale and offset")
    if entry.unit:
        if not is_convertible(channel.unit, entry.unit):
            raise ConfigError(f"{name}: no way from {channel.unit!r} to {entry.unit!r}")
        return conversion(channel.unit, entry.unit)
    return 1.0 if entry.scale is None else entry.scale, entry.offset or 0.0


def _check_doubles(names: Names) -> None:
    paths: dict[Path, ChannelId] = {}
    members: dict[tuple[str, str], ChannelId] = {}
    for channel, name in names.items():
        other = paths.setdefault(name.path, channel)
        if other != channel:
            raise ConfigError(f"{other} and {channel} are both {'/'.join(name.path)}")
        for member in (name.member, name.member + QUALITY):
            other = members.setdefault((name.bucket, member), channel)
            if name.bucket and other != channel:
                raise ConfigError(f"{other} and {channel} are both {name.bucket}.{member}")


def default_path(name: str) -> Path:
    """Return `(device, channel)` in legal characters."""
    device, _, local = name.partition("/")
    return device_element(device), _element(local)


def device_element(device: str) -> str:
    """Return a device's path element; the gateway's own is taken."""
    element = _element(device)
    return f"{element}_" if element == GATEWAY else element


def _element(text: str) -> str:
    element = legal_name(text)
    return f"{element}_" if element == DESCRIPTION else element


def legal_name(text: str) -> str:
    """Return a text in Thinger.io's characters and length."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)[:NAME_LENGTH_MAX] or "_"


def read_path(text: str, owner: str) -> Path:
    """Return a path from `tank/level`.

    Raises:
        ConfigError: too deep, an illegal element, or a reserved one.
    """
    path = tuple(text.split("/"))
    for element in path:
        check_name(element, f"{owner}: path")
    if len(path) >= DEPTH_MAX:
        raise ConfigError(f"{owner}: {text!r} has more than {DEPTH_MAX - 1} elements")
    if DESCRIPTION in path or path[0] == GATEWAY:
        raise ConfigError(f"{owner}: {text!r} uses a reserved name ({DESCRIPTION}, {GATEWAY})")
    return path


def check_name(name: str, owner: str) -> None:
    """Raise ConfigError unless this may be a name of Thinger.io."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{owner}: {name!r} is no Thinger.io name; at most 32 letters, digits or _"
        )


def devices_of(names: Names) -> Iterator[tuple[str, list[Name]]]:
    """Yield every device with its channels."""
    devices: dict[str, list[Name]] = {}
    for channel, name in names.items():
        devices.setdefault(channel.partition("/")[0], []).append(name)
    yield from devices.items()
