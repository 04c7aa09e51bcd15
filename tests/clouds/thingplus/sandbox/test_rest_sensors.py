"""Sensors and actuators over REST, on both faces."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import FOREIGN, GW, RELAY, TEMP, Api

SENSOR = {
    "reqId": f"{GW}-1-humi",
    "category": "sensor",
    "type": "humidity",
    "model": "jsonrpcHumi",
    "driverName": "jsonrpcSensor",
    "network": "jsonrpc",
    "name": "Attic",
    "deviceId": f"{GW}-0",
}
PATH = f"/v2/gateways/{GW}/sensors"


async def test_a_sensor_lives_from_post_to_delete(api: Api) -> None:
    """Created, read, changed, deleted; `status` and `series` are not there before the first."""
    made = await api.post(PATH, SENSOR | {"options": {"a": 1}, "address": "7", "sequence": 1})
    assert made.status == 201
    assert (made.data["owner"], made.data["options"]) == (GW, {"a": 1})
    one = f"{PATH}/{SENSOR['reqId']}"
    read = (await api.get(one)).data
    assert read == made.data | {key: str(made.data[key]) for key in ("ctime", "mtime")}
    assert not {"status", "series"} & read.keys()
    assert (await api.put(one, {"name": "Loft"})).data["name"] == "Loft"
    assert (await api.delete(one)).status == 204
    assert (await api.get(one)).status == 404


async def test_a_wrong_sensor_is_refused(api: Api) -> None:
    """Taken, also by a stranger, 409; missing, ill-typed and unknown members 400."""
    cases = [
        (SENSOR | {"reqId": TEMP}, 409, "CONFLICT"),
        (SENSOR | {"reqId": FOREIGN}, 409, "CONFLICT"),
        (SENSOR | {"category": "both"}, 400, "SCHEMA_VALIDATE"),
        (SENSOR | {"type": 5}, 400, "SCHEMA_VALIDATE"),
        (SENSOR | {"owner": GW}, 400, "SCHEMA_VALIDATE"),
        ({key: SENSOR[key] for key in SENSOR if key != "network"}, 400, "SCHEMA_VALIDATE"),
    ]
    for body, status, code in cases:
        reply = await api.post(PATH, body)
        assert (reply.status, reply.code) == (status, code), body


async def test_a_plan_that_is_used_up_is_billing(anonymous: Api) -> None:
    """The second site may have two sensors; the third is 471."""
    bob = await anonymous.signed_in("bob", "banana")
    path = "/v2/gateways/b827eb000002/sensors"
    assert (await bob.post(path, SENSOR | {"reqId": "s2"})).status == 201
    reply = await bob.post(path, SENSOR | {"reqId": "s3"})
    assert (reply.status, reply.code, reply.body["message"]) == (471, "BILLING", "Billing")


async def test_the_gateway_may_send_along_what_the_cloud_writes(own: Api) -> None:
    """The vendor's own gateway does: owner, ctime, series; they are passed over."""
    more = {"owner": GW, "ctime": "1", "series": {}, "address": "1", "options": {}}
    made = await own.post(f"/gateways/{GW}/sensors", SENSOR | more)
    assert made.status == 201
    assert made.body["ctime"] != "1"
    changed = await own.put(f"/gateways/{GW}/sensors/{SENSOR['reqId']}", made.body | {"name": "N"})
    assert (changed.status, changed.body["name"]) == (200, "N")
    assert (await own.delete(f"/gateways/{GW}/sensors/{SENSOR['reqId']}")).status == 204


async def test_sensors_are_filtered_sorted_and_cut(api: Api) -> None:
    """`and` between names, `or` within one, fields keep the id."""
    both = await api.get(f"{PATH}?filter[type]=temperature&filter[type]=onoff&filter[owner]={GW}")
    assert len(both.data) == 2
    none = await api.get(f"{PATH}?filter[type]=temperature&filter[category]=actuator")
    assert none.data == []
    cut = await api.get(f"{PATH}?fields=name&orderBy=name&orderDir=desc")
    assert cut.data[0] == {"id": RELAY, "name": RELAY}


async def test_embeds_nest_as_the_vendor_shows(sandbox: Sandbox, api: Api) -> None:
    """All five of the published examples."""
    sandbox.world.sensors[TEMP].series.append([1_439_342_040_000, 1_439_342_050_000], [1, 2])
    span = "[dataStart]=2015-08-12T01:14:00.000Z&{0}[dataEnd]=2015-08-12T02:14:00.000Z"
    span += "&{0}[interval]=3m&{0}[intervalFunc]=sum"

    def with_span(name: str) -> str:
        return name + span.format(name)

    inner = with_span("sensors[series]")
    series = (await api.get(f"{PATH}/{TEMP}?embed=series&{with_span('series')}")).data["series"]
    assert series["data"] == [3, 1_439_341_920_000]
    assert series["_meta"]["stat"] == "sum"
    listed = (await api.get(f"{PATH}?embed=series&{with_span('series')}")).data
    by_id = {each["id"]: each for each in listed}
    assert by_id[TEMP]["series"]["data"] == series["data"]
    assert by_id[RELAY]["series"]["data"] == []
    one = await api.get(f"/v2/gateways/{GW}?embed=sensors&sensors[embed]=series&{inner}")
    every = await api.get(f"/v2/gateways?embed=sensors&sensors[embed]=series&{inner}")
    assert one.data["sensors"] == every.data[0]["sensors"]
    assert {each["id"]: each for each in one.data["sensors"]}[TEMP]["series"] == series


async def test_an_embedded_list_can_be_filtered(api: Api) -> None:
    """`sensors[filter]` and `sensors[fields]` work like those of the collection itself."""
    query = "embed=sensors&sensors[filter][category]=actuator&sensors[fields]=type"
    reply = await api.get(f"/v2/gateways/{GW}?{query}")
    assert reply.data["sensors"] == [{"id": RELAY, "type": "powerSwitch"}]
