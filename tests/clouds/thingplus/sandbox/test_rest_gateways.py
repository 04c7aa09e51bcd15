"""Gateways and devices: every endpoint's success, and the errors of the vendor's own cases."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import FOREIGN, FOREIGN_GW, GW, TEMP, Api

DEVICE = {"reqId": f"{GW}-1", "name": "Pump", "model": "jsonrpcFullV1.0"}


async def test_a_gateway_is_read_with_texts_for_numbers(api: Api) -> None:
    """The envelope, and reportInterval and times as texts."""
    reply = await api.get(f"/v2/gateways/{GW}")
    assert reply.body["statusCode"] == reply.status == 200
    assert reply.body["message"] == "OK"
    record = reply.data
    assert (record["reportInterval"], record["tree"], record["_site"]) == ("60000", GW, "1")
    assert record["ctime"].isdecimal()
    assert TEMP in record["sensors"]
    assert "status" not in record


async def test_the_list_holds_what_the_user_may_see(api: Api) -> None:
    """His own site's, with the collection's meta data."""
    reply = await api.get("/v2/gateways")
    assert [each["id"] for each in reply.data] == [GW]
    assert reply.body["_meta"] == {"count": 1, "page": 0, "total": 1, "maxCount": 4000}


async def test_the_service_admin_sees_every_site(anonymous: Api) -> None:
    """The first account is one."""
    admin = await anonymous.signed_in("sandbox", "sandbox")
    reply = await admin.get("/v2/gateways?orderBy=id")
    assert [each["id"] for each in reply.data] == [GW, FOREIGN_GW]


async def test_strangers_and_missing_ones_are_told_apart(api: Api) -> None:
    """403 ACCESSGROUP_DENY for somebody else's, 404 NOT_FOUND for nobody's."""
    cases = {
        f"/v2/gateways/{FOREIGN_GW}": (403, "ACCESSGROUP_DENY"),
        "/v2/gateways/none": (404, "NOT_FOUND"),
        f"/v2/gateways/{GW}/sensors/none": (404, "NOT_FOUND"),
        f"/v2/gateways/{GW}/sensors/{FOREIGN}": (403, "ACCESSGROUP_DENY"),
        f"/v2/gateways/{FOREIGN_GW}/sensors/none": (403, "ACCESSGROUP_DENY"),
        f"/v2/gateways/{GW}/devices/none": (404, "NOT_FOUND"),
        "/v2/nonsense": (404, "NOT_FOUND"),
    }
    for path, expected in cases.items():
        reply = await api.get(path)
        assert (reply.status, reply.code) == expected, path
        assert reply.body["errors"][0]["category"]


async def test_the_three_faces_show_one_record(api: Api, own: Api) -> None:
    """Enveloped, raw, raw; errors with the code in the list, at the top, at the top."""
    enveloped = (await api.get(f"/v2/gateways/{GW}")).data
    assert (await api.get(f"/v1/gateways/{GW}")).body == enveloped
    assert (await own.get(f"/gateways/{GW}")).body == enveloped
    for reply in (await api.get("/v1/gateways/none"), await own.get(f"/gateways/{GW}/devices/x")):
        assert (reply.body["statusCode"], reply.body["code"]) == (404, "NOT_FOUND")


async def test_version_1_wraps_a_list_only_when_paged(api: Api) -> None:
    """An array; with count or page an object with `_meta`."""
    assert isinstance((await api.get("/v1/gateways")).body, list)
    paged = (await api.get("/v1/gateways?count=1")).body
    assert (len(paged["data"]), paged["_meta"]["count"]) == (1, 1)


async def test_a_gateway_is_changed(api: Api) -> None:
    """Name, interval, flags, place."""
    body = {
        "name": "Attic",
        "reportInterval": 120_000,
        "virtual": "y",
        "location": {"longitude": 1, "latitude": 2, "address": "here"},
    }
    record = (await api.put(f"/v2/gateways/{GW}", body)).data
    assert (record["name"], record["reportInterval"], record["virtual"]) == ("Attic", "120000", "y")
    assert (await api.get(f"/v2/gateways/{GW}")).data == record


async def test_a_wrong_change_breaks_the_schema(api: Api) -> None:
    """Unknown members, wrong types, intervals out of range; and what is no JSON at all."""
    wrong: tuple[object, ...] = ({"color": "red"}, {"name": 5}, {"reportInterval": 1000}, [])
    for body in wrong:
        reply = await api.put(f"/v2/gateways/{GW}", body)
        assert (reply.status, reply.code) == (400, "SCHEMA_VALIDATE"), body
    reply = await api.call("PUT", f"/v2/gateways/{GW}", data=b"{")
    assert (reply.status, reply.code) == (400, "JSON_PARSING")


async def test_a_deleted_gateway_is_gone_with_all_it_had(sandbox: Sandbox, api: Api) -> None:
    """204 without a body; its sensors' ids are free again."""
    reply = await api.delete(f"/v2/gateways/{GW}")
    assert (reply.status, reply.text) == (204, "")
    assert (await api.get(f"/v2/gateways/{GW}")).status == 404
    assert TEMP not in sandbox.world.sensors


async def test_a_device_lives_from_post_to_delete(api: Api) -> None:
    """Created with times as numbers, read with times as texts, changed, deleted."""
    made = await api.post(f"/v2/gateways/{GW}/devices", DEVICE)
    assert (made.status, made.body["message"]) == (201, "Created")
    assert isinstance(made.data["ctime"], int)
    path = f"/v2/gateways/{GW}/devices/{DEVICE['reqId']}"
    assert (await api.get(path)).data["ctime"] == str(made.data["ctime"])
    assert (await api.put(path, {"name": "Fan"})).data["name"] == "Fan"
    listed = await api.get(f"/v2/gateways/{GW}/devices?orderBy=id&orderDir=desc&count=1")
    assert [each["id"] for each in listed.data] == [DEVICE["reqId"]]
    assert (await api.delete(path)).status == 204
    assert (await api.get(path)).status == 404


async def test_devices_and_status_are_embedded(api: Api) -> None:
    """Devices with a query of their own; a status once there is one."""
    query = "embed=devices&embed=status&devices[fields]=model&fields=name"
    path = f"/v2/gateways/{GW}?{query}"
    device = {"id": f"{GW}-0", "model": "jsonrpcFullV1.0"}
    expected = {"id": GW, "name": "Boiler room", "devices": [device]}
    assert (await api.get(path)).data == expected
    await api.put(f"/v2/gateways/{GW}/status", {"value": "on", "timeout": 90})
    assert (await api.get(path)).data["status"]["value"] == "on"


async def test_a_wrong_device_is_refused(api: Api) -> None:
    """Taken 409, unknown model 404, anything but its three members 400."""
    path = f"/v2/gateways/{GW}/devices"
    cases = [
        (DEVICE | {"reqId": f"{GW}-0"}, 409, "CONFLICT"),
        (DEVICE | {"model": "none"}, 404, "NOT_FOUND"),
        (DEVICE | {"more": 1}, 400, "SCHEMA_VALIDATE"),
        ({"name": "x", "model": "y"}, 400, "SCHEMA_VALIDATE"),
        (DEVICE | {"reqId": "a b"}, 400, "SCHEMA_VALIDATE"),
    ]
    for body, status, code in cases:
        reply = await api.post(path, body)
        assert (reply.status, reply.code) == (status, code), body


async def test_a_gateway_discovers_only_where_it_may(sandbox: Sandbox, own: Api) -> None:
    """With its key it adds devices, until its owner says n; the tester's blame is noted."""
    assert (await own.post(f"/gateways/{GW}/devices", DEVICE)).status == 201
    sandbox.world.gateways[GW].auto_create = "n"
    refused = await own.post(f"/gateways/{GW}/devices", DEVICE | {"reqId": f"{GW}-2"})
    assert (refused.status, refused.body["code"]) == (403, "ACL_DENY")
    assert sandbox.journal.violations[-1].rule == "rest"


async def test_a_wrong_key_and_a_stranger_are_refused(anonymous: Api, own: Api) -> None:
    """401 for the key, 403 for another gateway and for what is the apps' business."""
    liar = Api(anonymous.session, anonymous.url, {"username": GW, "apikey": "wrong"})
    assert (await liar.get(f"/gateways/{GW}")).status == 401
    assert (await own.get(f"/gateways/{FOREIGN_GW}")).status == 403
    assert (await own.get("/tags")).status == 403


async def test_a_gateway_reads_what_the_vendors_own_reads(own: Api) -> None:
    """The start of the vendor's program: itself, its sensors, drivers, its model."""
    fields = await own.get(f"/gateways/{GW}?fields=model&fields=autoCreateDiscoverable")
    assert fields.body == {"id": GW, "model": "34", "autoCreateDiscoverable": "y"}
    whole = await own.get(f"/gateways/{GW}?embed=sensors")
    assert {"id", "type", "category", "driverName"} <= whole.body["sensors"][0].keys()
    drivers = await own.get("/sensorDrivers/?filter[id]=jsonrpcSensor")
    assert [each["id"] for each in drivers.body] == ["jsonrpcSensor"]
    model = await own.get("/gatewayModels/34")
    assert model.body["deviceModels"][0]["id"] == "jsonrpcFullV1.0"
