"""Statuses and points on their way into the world, from whichever side they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatewayd.clouds.thingplus.codec import Points, StatusItem, expires_ms
from gatewayd.clouds.thingplus.sandbox.bodies import ID_LETTERS_MAX
from gatewayd.clouds.thingplus.sandbox.journal import Dropped, Journal
from gatewayd.clouds.thingplus.sandbox.records import Gateway, Sensor
from gatewayd.clouds.thingplus.sandbox.series import Drop
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.model import Value

UNKNOWN_SENSOR = "unknown sensor"


@dataclass(slots=True)
class Tally:
    """What became of the points of one message."""

    accepted: int = 0
    dropped: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def verdict(self) -> str:
        """Return it in words."""
        lost = [f"{count} {reason}" for reason, count in self.reasons.items()]
        return ", ".join([f"{self.accepted} accepted", *lost])


def take_points(
    world: World, journal: Journal, gateway: Gateway, flat: Mapping[str, Points], number: int
) -> Tally:
    """Store the points of message `number`; drop and write down those that cannot be stored."""
    tally = Tally()
    for name, points in flat.items():
        sensor = gateway.sensors.get(name)
        if sensor is None:
            drops = [Drop(place, UNKNOWN_SENSOR) for place in range(len(points.times_ms))]
        else:
            sensor.was_in_values = True
            values = _as_typed(world, sensor, points.values)
            drops = list(sensor.series.append(points.times_ms, values))
        tally.accepted += len(points.times_ms) - len(drops)
        tally.dropped += len(drops)
        for place, reason in drops:
            tally.reasons[reason] = tally.reasons.get(reason, 0) + 1
            at_ms, value = points.times_ms[place], points.values[place]
            journal.drop(Dropped(number, gateway.id, name[:ID_LETTERS_MAX], at_ms, value, reason))
    return tally


def take_statuses(world: World, gateway: Gateway, items: Sequence[StatusItem], own: str) -> None:
    """Store the statuses of one message; `own` is the topic's sensor, or empty for the gateway.

    Sensors that are not registered are passed over.
    """
    for item in items:
        name = item.sensor or own
        holder = gateway.sensors.get(name) if name else gateway
        if holder is None:
            continue
        if isinstance(holder, Sensor):
            holder.was_in_status = True
        until_ms = expires_ms(item.duration, world.clock.now_ms())
        world.mark(holder, item.word, until_ms, item.detail)


def note_connection(world: World, gateway: Gateway, word: str) -> None:
    """Store what `mqtt/status` said, with what follows from it for the statuses.

    On `on`, whatever has no status becomes off; on `off` and `err`, everything does (Thing+
    MQTT protocol, transition table).
    """
    gateway.connection = word
    holders: list[Gateway | Sensor] = [gateway, *gateway.sensors.values()]
    for holder in holders:
        if word != "on" or holder.status is None:
            world.mark(holder, "off", None)


def _as_typed(world: World, sensor: Sensor, values: Sequence[Value]) -> Sequence[Value]:
    """Return the values with numbers in texts as numbers, where the sensor measures numbers."""
    if str not in set(map(type, values)) or not world.catalogue.is_number(sensor.type):
        return values
    return [maybe_number(value) for value in values]


def maybe_number(value: Value) -> Value:
    """Return the number that a text holds, or the value as it is."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
        return int(value) if value.lstrip("+-").isdecimal() else number
    except ValueError:
        return value
