"""The catalogue, tags, rules, push devices and timelines."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import DI, FOREIGN, TEMP, Api

RULE = {"name": "Too hot", "trigger": {"type": "temperature", "filter": {"sensor": [TEMP]}}}
BODIES: dict[str, dict[str, Any]] = {
    "tags": {"name": "Floor", "sensors": [TEMP, DI]},
    "rules": RULE | {"severity": "fatal", "actions": [[]]},
    "pushDevices": {"token": "t", "type": "android"},
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_record_lives_from_post_to_delete(api: Api, name: str) -> None:
    """Created, listed, read, changed, deleted."""
    made = await api.post(f"/v2/{name}", BODIES[name])
    assert made.status == 201
    assert BODIES[name].items() <= made.data.items()
    assert isinstance(made.data["ctime"], int)
    one = f"/v2/{name}/{made.data['id']}"
    read = await api.get(one)
    assert read.data["_user"]
    assert [each["id"] for each in (await api.get(f"/v2/{name}")).data] == [made.data["id"]]
    assert (await api.put(one, {"name": "Other"})).data["name"] == "Other"
    assert (await api.delete(one)).status == 204
    missing = await api.get(one)
    assert (missing.status, missing.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", BODIES)
async def test_a_record_is_its_users_own(anonymous: Api, api: Api, name: str) -> None:
    """Another user sees nothing of it: 403 ACCESSGROUP_DENY, and an empty list."""
    body = {**BODIES[name], "sensors": []} if name == "tags" else BODIES[name]
    made = await api.post(f"/v2/{name}", body)
    bob = await anonymous.signed_in("bob", "banana")
    assert (await bob.get(f"/v2/{name}")).data == []
    for reply in (
        await bob.get(f"/v2/{name}/{made.data['id']}"),
        await bob.delete(f"/v2/{name}/{made.data['id']}"),
    ):
        assert (reply.status, reply.code) == (403, "ACCESSGROUP_DENY")


async def test_a_wrong_record_breaks_the_schema(api: Api) -> None:
    """Missing, unknown, ill-typed."""
    cases: list[tuple[str, Any]] = [
        ("tags", {"name": "x"}),
        ("tags", {"name": "x", "sensors": [1]}),
        ("tags", {"name": "x", "sensors": [], "more": 1}),
        ("rules", {"name": "x"}),
        ("rules", RULE | {"severity": "mild"}),
    ]
    for name, body in cases:
        reply = await api.post(f"/v2/{name}", body)
        assert (reply.status, reply.code) == (400, "SCHEMA_VALIDATE"), body


async def test_a_tag_names_sensors_of_ones_own(api: Api) -> None:
    """404 for nobody's, 403 for somebody's."""
    for sensor, status in (("none", 404), (FOREIGN, 403)):
        reply = await api.post("/v2/tags", {"name": "x", "sensors": [sensor]})
        assert reply.status == status


async def test_a_plan_limits_rules(anonymous: Api) -> None:
    """471 BILLING."""
    bob = await anonymous.signed_in("bob", "banana")
    assert (await bob.post("/v2/rules", RULE)).status == 201
    reply = await bob.post("/v2/rules", RULE)
    assert (reply.status, reply.code) == (471, "BILLING")


async def test_a_timeline_is_read_between_two_ids(sandbox: Sandbox, api: Api) -> None:
    """Newest first; maxId is included, sinceId is not."""
    for number in range(10, 15):
        entry = {"id": str(number), "time": str(number), "type": "sensorValue", "_site": "1"}
        sandbox.world.add_document("timelines", entry)
    sandbox.world.add_document("timelines", {"id": "20", "time": "20", "_site": "2"})
    reply = await api.get("/v2/timelines?maxId=13&sinceId=10&count=2")
    assert [each["id"] for each in reply.data] == ["13", "12"]
    meta = reply.body["_meta"]
    assert (meta["maxId"], meta["sinceId"], meta["count"]) == ("13", "10", 2)
    assert (await api.get("/v2/timelines/12")).data["time"] == "12"
    assert (await api.get("/v2/timelines?maxId=x")).status == 400
    assert (await api.post("/v2/timelines", {})).status in (403, 404)


async def test_the_catalogue_lists_types_drivers_and_models(api: Api) -> None:
    """By list and by id; what is not there is not found."""
    assert (await api.get("/v2/sensorTypes/temperature")).data["unit"] == "°C"
    led = (await api.get("/v2/sensorTypes/led")).data
    assert led["commands"]["blink"]["interval"]["default"] == 5000
    assert (await api.get("/v2/sensorDrivers/jsonrpcSensor")).data["onChange"]["jsonrpcDi"] is True
    model = (await api.get("/v2/gatewayModels/34")).data
    assert model["displayName"] == "Open Source Gateway"
    assert {"18", "32", "34", "52"} <= {
        each["id"] for each in (await api.get("/v2/gatewayModels")).data
    }
    assert (await api.get("/v2/sensorTypes/none")).status == 404
