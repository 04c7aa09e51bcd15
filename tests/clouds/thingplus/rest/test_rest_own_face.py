"""What a gateway sees with its own API key, against the sandbox."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.own_face import OwnFace, OwnSettings, open_own_face
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import (
    Conflict,
    Denied,
    NotFound,
    PlanExceeded,
    ThingPlusError,
)
from gatewayd.clouds.thingplus.rest_types import NewDevice, NewSensor
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.fields import Secret

GATEWAY = "b827eb000001"
DEVICE = NewDevice(id="d-1", name="Attic", model="jsonrpcFullV1.0")
SENSOR = NewSensor(
    id="s-1",
    name="Attic",
    type="humidity",
    category="sensor",
    model="jsonrpcHumi",
    driver_name="jsonrpcSensor",
    network="jsonrpc",
    device_id="d-1",
)


async def test_a_gateway_reads_its_own_record(own: OwnFace) -> None:
    """Raw, without an envelope; sensors as ids or embedded."""
    found = await own.gateway()
    assert (found.id, found.model, found.is_discoverable) == (GATEWAY, "34", True)
    assert found.sensor_ids == ("temp", "text", "relay")
    found = await own.gateway(with_sensors=True)
    assert [each.category for each in found.sensors] == ["sensor", "sensor", "actuator"]


async def test_a_wrong_key_is_denied(sandbox: Sandbox) -> None:
    """401; and a gateway that is not registered has no key that is right."""
    for id, key in ((GATEWAY, "wrong"), ("b827eb999999", "key-1")):
        settings = OwnSettings(url=sandbox.rest_url, gateway_id=id, api_key=Secret(key))
        async with open_own_face(settings) as own:
            with pytest.raises(Denied) as caught:
                await own.gateway()
        assert caught.value.status == 401


async def test_a_gateway_reads_the_catalogue(own: OwnFace) -> None:
    """Models and drivers; a driver by filter, as the vendor's own gateway asks."""
    assert (await own.gateway_models.get("34")).device_models[0].is_discoverable
    assert len((await own.sensor_drivers.list()).items) >= 2
    driver = await own.driver("jsonrpcActuator")
    assert driver is not None
    assert driver.category == "actuator"


async def test_what_the_catalogue_does_not_have_is_not_found(own: OwnFace) -> None:
    """404 raw, or nothing for a filter."""
    with pytest.raises(NotFound):
        await own.gateway_models.get("none")
    assert await own.driver("none") is None


async def test_a_gateway_makes_its_own_devices_and_sensors(own: OwnFace) -> None:
    """Where it may discover; made, read, changed, deleted."""
    assert (await own.devices.create(DEVICE)).owner == GATEWAY
    assert (await own.devices.get("d-1")).name == "Attic"
    assert (await own.devices.update("d-1", {"name": "Cellar"})).name == "Cellar"
    assert (await own.sensors.create(SENSOR)).device_id == "d-1"
    assert (await own.sensors.update("s-1", {"name": "Cellar"})).name == "Cellar"
    await own.sensors.delete("s-1")
    await own.devices.delete("d-1")
    with pytest.raises(NotFound):
        await own.devices.get("d-1")
    with pytest.raises(NotFound):
        await own.sensors.delete("s-1")


async def test_an_id_is_taken_once(own: OwnFace) -> None:
    """409 for devices and sensors."""
    await own.devices.create(DEVICE)
    with pytest.raises(Conflict):
        await own.devices.create(DEVICE)
    await own.sensors.create(SENSOR)
    with pytest.raises(Conflict):
        await own.sensors.create(SENSOR)


async def test_a_gateway_that_may_not_discover_makes_nothing(own: OwnFace, api: Rest) -> None:
    """403 while autoCreateDiscoverable is n."""
    await api.gateways.update(GATEWAY, {"autoCreateDiscoverable": "n"})
    assert (await own.gateway()).is_discoverable is False
    with pytest.raises(Denied):
        await own.devices.create(DEVICE)
    with pytest.raises(Denied):
        await own.sensors.create(SENSOR)


async def test_the_plan_limits_sensors(sandbox: Sandbox) -> None:
    """471 BILLING."""
    third = {"id": "b827eb000003", "api_key": "key-3", "site": "2"}
    full = [{"id": f"full-{number}", "type": "number"} for number in range(3)]
    sandbox.provision({"gateways": [{**third, "sensors": full}]})
    settings = OwnSettings(url=sandbox.rest_url, gateway_id="b827eb000003", api_key=Secret("key-3"))
    async with open_own_face(settings) as own:
        with pytest.raises(PlanExceeded):
            await own.sensors.create(SENSOR)


async def test_a_gateway_sees_no_other(own: OwnFace, sandbox: Sandbox) -> None:
    """403 for another gateway's records."""
    settings = OwnSettings(url=sandbox.rest_url, gateway_id="b827eb000002", api_key=Secret("key-1"))
    async with open_own_face(settings) as other:
        with pytest.raises(Denied):
            await other.gateway()


async def test_a_gateway_sets_its_own_interval(own: OwnFace) -> None:
    """manageGateway, of which it may nothing else."""
    await own.manage("setProperty", {"reportInterval": 120_000})
    assert (await own.gateway()).report_interval_ms == 120_000


async def test_a_gateway_may_set_nothing_else(own: OwnFace) -> None:
    """403 for any other method, 400 for an interval that is none."""
    with pytest.raises(Denied):
        await own.manage("reboot")
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await own.manage("setProperty", {"reportInterval": 1})
