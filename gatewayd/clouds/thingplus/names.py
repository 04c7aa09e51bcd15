"""What Thing+ calls our channels: sensor ids, types, and the units that a type stands for; pure.

A channel that nobody maps still gets a legal id and the nearest type, so that a technician who
maps nothing sees everything. A wrong type only spoils the portal's icons and charts; the unit is
what matters, because Thing+ has one fixed unit a type (pressure is bar).

Source: Thing+ sensor type catalogue (2016/17); ids: Thing+ gateway id rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatewayd.clouds.entries import check_entries
from gatewayd.clouds.thingplus.codec import ID
from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId
from gatewayd.units import conversion

EVENT_TYPES = frozenset(
    {
        *("onoff", "motion", "door", "parkingStatus", "crackDetection"),
        *("countEvent", "timeDuration", "state", "powerControllerState"),
        *("tag", "reader"),
    }
)
"""Types that are reported at once; all others wait for the report interval."""

ACTUATOR_TYPES = frozenset({"led", "powerSwitch", "buzzer", "stringActuator", "lcd"})
"""Types whose commands are setpoints. Televisions and the like toggle and step: not ours."""

ID_LENGTH_MAX = 128
"""The vendor names no limit; its own ids stay below 60."""

_UNIT_OF_TYPE = {
    "temperature": "Cel",
    "soilTemperature": "Cel",
    "humidity": "%",
    "percent": "%",
    "batteryGauge": "%",
    "pressure": "bar",
    "soilMoisture": "cbar",
    "voltage": "V",
    "current": "A",
    "electricPower": "W",
    "wattage": "kW",
    "electricEnergy": "kWh",
    "power": "kWh",
    "frequency": "Hz",
    "co2": "[ppm]",
    "co": "[ppm]",
    "voc": "[ppm]",
    "no2": "[ppm]",
    "o3": "[ppm]",
    "dust": "ug/m3",
    "density": "g/m3",
    "speed": "m/s",
    "windSpeed": "m/s",
    "sSpeed": "mm/s",
    "weight": "g",
    "length": "mm",
    "linearDisplacement": "mm",
    "distance": "m",
    "conductivity": "dS/m",
    "timeDuration": "s",
    "rotaryAngle": "deg",
}
"""UCUM code of the unit that the portal shows for a type."""

_TYPE_OF_KIND = {
    "temperature": "temperature",
    "humidity": "humidity",
    "pressure": "pressure",
    "voltage": "voltage",
    "current": "current",
    "power": "electricPower",
    "energy": "electricEnergy",
    "frequency": "frequency",
    "power_factor": "powerFactor",
    "light": "light",
    "illuminance": "light",
    "noise": "noise",
    "sound": "noise",
    "co2": "co2",
    "co": "co",
    "voc": "voc",
    "no2": "no2",
    "o3": "o3",
    "dust": "dust",
    "ph": "ph",
    "location": "location",
    "position": "location",
    "acceleration": "accelerometer",
    "color": "color",
    "speed": "speed",
    "wind_speed": "windSpeed",
    "weight": "weight",
    "mass": "weight",
    "distance": "distance",
    "length": "length",
    "conductivity": "conductivity",
    "count": "count",
    "battery": "batteryGauge",
    "rssi": "rssi",
    "switch": "onoff",
    "alarm": "onoff",
    "contact": "door",
    "door": "door",
    "motion": "motion",
    "presence": "motion",
    "text": "string",
}
_ACTUATOR_OF_KIND = {"switch": "powerSwitch", "led": "led", "buzzer": "buzzer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEntry:
    """What the owner says about one channel; what is empty is found by itself.

    Attributes:
        id: the sensor id in the portal.
        type: the sensor type in the portal's catalogue.
        scale, offset: the value sent is `value * scale + offset`. With neither set, the unit is
            converted to the one that the type stands for.
        skip: this channel is not for Thing+.
    """

    id: str = ""
    type: str = ""
    scale: float | None = None
    offset: float | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Sensor:
    """One channel as Thing+ knows it; `value * scale + offset` is in Thing+'s unit."""

    channel: ChannelId
    id: str
    type: str
    scale: float = 1.0
    offset: float = 0.0
    is_output: bool = False

    @property
    def is_event(self) -> bool:
        """Whether its values are reported at once."""
        return self.type in EVENT_TYPES and not self.is_output

    @property
    def is_plain(self) -> bool:
        """Whether values go out as they are."""
        return self.scale == 1.0 and self.offset == 0.0


Names = Mapping[ChannelId, Sensor]
"""Every channel that Thing+ hears of."""


def name_channels(
    gateway_id: str,
    channels: Mapping[ChannelId, Channel],
    sensors: Mapping[str, NameEntry],
    actuators: Mapping[str, NameEntry],
) -> Names:
    """Return what every channel is called.

    Raises:
        ConfigError: an illegal or doubled id, an actuator type that cannot be driven, or an
            entry in the wrong table or for no channel.
    """
    check_id(gateway_id, "gateway id")
    check_entries(channels, sensors, actuators)
    entries = {**sensors, **actuators}
    return dict(_named(gateway_id, channels, entries))


def _named(
    gateway_id: str, channels: Mapping[ChannelId, Channel], entries: Mapping[str, NameEntry]
) -> Iterator[tuple[ChannelId, Sensor]]:
    owners: dict[str, ChannelId] = {}
    for name, channel in channels.items():
        entry = entries.get(name, NameEntry())
        if entry.skip:
            continue
        sensor = _sensor(gateway_id, name, channel, entry)
        other = owners.setdefault(sensor.id, name)
        if other != name:
            raise ConfigError(f"{other} and {name} have the same id {sensor.id}")
        yield name, sensor


def _sensor(gateway_id: str, name: ChannelId, channel: Channel, entry: NameEntry) -> Sensor:
    is_output = channel.access is Access.WRITE
    kind = entry.type or default_type(channel)
    if is_output and kind not in ACTUATOR_TYPES:
        known = ", ".join(sorted(ACTUATOR_TYPES))
        raise ConfigError(f"{name}: actuator type {kind!r} cannot be driven; one of {known}")
    sensor_id = entry.id or f"{gateway_id}-{re.sub(r'[^A-Za-z0-9._~-]', '_', _flat(name))}"
    check_id(sensor_id, name)
    scale, offset = entry.scale, entry.offset
    if scale is None and offset is None:
        scale, offset = conversion(channel.unit, _UNIT_OF_TYPE.get(kind, ""))
    return Sensor(name, sensor_id, kind, 1.0 if scale is None else scale, offset or 0.0, is_output)


def _flat(name: str) -> str:
    return name.replace("/", "-")


def check_id(name: str, owner: str) -> None:
    """Raise ConfigError unless this may be an id of Thing+."""
    if not ID.fullmatch(name) or len(name) > ID_LENGTH_MAX:
        raise ConfigError(
            f"{owner}: {name!r} is no Thing+ id; at most {ID_LENGTH_MAX} letters, digits, - . _ ~"
        )


def default_type(channel: Channel) -> str:
    """Return the catalogue's nearest type for a channel."""
    if channel.access is Access.WRITE:
        return _ACTUATOR_OF_KIND.get(channel.kind, "stringActuator")
    if channel.kind in _TYPE_OF_KIND:
        return _TYPE_OF_KIND[channel.kind]
    return "percent" if channel.unit == "%" else "number"
