"""Registering gateways, with keys shown and keys fetched."""

from __future__ import annotations

from typing import Any

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import FOREIGN_GW, GW, TEMP, Api
from tests.mqtt_peer import Login, mqtt_peer

NEW = "b827eb000009"
KEY_BODY = {"id": NEW, "modelId": "34", "authType": "apikey"}


def registration(**params: Any) -> dict[str, Any]:
    usual = {
        "siteId": "1",
        "model": "34",
        "name": "New",
        "reportInterval": 60_000,
        "deviceModels": [{"model": "jsonrpcFullV1.0"}],
        "devices": [{"reqId": f"{NEW}-0", "name": "D", "model": "jsonrpcFullV1.0"}],
        "sensors": [sensor(f"{NEW}-0-temp")],
    }
    return {"id": NEW, "params": usual | params}


def sensor(name: str) -> dict[str, str]:
    return {
        "reqId": name,
        "category": "sensor",
        "type": "temperature",
        "model": "jsonrpcTemp",
        "driverName": "jsonrpcSensor",
        "network": "jsonrpc",
        "name": "T",
        "deviceId": f"{NEW}-0",
    }


async def test_a_key_and_a_registration_make_a_gateway_that_may_connect(
    sandbox: Sandbox, api: Api
) -> None:
    """The whole of §8.6: the key alone opens nothing, with the gateway it does."""
    reply = await api.post("/v2/registerGatewayKey", KEY_BODY)
    assert reply.status == 200
    key = reply.data[NEW]
    assert (len(key), key[-1]) == (28, "=")
    who = Login(client_id=NEW, username=NEW, password=key)
    async with mqtt_peer(sandbox.mqtt_port, who) as early:
        assert early.connack != 0
    made = await api.post("/v2/registerGateway", registration())
    assert (made.status, made.data["id"]) == (201, NEW)
    assert [each["id"] for each in made.data["devices"]] == [f"{NEW}-0"]
    assert [each["id"] for each in made.data["sensors"]] == [f"{NEW}-0-temp"]
    async with mqtt_peer(sandbox.mqtt_port, who) as late:
        assert late.connack == 0


async def test_the_later_name_of_the_id_is_taken_too(api: Api) -> None:
    """`reqId`, as the later guide has it."""
    body = registration()
    body["reqId"] = body.pop("id")
    assert (await api.post("/v2/registerGateway", body)).status == 201


async def test_a_taken_part_makes_it_a_multi_status(api: Api) -> None:
    """207 CONFLICT: the gateway is there, the sensor is not."""
    body = registration(sensors=[sensor(TEMP), sensor(f"{NEW}-0-t2")])
    reply = await api.post("/v2/registerGateway", body)
    assert (reply.status, reply.code, reply.body["message"]) == (207, "CONFLICT", "Multi-Status")
    assert [each["id"] for each in reply.data["sensors"]] == [f"{NEW}-0-t2"]
    assert (await api.get(f"/v2/gateways/{NEW}")).status == 200


async def test_a_wrong_registration_is_refused(api: Api) -> None:
    """Taken, unknown, a stranger's, of another shape; nothing is made."""
    cases: list[tuple[Any, int, str]] = [
        (registration() | {"id": GW}, 409, "CONFLICT"),
        (registration(model="999"), 404, "NOT_FOUND"),
        (registration(siteId="999"), 404, "NOT_FOUND"),
        (registration(siteId="2"), 403, "ACCESSGROUP_DENY"),
        (registration(more=1), 400, "SCHEMA_VALIDATE"),
        (registration(name=1), 400, "SCHEMA_VALIDATE"),
        (registration(sensors=[{"reqId": "x"}]), 400, "SCHEMA_VALIDATE"),
        (registration() | {"id": "B8:27:EB:00:00:09"}, 400, "SCHEMA_VALIDATE"),
        ({"params": registration()["params"]}, 400, "SCHEMA_VALIDATE"),
    ]
    for body, status, code in cases:
        reply = await api.post("/v2/registerGateway", body)
        assert (reply.status, reply.code) == (status, code), body
    assert (await api.get(f"/v2/gateways/{NEW}")).status == 404


async def test_a_plan_limits_gateways(anonymous: Api) -> None:
    """The second site may have two; the third is 471 BILLING."""
    bob = await anonymous.signed_in("bob", "banana")
    bare = {"siteId": "2", "model": "34", "name": "N"}
    assert (await bob.post("/v2/registerGateway", {"id": NEW, "params": bare})).status == 201
    more = {"id": "b827eb00000a", "params": bare}
    reply = await bob.post("/v2/registerGateway", more)
    assert (reply.status, reply.code) == (471, "BILLING")


async def test_an_http_only_gateway_has_a_uuid(api: Api) -> None:
    """Model 52: 32 hex digits, and nothing else."""
    body = {"params": {"siteId": "1", "model": "52", "name": "N"}}
    assert (await api.post("/v2/registerGateway", body | {"id": NEW})).status == 400
    assert (await api.post("/v2/registerGateway", body | {"id": "0" * 32})).status == 201


async def test_a_wrong_request_for_a_key_is_refused(api: Api) -> None:
    """An id of another form, an unknown model, a stranger's gateway."""
    cases = [
        (KEY_BODY | {"id": "x"}, 400, "SCHEMA_VALIDATE"),
        (KEY_BODY | {"modelId": "999"}, 404, "NOT_FOUND"),
        (KEY_BODY | {"authType": "magic"}, 400, "SCHEMA_VALIDATE"),
        (KEY_BODY | {"id": FOREIGN_GW}, 403, "ACCESSGROUP_DENY"),
        (KEY_BODY | {"authType": "cert"}, 400, "INVALID_INPUT"),
    ]
    for body, status, code in cases:
        reply = await api.post("/v2/registerGatewayKey", body)
        assert (reply.status, reply.code) == (status, code), body


async def test_a_device_fetches_its_own_key(sandbox: Sandbox, anonymous: Api, api: Api) -> None:
    """apikeyReady shows nothing to the app; the vendor's key gets it out, without a login."""
    ready = await api.post("/v2/registerGatewayKey", KEY_BODY | {"authType": "apikeyReady"})
    assert (ready.status, "data" in ready.body) == (200, False)
    body = {"gatewayId": NEW, "vendorKey": "sandbox-vendor-key"}
    reply = await anonymous.post("/v2/activateGatewayKey", body)
    assert (reply.status, reply.data) == (200, {NEW: sandbox.world.keys[NEW].key})


async def test_a_wrong_activation_is_refused(sandbox: Sandbox, anonymous: Api, api: Api) -> None:
    """The four cases of the vendor."""
    await api.post("/v2/registerGatewayKey", KEY_BODY | {"authType": "apikeyReady"})
    sandbox.provision({"vendor_keys": {"acme": "acme-key"}})
    cases = [
        ({"gatewayId": NEW, "vendorKey": "acme-key"}, 400, "MISMATCH_ERROR"),
        ({"gatewayId": NEW, "vendorKey": "none"}, 404, "NOT_FOUND"),
        ({"gatewayId": GW, "vendorKey": "sandbox-vendor-key"}, 500, "QUERY_RESULT_EMPTY"),
        ({"gatewayId": "a b", "vendorKey": "sandbox-vendor-key"}, 400, "SCHEMA_VALIDATE"),
        ({"gatewayId": NEW}, 400, "SCHEMA_VALIDATE"),
    ]
    for body, status, code in cases:
        reply = await anonymous.post("/v2/activateGatewayKey", body)
        assert (reply.status, reply.code) == (status, code), body
