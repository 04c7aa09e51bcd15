"""Bringing a gateway's record at Thing+ up to what it has: what is missing, and making it.

Strategy: look first, make only what is missing, never change or delete what is there. So a
second run changes nothing, and a run that broke off is finished by the next.

Source: Thing+ embedded guide 2.3; Thing+ sensor type catalogue (2016/17), gateway model 34.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gatewayd.clouds.thingplus.names import Sensor as LocalSensor
from gatewayd.clouds.thingplus.rest_calls import Collection
from gatewayd.clouds.thingplus.rest_errors import Conflict, PlanExceeded, ThingPlusError
from gatewayd.clouds.thingplus.rest_records import GatewayModel, SensorTemplate
from gatewayd.clouds.thingplus.rest_types import Device, Gateway, NewDevice, NewSensor, Sensor
from gatewayd.errors import ConfigError

DEVICE_MODEL = "jsonrpcFullV1.0"
"""The device model that has every sensor model; the portal shows all channels below it."""

DEVICE_ADDRESS = "0"
SENSOR, ACTUATOR = "sensor", "actuator"

_NOT_NUMBERS = frozenset(
    {"string", "location", "complex", "accelerometer", "color", "tag", "reader"}
)
"""Types whose values are texts or objects, for which a number's model would be wrong."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a gateway should have; `notes` say where the catalogue had nothing better."""

    devices: tuple[NewDevice, ...]
    sensors: tuple[NewSensor, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What came of it, in sentences, and the ids that are there in the end."""

    made: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    present: set[str] = field(default_factory=set)


def plan(gateway_id: str, name: str, model: GatewayModel, sensors: Iterable[LocalSensor]) -> Wanted:
    """Return the device and the sensors that a gateway of this model needs for its channels.

    Raises:
        ConfigError: the model has no devices.
    """
    if not model.device_models:
        raise ConfigError(f"gateway model {model.id} has no device models")
    named = {each.id: each for each in model.device_models}
    device_model = named.get(DEVICE_MODEL, model.device_models[0])
    device = NewDevice(id=f"{gateway_id}-{DEVICE_ADDRESS}", name=name, model=device_model.id)
    wanted, notes = [], []
    for each in sensors:
        category = ACTUATOR if each.is_output else SENSOR
        template = choose_template(device_model.sensors, each.type, category)
        if template is None:
            notes.append(f"{each.channel}: model {model.id} has no {category} like {each.type}")
            continue
        if template.type != each.type:
            notes.append(f"{each.channel}: registered as {template.type}, {each.type} is unknown")
        wanted.append(
            NewSensor(
                id=each.id,
                name=each.channel,
                type=template.type,
                category=category,
                model=template.model,
                driver_name=template.driver_name,
                network=template.network,
                device_id=device.id,
            )
        )
    return Wanted((device,), tuple(wanted), tuple(notes))


def choose_template(
    templates: Iterable[SensorTemplate], type: str, category: str
) -> SensorTemplate | None:
    """Return the model's template for a type, or the plainest that can hold its values.

    An actuator of another type would take other commands, so there is no stand-in for it.
    """
    own = [each for each in templates if each.category == category]
    stand_in = "string" if type in _NOT_NUMBERS else "number"
    for wanted in (type,) if category == ACTUATOR else (type, stand_in):
        for each in own:
            if each.type == wanted:
                return each
    return None


def missing(gateway: Gateway, wanted: Wanted) -> Wanted:
    """Return what of the wanted a gateway does not have, read with embedded or plain ids."""
    devices = {*gateway.device_ids, *(each.id for each in gateway.devices)}
    sensors = {*gateway.sensor_ids, *(each.id for each in gateway.sensors)}
    return Wanted(
        tuple(each for each in wanted.devices if each.id not in devices),
        tuple(each for each in wanted.sensors if each.id not in sensors),
        wanted.notes,
    )


async def make(lacking: Wanted, devices: Collection[Device], sensors: Collection[Sensor]) -> Tally:
    """Make what is lacking, one after the other; refusals become sentences.

    After the plan's end (471) nothing more is tried: everything else would fail as well.

    Raises:
        LinkLost, LinkDenied: as any call; what was made before stays.
    """
    tally = Tally()
    jobs = [("device", each.id, devices, each) for each in lacking.devices]
    jobs += [(each.category, each.id, sensors, each) for each in lacking.sensors]  # type: ignore[misc]  # Either kind.
    for kind, id, shelf, new in jobs:
        try:
            await shelf.create(new)
        except Conflict:
            tally.problems.append(f"{kind} {id} exists already, at another gateway")
        except PlanExceeded as error:
            tally.problems.append(f"{kind} {id}: {error.message}; the billing plan allows no more")
            return tally
        else:
            tally.made.append(f"{kind} {id}")
            tally.present.add(id)
    return tally


def explain(error: ThingPlusError) -> str:
    """Return a sentence for one thing that a partial registration (207) left undone."""
    return f"left out by the cloud: {error.message or error.code} ({error.code or error.status})"
