"""Registration, keys, commands and management, against the sandbox with a gateway on MQTT."""

from __future__ import annotations

from typing import Protocol

import pytest

from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import (
    ActuatorTimeout,
    Conflict,
    Denied,
    GatewayAnsweredError,
    NotFound,
    PlanExceeded,
    ServerFailed,
    ThingPlusError,
)
from gatewayd.clouds.thingplus.rest_types import NewDevice, NewGateway, NewSensor
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.fields import Secret

GATEWAY = "b827eb000001"
NEW = "b827eb000009"


class Peer(Protocol):
    """The gateway at the other end."""

    reply: dict[str, object] | None
    asked: list[dict[str, object]]


def sensor(id: str, type: str = "temperature", model: str = "jsonrpcTemp") -> NewSensor:
    return NewSensor(
        id=id,
        name=id,
        type=type,
        category="sensor",
        model=model,
        driver_name="jsonrpcSensor",
        network="jsonrpc",
        device_id=f"{NEW}-0",
    )


def new_gateway(
    *sensors: NewSensor, id: str = NEW, site: str = "1", model: str = "34"
) -> NewGateway:
    return NewGateway(
        id=id,
        site_id=site,
        model=model,
        name="New",
        report_interval_ms=60_000,
        is_discoverable=True,
        device_models=("jsonrpcFullV1.0",),
        devices=(NewDevice(id=f"{NEW}-0", name="Pi", model="jsonrpcFullV1.0"),),
        sensors=sensors,
    )


# Registration.


async def test_a_gateway_is_registered_with_all_it_has(api: Rest) -> None:
    """201: gateway, device and sensor in one request."""
    done = await api.control.register(new_gateway(sensor("s-1")))
    assert done.is_complete
    assert done.gateway.id == NEW
    assert [each.id for each in done.gateway.devices] == [f"{NEW}-0"]
    assert [each.id for each in done.gateway.sensors] == ["s-1"]
    assert (await api.gateways.sensors(NEW).get("s-1")).device_id == f"{NEW}-0"


async def test_a_registration_may_be_partial(api: Rest) -> None:
    """207: the gateway is there, and the problems say what is not."""
    done = await api.control.register(new_gateway(sensor("s-1"), sensor("temp")))
    assert not done.is_complete
    assert [problem.code for problem in done.problems] == ["CONFLICT"]
    assert (await api.gateways.get(NEW)).sensor_ids == ("s-1",)


async def test_a_gateway_is_registered_once(api: Rest) -> None:
    """409 CONFLICT."""
    with pytest.raises(Conflict):
        await api.control.register(new_gateway(id=GATEWAY))


async def test_a_registration_needs_site_model_and_rights(api: Rest, ann: Rest) -> None:
    """404 for an unknown site or model, 403 for somebody else's site, 400 for a wrong body."""
    with pytest.raises(NotFound):
        await api.control.register(new_gateway(site="99"))
    with pytest.raises(NotFound):
        await api.control.register(new_gateway(model="99"))
    with pytest.raises(Denied):
        await ann.control.register(new_gateway(site="1"))
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.control.register(new_gateway(id="not a mac"))


async def test_the_plan_limits_gateways(ann: Rest) -> None:
    """471 BILLING for one gateway too many; sensors too many make it partial or refused."""
    for last in "34":
        new = NewGateway(id=f"b827eb00000{last}", site_id="2", model="34", name="x")
        await ann.control.register(new)
    with pytest.raises(PlanExceeded) as caught:
        await ann.control.register(NewGateway(id=NEW, site_id="2", model="34", name="x"))
    assert caught.value.category == "BILLING_ERROR"


async def test_a_key_is_registered(api: Rest, sandbox: Sandbox) -> None:
    """The key that MQTT takes as password."""
    key = await api.control.register_key(NEW, "34")
    assert key.reveal() == sandbox.world.keys[NEW].key


async def test_a_key_is_for_ids_of_the_models_form(api: Rest, ann: Rest) -> None:
    """400 SCHEMA_VALIDATE, 404 for an unknown model, 403 for somebody else's gateway."""
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.control.register_key("not a mac", "34")
    with pytest.raises(NotFound):
        await api.control.register_key(NEW, "99")
    with pytest.raises(Denied):
        await ann.control.register_key(GATEWAY, "34")


async def test_a_prepared_key_is_fetched_with_the_vendors(api: Rest, sandbox: Sandbox) -> None:
    """apikeyReady, then activateGatewayKey without a login."""
    await api.control.prepare_key(NEW, "34")
    vendor = Secret(sandbox.world.vendor_keys["daliworks"])
    key = await api.control.activate_key(NEW, vendor)
    assert key.reveal() == sandbox.world.keys[NEW].key


async def test_a_key_that_was_not_prepared_is_not_fetched(api: Rest, sandbox: Sandbox) -> None:
    """500 QUERY_RESULT_EMPTY, 404 for an unknown vendor key, 400 for another vendor's."""
    vendor = Secret(sandbox.world.vendor_keys["daliworks"])
    with pytest.raises(ServerFailed) as nothing:
        await api.control.activate_key(NEW, vendor)
    assert (nothing.value.code, nothing.value.category) == ("QUERY_RESULT_EMPTY", "DB_ERROR")
    await api.control.prepare_key(NEW, "34")
    with pytest.raises(NotFound):
        await api.control.activate_key(NEW, Secret("none"))
    with pytest.raises(ThingPlusError, match="MISMATCH_ERROR"):
        await api.control.activate_key(NEW, Secret("other-key"))
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.control.activate_key("not a mac", vendor)


# Commands.


async def test_a_command_reaches_its_actuator(api: Rest, gateway: Peer) -> None:
    """And the gateway's answer comes back."""
    done = await api.control.control(GATEWAY, "relay", "on", {"duration": 3000})
    assert (done.cmd, done.result) == ("on", "success")
    assert gateway.asked[0]["method"] == "controlActuator"
    assert gateway.asked[0]["params"] == {
        "id": "relay",
        "cmd": "on",
        "options": {"duration": 3000},
    }


async def test_a_command_that_nobody_answers_times_out(api: Rest, gateway: Peer) -> None:
    """504 PROCESS_COMMAND_RESULT; a gateway that is away looks the same."""
    gateway.reply = None
    with pytest.raises(ActuatorTimeout) as caught:
        await api.control.control(GATEWAY, "relay", "on")
    assert (caught.value.status, caught.value.code) == (504, "PROCESS_COMMAND_RESULT")
    with pytest.raises(ActuatorTimeout):
        await api.control.control("b827eb000002", "other", "on")


async def test_a_command_that_the_gateway_refuses_is_an_error(api: Rest, gateway: Peer) -> None:
    """600 PROCESS_COMMAND_RESULT, with the gateway's own words."""
    gateway.reply = {"error": {"code": -32000, "message": "interlocked"}}
    with pytest.raises(GatewayAnsweredError, match="interlocked") as caught:
        await api.control.control(GATEWAY, "relay", "on")
    assert (caught.value.status, caught.value.category) == (600, "GATEWAY_ERROR")


async def test_a_command_needs_an_actuator_of_ours(api: Rest, ann: Rest) -> None:
    """404 for a missing gateway or sensor, 403 for somebody else's."""
    with pytest.raises(NotFound):
        await api.control.control("b827eb999999", "relay", "on")
    with pytest.raises(NotFound):
        await api.control.control(GATEWAY, "none", "on")
    with pytest.raises(Denied, match="ACCESSGROUP_DENY"):
        await ann.control.control(GATEWAY, "relay", "on")


async def test_a_gateway_is_managed(api: Rest, gateway: Peer) -> None:
    """The method goes through as it is; the answer is the result, object or text."""
    gateway.reply = {"result": {"stdout": "requireRestart"}}
    done = await api.control.manage(GATEWAY, "reboot")
    assert done.data == {"stdout": "requireRestart"}
    gateway.reply = {"result": ""}
    done = await api.control.manage(GATEWAY, "setProperty", {"reportInterval": 120_000})
    assert done.result == ""
    assert gateway.asked[1]["params"] == {"reportInterval": "120000"}
    assert (await api.gateways.get(GATEWAY)).report_interval_ms == 120_000


async def test_only_what_the_model_can_is_managed(api: Rest, gateway: Peer) -> None:
    """400 for an unknown method, 404 for a missing gateway, 504 and 600 as for commands."""
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.control.manage(GATEWAY, "shell", {"cmd": "ls"})
    with pytest.raises(NotFound):
        await api.control.manage("b827eb999999", "reboot")
    gateway.reply = {"error": {"code": -32601, "message": "unknown method"}}
    with pytest.raises(GatewayAnsweredError):
        await api.control.manage(GATEWAY, "reboot")
    gateway.reply = None
    with pytest.raises(ActuatorTimeout):
        await api.control.manage(GATEWAY, "reboot")
