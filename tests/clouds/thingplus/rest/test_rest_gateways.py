"""Gateways, devices and sensors with their states, against the sandbox."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gatewayd.clouds.thingplus.query import Embed, OrderDir, Pairs, Query, SeriesQuery
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import Conflict, Denied, NotFound, ThingPlusError
from gatewayd.clouds.thingplus.rest_types import NewDevice, NewSensor
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox

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


@dataclass(frozen=True)
class Words:
    """A query that the client itself would not make."""

    words: Pairs

    def pairs(self, path: tuple[str, ...] = ()) -> Pairs:
        return self.words


async def refusal_of(api: Rest, *words: tuple[str, str]) -> str:
    """Return the code of the error that a list of gateways with these words is refused with."""
    with pytest.raises(ThingPlusError) as caught:
        await api._calls.get("/gateways", Words(list(words)))
    assert caught.value.status == 400
    return caught.value.code


def ids(page: object) -> list[str]:
    return [each.id for each in page.items]  # type: ignore[attr-defined]  # Any page of records.


# Gateways.


async def test_gateways_are_listed(api: Rest) -> None:
    """All that the user may see, with what the cloud says about the whole."""
    page = await api.gateways.list()
    assert ids(page) == [GATEWAY, FOREIGN]
    assert page.meta.total == page.meta.count == 2


async def test_gateways_of_others_are_not_listed(ann: Rest) -> None:
    """Another site's user sees none."""
    assert ids(await ann.gateways.list()) == []


async def test_a_gateway_is_read(api: Rest) -> None:
    """Its own record, with ids of what belongs to it."""
    found = await api.gateways.get(GATEWAY)
    assert (found.name, found.model, found.report_interval_ms) == ("Boiler room", "34", 60_000)
    assert found.sensor_ids == ("temp", "text", "relay")


async def test_a_missing_gateway_is_not_found(api: Rest) -> None:
    """404 NOT_FOUND."""
    with pytest.raises(NotFound) as caught:
        await api.gateways.get("b827eb999999")
    assert (caught.value.code, caught.value.category) == ("NOT_FOUND", "REQUEST_ERROR")


async def test_a_gateway_of_others_is_denied(ann: Rest) -> None:
    """403 ACCESSGROUP_DENY."""
    with pytest.raises(Denied) as caught:
        await ann.gateways.get(GATEWAY)
    assert caught.value.code == "ACCESSGROUP_DENY"
    assert caught.value.category == "AUTHORIZATION_ERROR"


async def test_a_gateway_is_changed(api: Rest) -> None:
    """Under the cloud's own names; the rest stays."""
    changed = await api.gateways.update(GATEWAY, {"name": "Attic", "reportInterval": 120_000})
    assert (changed.name, changed.report_interval_ms, changed.model) == ("Attic", 120_000, "34")


async def test_an_unknown_field_of_a_gateway_is_refused(api: Rest) -> None:
    """400 SCHEMA_VALIDATE."""
    with pytest.raises(ThingPlusError) as caught:
        await api.gateways.update(GATEWAY, {"colour": "green"})
    assert (caught.value.status, caught.value.code) == (400, "SCHEMA_VALIDATE")


async def test_a_gateway_is_deleted(api: Rest) -> None:
    """204, and it is gone."""
    await api.gateways.delete(FOREIGN)
    with pytest.raises(NotFound):
        await api.gateways.delete(FOREIGN)


async def test_a_gateway_of_others_is_not_deleted(ann: Rest, api: Rest) -> None:
    """It is still there afterwards."""
    with pytest.raises(Denied):
        await ann.gateways.delete(GATEWAY)
    assert (await api.gateways.get(GATEWAY)).id == GATEWAY


async def test_a_status_is_written_and_read(api: Rest) -> None:
    """With how long it is to be believed."""
    assert await api.gateways.status(GATEWAY) is None
    await api.gateways.put_status(GATEWAY, "on", 90)
    found = await api.gateways.status(GATEWAY)
    assert found is not None
    assert found.value == "on"
    assert found.time_ms is not None
    assert found.expires_ms == found.time_ms + 90_000


async def test_a_status_that_is_no_word_is_refused(api: Rest) -> None:
    """on, off or err."""
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.gateways.put_status(GATEWAY, "fine", 90)


async def test_the_status_of_a_missing_gateway_is_not_found(api: Rest) -> None:
    """404 for reading and writing."""
    with pytest.raises(NotFound):
        await api.gateways.status("b827eb999999")
    with pytest.raises(NotFound):
        await api.gateways.put_status("b827eb999999", "on", 90)


async def test_the_states_of_a_stretch_of_time_can_be_asked_for(
    api: Rest, sandbox: Sandbox
) -> None:
    """The query of a series is taken for statuses too."""
    await api.gateways.put_status(GATEWAY, "on", 90)
    query = SeriesQuery(start_ms=sandbox.clock.now_ms() - 60_000, interval="0")
    found = await api.gateways.status_history(GATEWAY, query)
    assert found.latest is not None
    assert found.latest.value == "on"


# Queries of collections.


async def test_a_collection_is_read_page_by_page(api: Rest) -> None:
    """count and page; total says how much there is."""
    page = await api.gateways.list(Query(count=1, page=1))
    assert ids(page) == [FOREIGN]
    assert (page.meta.page, page.meta.total, page.meta.max_count) == (1, 2, 4000)
    assert [each.id async for each in api.gateways.all(Query(count=1))] == [GATEWAY, FOREIGN]


async def test_a_collection_is_sorted(api: Rest) -> None:
    """orderBy and orderDir."""
    page = await api.gateways.list(Query(order_by="id", order_dir=OrderDir.DESC))
    assert ids(page) == [FOREIGN, GATEWAY]


async def test_only_some_fields_are_read(api: Rest) -> None:
    """fields keeps the id and what is named."""
    found = await api.gateways.get(GATEWAY, Query(fields=("model",)))
    assert (found.id, found.model, found.name) == (GATEWAY, "34", "")


async def test_filters_are_and_across_keys_or_within_one(api: Rest) -> None:
    """As the vendor's page says."""
    either = Query(filter={"id": (GATEWAY, FOREIGN), "name": ("Boiler room",)})
    assert ids(await api.gateways.list(either)) == [GATEWAY]
    assert ids(await api.gateways.list(Query(filter={"id": ("none",)}))) == []


async def test_other_resources_are_embedded(api: Rest) -> None:
    """sensors, devices, status, each as objects."""
    await api.gateways.put_status(GATEWAY, "on", 90)
    query = Query(embed=(Embed("sensors"), Embed("devices"), Embed("status")))
    found = await api.gateways.get(GATEWAY, query)
    assert [each.type for each in found.sensors] == ["temperature", "string", "powerSwitch"]
    assert [each.name for each in found.devices] == ["Pi"]
    assert found.status is not None


async def test_what_is_not_embedded_stays_an_id(api: Rest) -> None:
    """Nothing is expanded that was not asked for."""
    await api.gateways.put_status(GATEWAY, "on", 90)
    found = await api.gateways.get(GATEWAY)
    assert (found.sensors, found.devices, found.status) == ((), (), None)


async def test_records_are_read_by_their_time(api: Rest, sandbox: Sandbox) -> None:
    """start is included, end is not."""
    now_ms = sandbox.clock.now_ms()
    young = Query(start_ms=now_ms - 60_000, end_ms=now_ms + 60_000)
    page = await api.gateways.list(young)
    assert len(page.items) == 2
    assert (page.meta.start_ms, page.meta.end_ms) == (now_ms - 60_000, now_ms + 60_000)
    assert ids(await api.gateways.list(Query(end_ms=now_ms - 60_000))) == []


async def test_a_query_that_makes_no_sense_is_refused(api: Rest) -> None:
    """400 INVALID_INPUT."""
    with pytest.raises(ThingPlusError) as caught:
        await api.gateways.list(Query(page=-1))
    assert (caught.value.status, caught.value.code) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", ""])
async def test_a_time_that_is_none_is_refused(api: Rest, text: str) -> None:
    """400 INVALID_INPUT, at either end."""
    for name in ("start", "end"):
        assert await refusal_of(api, (name, text)) == "INVALID_INPUT"


async def test_a_direction_that_is_none_is_refused(api: Rest) -> None:
    """400 INVALID_INPUT."""
    assert await refusal_of(api, ("orderBy", "id"), ("orderDir", "up")) == "INVALID_INPUT"


async def test_a_filter_without_a_name_is_refused(api: Rest) -> None:
    """400 INVALID_INPUT; so are brackets that do not close."""
    assert await refusal_of(api, ("filter", "y")) == "INVALID_INPUT"
    assert await refusal_of(api, ("filter[virtual", "y")) == "INVALID_INPUT"


async def test_a_field_that_is_not_there_is_not_read(api: Rest) -> None:
    """The id stays."""
    found = await api.gateways.get(GATEWAY, Query(fields=("colour",)))
    assert (found.id, found.model) == (GATEWAY, "")


# Devices.


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
