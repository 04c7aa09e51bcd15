"""What our channels are in Thingsee: a thing, a message and a field; and the units of fields; pure.

Strategy: every device is a thing with a TUID of its own, because that is how Thingsee thinks. A
channel goes into the message that has a field for its kind; a second one of the same kind gets a
thing of its own. What the catalogue has no field for goes out as diagnostics (1400), so that a
technician who maps nothing still sees every channel.

Source: Haltian developer site, message profiles and message header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gatewayd.clouds.entries import check_devices, check_entries
from gatewayd.clouds.thingsee.catalogue import CATALOGUE, Kind, Way, fields_of
from gatewayd.clouds.thingsee.codec import TUID
from gatewayd.clouds.thingsee.tuid import DEVICE_PREFIX, GATEWAY_PREFIX, make_tuid
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId
from gatewayd.units import conversion

DIAGNOSTICS = 1400
LOCATION = 1210
MOVEMENT, OCCUPANCY = 13100, 2100

_PLACE_OF_KIND = {
    "temperature": (12100, "temp"),
    "humidity": (12100, "humd"),
    "pressure": (12100, "airp"),
    "light": (12100, "lght"),
    "illuminance": (12100, "lght"),
    "door": (12101, "hall"),
    "contact": (12101, "hall"),
    "resistance": (12102, "resistance"),
    "motion": (MOVEMENT, "moveCount"),
    "presence": (OCCUPANCY, "state"),
    "occupancy": (OCCUPANCY, "state"),
    "distance": (17100, "dist"),
    "co2": (24100, "carbonDioxide"),
    "voc": (24101, "tvoc"),
    "tvoc": (24101, "tvoc"),
    "vibration": (16100, "energyLevel"),
    "battery": (1110, "batl"),
    "angle": (18100, "angle"),
    "location": (LOCATION, "lat"),
    "position": (LOCATION, "lat"),
}
_AXES = {"x": "accx", "y": "accy", "z": "accz"}

_UNIT_OF_FIELD = {
    "temp": "Cel",
    "humd": "%",
    "airp": "Pa",
    "lght": "lx",
    "resistance": "Ohm",
    "dist": "mm",
    "carbonDioxide": "[ppm]",
    "tvoc": "[ppb]",
    "batl": "%",
    "angle": "deg",
    "uptime": "s",
    "duration": "s",
    "accx": "m[g]",
    "accy": "m[g]",
    "accz": "m[g]",
}
"""UCUM code of what a field is in."""

WHOLE = frozenset({"batl", "chrg", "hall", "hallCount", "state", "moveCount", "count", "in", "out"})
"""Fields that the vendor's own app takes as whole numbers only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEntry:
    """What the owner says about one measured channel; what is empty is found by itself.

    Attributes:
        thing: the TUID that it reports under.
        message, field: where it goes in the catalogue.
        scale, offset: the value sent is `value * scale + offset`. With neither set, the unit is
            converted to the field's.
        skip: this channel is not for Thingsee.
    """

    thing: str = ""
    message: int = 0
    field: str = ""
    scale: float | None = None
    offset: float | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputEntry:
    """What the owner says about one output.

    Attributes:
        thing: the TUID that it reports and takes commands under.
        id: what commands (1402 RELAY) call it; empty = its name without the device.
        led: whether the LED command (1505) of its thing drives it: `blink` every two seconds, or
            `pulse`, on for the command's duration.
        skip: Thingsee neither hears of it nor drives it.
    """

    thing: str = ""
    id: str = ""
    led: Literal["", "blink", "pulse"] = ""
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where one channel is in Thingsee; `value * scale + offset` is in the field's unit."""

    channel: ChannelId
    thing: str
    message: int
    field: str
    kind: str = ""
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    is_output: bool = False
    led: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether values go out as they are."""
        return self.scale == 1.0 and self.offset == 0.0

    @property
    def device(self) -> str:
        """The device that it belongs to."""
        return self.channel.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Names:
    """Who everybody is: this gateway, its things with their devices, every channel's place."""

    gateway: str
    places: Mapping[ChannelId, Place]
    devices: Mapping[str, frozenset[str]]
    """By TUID; the gateway's own is always there."""

    def places_of(self, thing: str) -> list[Place]:
        """Return the places of one thing, in the order of the configuration."""
        return [place for place in self.places.values() if place.thing == thing]

    def relayed_by(self, thing: str) -> str:
        """Return the gateway that relays a thing's messages; empty for the gateway itself."""
        return "" if thing == self.gateway else self.gateway


@dataclass(frozen=True, slots=True)
class Owner:
    """What the owner's section says about names."""

    gateway_tuid: str
    things: Mapping[str, str]
    sensors: Mapping[str, SensorEntry]
    actuators: Mapping[str, OutputEntry]


def name_channels(gateway_id: str, channels: Mapping[ChannelId, Channel], owner: Owner) -> Names:
    """Return where every channel is in Thingsee.

    Raises:
        ConfigError: an illegal TUID, an unknown message or field, two channels in one place, or
            an entry in the wrong table or for nothing.
    """
    gateway = owner.gateway_tuid or make_tuid(GATEWAY_PREFIX, gateway_id)
    check_tuid(gateway, "gateway_tuid")
    check_entries(channels, owner.sensors, owner.actuators)
    check_devices(channels, "things", owner.things)
    for device, tuid in owner.things.items():
        check_tuid(tuid, device)
    builder = _Builder(gateway_id, owner)
    for name, channel in channels.items():
        builder.add(name, channel)
    devices: dict[str, set[str]] = {gateway: set()}
    for place in builder.places.values():
        devices.setdefault(place.thing, set()).add(place.device)
    frozen = {thing: frozenset(names) for thing, names in devices.items()}
    return Names(gateway, builder.places, frozen)


def check_tuid(tuid: str, owner: str) -> None:
    """Raise ConfigError unless this may be a TUID."""
    if not TUID.fullmatch(tuid):
        raise ConfigError(f"{owner}: {tuid!r} is no TUID; up to 32 capital letters and digits")


class _Builder:
    """Gives places one after the other, so that each knows what is taken."""

    def __init__(self, gateway_id: str, owner: Owner) -> None:
        self._gateway_id = gateway_id
        self._owner = owner
        self._taken: dict[tuple[str, int, str], ChannelId] = {}
        self.places: dict[ChannelId, Place] = {}

    def add(self, name: ChannelId, channel: Channel) -> None:
        if channel.access is Access.WRITE:
            self._add_output(name, channel)
            return
        entry = self._owner.sensors.get(name, SensorEntry())
        if entry.skip:
            return
        message, field = _message_and_field(name, channel, entry)
        thing, scale, offset = self._thing(name, entry.thing), entry.scale, entry.offset
        is_own = not entry.thing and name.partition("/")[0] not in self._owner.things
        if (thing, message, field) in self._taken and is_own:
            thing = make_tuid(DEVICE_PREFIX, f"{self._gateway_id}/{name}")
        if scale is None and offset is None and message != DIAGNOSTICS:
            scale, offset = conversion(channel.unit, _UNIT_OF_FIELD.get(field, ""))
            if channel.kind == "door" and field == "hall":
                scale, offset = -1.0, 1.0  # A door that is open is a magnet that is away.
        kind, factor = channel.kind, 1.0 if scale is None else scale
        self._take(Place(name, thing, message, field, kind, channel.unit, factor, offset or 0.0))

    def _add_output(self, name: ChannelId, channel: Channel) -> None:
        entry = self._owner.actuators.get(name, OutputEntry())
        if entry.skip:
            return
        thing = self._thing(name, entry.thing)
        field = entry.id or name.partition("/")[2]
        self._take(
            Place(
                name,
                thing,
                DIAGNOSTICS,
                field,
                channel.kind,
                channel.unit,
                is_output=True,
                led=entry.led,
            )
        )

    def _thing(self, name: ChannelId, own: str) -> str:
        if own:
            check_tuid(own, name)
            return own
        device = name.partition("/")[0]
        made = make_tuid(DEVICE_PREFIX, f"{self._gateway_id}/{device}")
        return self._owner.things.get(device) or made

    def _take(self, place: Place) -> None:
        key = (place.thing, place.message, place.field)
        other = self._taken.setdefault(key, place.channel)
        if other != place.channel:
            what = f"{place.field} in message {place.message} of {place.thing}"
            raise ConfigError(f"{other} and {place.channel} are both {what}")
        leds = [each.channel for each in self.places.values() if each.led]
        if place.led and any(self.places[name].thing == place.thing for name in leds):
            raise ConfigError(f"{place.channel}: {place.thing} has another output as its LED")
        self.places[place.channel] = place


def _message_and_field(name: ChannelId, channel: Channel, entry: SensorEntry) -> tuple[int, str]:
    if not entry.message and not entry.field:
        return default_place(channel, name.partition("/")[2])
    known = CATALOGUE.get(entry.message)
    if known is None or known.way is not Way.UP or entry.message == DIAGNOSTICS:
        raise ConfigError(f"{name}: {entry.message} is no message that a sensor sends")
    fields = {each.name for each in fields_of(entry.message).values() if each.kind is Kind.NUMBER}
    if entry.field not in fields:
        words = ", ".join(sorted(fields)) or "none"
        raise ConfigError(f"{name}: message {entry.message} has the fields {words}")
    return entry.message, entry.field


def default_place(channel: Channel, local: str) -> tuple[int, str]:
    """Return message and field for a channel by its kind; diagnostics under its own name else."""
    if channel.kind == "acceleration" and local[-1:].lower() in _AXES:
        return 1111, _AXES[local[-1:].lower()]
    if channel.kind == "vibration" and channel.unit == "%":
        return 16100, "activityLevel"
    return _PLACE_OF_KIND.get(channel.kind, (DIAGNOSTICS, local))
