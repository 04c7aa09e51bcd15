"""Devices, sensors and their states, against the sandbox."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.query import Query
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import Conflict, Denied, NotFound, ThingPlusError
from gatewayd.clouds.thingplus.rest_types import NewDevice, NewSensor

GATEWAY = "b827eb000001"
FOREIGN = "b827eb000002"
SENSOR = NewSensor(
    id=f"{GATEWAY}-0-humi",
    name="Cellar",
    type="humidity",
    category="sensor",
    model="jsonrpcHumi",
    driver_name="jsonrpcSensor",
    network="jsonrpc",
    device_id=f"{GATEWAY}-0",
)


def ids(page: object) -> list[str]:
    return [each.id for each in page.items]  # type: ignore[attr-defined]  # Any page of records.


async def test_devices_are_made_read_changed_and_deleted(api: Rest) -> None:
    """The whole life of one."""
    devices = api.gateways.devices(GATEWAY)
    made = await devices.create(NewDevice(id="d-1", name="Attic", model="jsonrpcFullV1.0"))
    assert (made.id, made.owner) == ("d-1", GATEWAY)
    assert made.created_ms is not None
    assert ids(await devices.list()) == [f"{GATEWAY}-0", "d-1"]
    assert (await devices.get("d-1")).name == "Attic"
    assert (await devices.update("d-1", {"name": "Cellar"})).name == "Cellar"
    await devices.delete("d-1")
    with pytest.raises(NotFound):
        await devices.get("d-1")


async def test_a_device_id_is_taken_once(api: Rest) -> None:
    """409 CONFLICT, also across gateways."""
    new = NewDevice(id=f"{GATEWAY}-0", name="Again", model="jsonrpcFullV1.0")
    with pytest.raises(Conflict):
        await api.gateways.devices(FOREIGN).create(new)


async def test_a_device_needs_a_known_model(api: Rest) -> None:
    """404 NOT_FOUND."""
    with pytest.raises(NotFound):
        await api.gateways.devices(GATEWAY).create(NewDevice(id="d", name="x", model="none"))


async def test_a_missing_device_is_neither_changed_nor_deleted(api: Rest) -> None:
    """404 for each; and for the devices of a missing gateway."""
    devices = api.gateways.devices(GATEWAY)
    with pytest.raises(NotFound):
        await devices.update("none", {"name": "x"})
    with pytest.raises(NotFound):
        await devices.delete("none")
    with pytest.raises(NotFound):
        await api.gateways.devices("b827eb999999").list()


# Sensors.


async def test_sensors_are_made_read_changed_and_deleted(api: Rest) -> None:
    """The whole life of one."""
    sensors = api.gateways.sensors(GATEWAY)
    made = await sensors.create(SENSOR)
    assert (made.id, made.owner, made.device_id) == (SENSOR.id, GATEWAY, f"{GATEWAY}-0")
    assert SENSOR.id in ids(await sensors.list())
    found = await sensors.get(SENSOR.id)
    assert (found.type, found.model, found.driver_name) == (
        "humidity",
        "jsonrpcHumi",
        "jsonrpcSensor",
    )
    assert (await sensors.update(SENSOR.id, {"name": "Attic"})).name == "Attic"
    await sensors.delete(SENSOR.id)
    with pytest.raises(NotFound):
        await sensors.get(SENSOR.id)


async def test_a_sensor_id_is_taken_once(api: Rest) -> None:
    """409 CONFLICT."""
    sensors = api.gateways.sensors(GATEWAY)
    await sensors.create(SENSOR)
    with pytest.raises(Conflict) as caught:
        await sensors.create(SENSOR)
    assert caught.value.code == "CONFLICT"


async def test_an_incomplete_sensor_is_refused(api: Rest) -> None:
    """400 SCHEMA_VALIDATE."""
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.gateways.sensors(GATEWAY).create({"reqId": "x"})


async def test_a_missing_sensor_is_neither_changed_nor_deleted(api: Rest) -> None:
    """404 for each; and for the sensors of a missing gateway."""
    sensors = api.gateways.sensors(GATEWAY)
    with pytest.raises(NotFound):
        await sensors.update("none", {"name": "x"})
    with pytest.raises(NotFound):
        await sensors.delete("none")
    with pytest.raises(NotFound):
        await api.gateways.sensors("b827eb999999").list()


async def test_a_sensor_of_others_is_denied(ann: Rest) -> None:
    """403, the gateway's owner decides."""
    with pytest.raises(Denied):
        await ann.gateways.sensors(GATEWAY).get("temp")


async def test_sensors_are_filtered(api: Rest) -> None:
    """The vendor's example filters by owner and type."""
    query = Query(filter={"owner": (GATEWAY,), "type": ("temperature",)})
    assert ids(await api.gateways.sensors(GATEWAY).list(query)) == ["temp"]


async def test_a_sensors_status_is_written_and_read(api: Rest) -> None:
    """And may hold for ever."""
    sensors = api.gateways.sensors(GATEWAY)
    assert await sensors.status("temp") is None
    await sensors.put_status("temp", "off", -1)
    found = await sensors.status("temp")
    assert found is not None
    assert (found.value, found.expires_ms) == ("off", None)


async def test_the_status_of_a_missing_sensor_is_not_found(api: Rest) -> None:
    """404 for reading and writing."""
    sensors = api.gateways.sensors(GATEWAY)
    with pytest.raises(NotFound):
        await sensors.status("none")
    with pytest.raises(NotFound):
        await sensors.put_status("none", "on", 90)
