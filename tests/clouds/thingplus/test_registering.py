"""What a gateway should have at Thing+, decided from its channels and the catalogue."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.names import Sensor as LocalSensor
from gatewayd.clouds.thingplus.registering import choose_template, explain, missing, plan
from gatewayd.clouds.thingplus.rest_errors import ThingPlusError
from gatewayd.clouds.thingplus.rest_records import DeviceModel, GatewayModel, SensorTemplate
from gatewayd.clouds.thingplus.rest_types import Device, Gateway, Sensor
from gatewayd.errors import ConfigError
from gatewayd.model import ChannelId

GATEWAY = "b827eb000001"


def template(model: str, type: str, category: str = "sensor") -> SensorTemplate:
    driver = "jsonrpcSensor" if category == "sensor" else "jsonrpcActuator"
    return SensorTemplate(model, type, category, driver, "jsonrpc")


TEMPLATES = (
    template("jsonrpcNumber", "number"),
    template("jsonrpcString", "string"),
    template("jsonrpcTemp", "temperature"),
    template("jsonrpcDo", "powerSwitch", "actuator"),
)
MODEL = GatewayModel("34", device_models=(DeviceModel("jsonrpcFullV1.0", sensors=TEMPLATES),))


def local(channel: str, type: str, *, is_output: bool = False) -> LocalSensor:
    id = f"{GATEWAY}-{channel.replace('/', '-')}"
    return LocalSensor(ChannelId(channel), id, type, is_output=is_output)


def test_every_channel_gets_the_models_own_sensor() -> None:
    """Model, driver and network come from the catalogue, the id from the configuration."""
    sensors = [local("boiler/temperature", "temperature")]
    sensors += [local("pump/relay", "powerSwitch", is_output=True)]
    wanted = plan(GATEWAY, "Boiler room", MODEL, sensors)
    (device,) = wanted.devices
    assert (device.id, device.model) == (f"{GATEWAY}-0", "jsonrpcFullV1.0")
    assert [(each.id, each.model, each.category, each.device_id) for each in wanted.sensors] == [
        (f"{GATEWAY}-boiler-temperature", "jsonrpcTemp", "sensor", device.id),
        (f"{GATEWAY}-pump-relay", "jsonrpcDo", "actuator", device.id),
    ]
    assert wanted.notes == ()


@pytest.mark.parametrize(
    ("type", "category", "model"),
    [
        ("temperature", "sensor", "jsonrpcTemp"),
        ("electricEnergy", "sensor", "jsonrpcNumber"),
        ("location", "sensor", "jsonrpcString"),
        ("powerSwitch", "actuator", "jsonrpcDo"),
        ("buzzer", "actuator", None),
        ("powerSwitch", "sensor", "jsonrpcNumber"),
    ],
)
def test_a_type_that_the_model_lacks_has_a_stand_in(
    type: str, category: str, model: str | None
) -> None:
    """Numbers for numbers, texts for the rest; but no actuator for another."""
    found = choose_template(TEMPLATES, type, category)
    assert (found.model if found else None) == model


def test_the_owner_is_told_of_stand_ins_and_of_what_is_left_out() -> None:
    """One sentence each, with the channel's name."""
    sensors = [local("meter/energy", "electricEnergy")]
    sensors += [local("horn/buzzer", "buzzer", is_output=True)]
    wanted = plan(GATEWAY, "x", MODEL, sensors)
    assert wanted.notes == (
        "meter/energy: registered as number, electricEnergy is unknown",
        "horn/buzzer: model 34 has no actuator like buzzer",
    )
    assert len(wanted.sensors) == 1


def test_a_model_without_devices_is_no_use() -> None:
    """The owner chose the wrong one."""
    with pytest.raises(ConfigError, match="model 99"):
        plan(GATEWAY, "x", GatewayModel("99"), [])


def test_only_what_is_missing_is_made() -> None:
    """Whether the gateway's record has ids or embedded objects."""
    wanted = plan(GATEWAY, "x", MODEL, [local("a/b", "temperature"), local("c/d", "number")])
    first = wanted.sensors[0].id
    plain = Gateway(GATEWAY, device_ids=(f"{GATEWAY}-0",), sensor_ids=(first,))
    embedded = Gateway(GATEWAY, devices=(Device(f"{GATEWAY}-0"),), sensors=(Sensor(first),))
    for there in (plain, embedded):
        lacking = missing(there, wanted)
        assert lacking.devices == ()
        assert [each.name for each in lacking.sensors] == ["c/d"]
    assert missing(Gateway(GATEWAY), wanted) == wanted


def test_a_partial_registration_is_explained() -> None:
    """With the cloud's words, or at least its code."""
    assert "temp exists (CONFLICT)" in explain(ThingPlusError(409, "CONFLICT", "", "temp exists"))
