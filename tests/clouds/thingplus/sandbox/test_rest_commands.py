"""controlActuator and manageGateway, all the way to a gateway and back."""

from __future__ import annotations

import gzip
import time
from typing import Any

import orjson
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox, SandboxSettings
from tests.clouds.thingplus.sandbox.device import Device, online, success
from tests.clouds.thingplus.sandbox.scene import FOREIGN, FOREIGN_GW, GW, RELAY, Api


def command(**params: Any) -> dict[str, Any]:
    return {
        "id": GW,
        "act": "controlActuator",
        "params": {"id": RELAY, "cmd": "on", "options": {"duration": 3000}} | params,
    }


async def test_a_command_reaches_the_gateway_unchanged_and_comes_back(
    sandbox: Sandbox, api: Api
) -> None:
    """`act` becomes the method, params stay, the id has nine letters; the result is stored."""
    sandbox.device_side.time_sync.is_on = False
    async with online(sandbox) as device:
        reply = await api.post("/v2/controlActuator", command())
        (request,) = device.asked
    assert (reply.status, reply.data) == (200, {"cmd": "on", "result": "success"})
    assert request["method"] == "controlActuator"
    assert request["params"] == command()["params"]
    assert len(request["id"]) == 9
    assert request["id"] == request["id"].lower()
    read = await api.get(f"/v2/gateways/{GW}/sensors/{RELAY}/series")
    assert read.data["series"]["value"] == {"cmd": "on", "result": "success"}


async def test_an_answer_may_be_gzip_and_an_object(sandbox: Sandbox, api: Api) -> None:
    """For `get`-like commands."""

    def packed(request: dict[str, Any]) -> list[bytes]:
        return [gzip.compress(orjson.dumps({"id": request["id"], "result": {"t": 21.5}}))]

    async with online(sandbox, packed):
        reply = await api.post("/v2/controlActuator", command(cmd="get"))
    assert reply.data == {"cmd": "get", "result": {"t": 21.5}}


async def test_the_first_answer_counts(sandbox: Sandbox, api: Api) -> None:
    """The vendor's gateway answers twice when it restarts."""

    def twice(request: dict[str, Any]) -> list[bytes]:
        first = orjson.dumps({"id": request["id"], "result": {"stdout": "requireRestart"}})
        return [first, orjson.dumps({"id": request["id"], "result": ""})]

    async with online(sandbox, twice):
        reply = await api.post("/v2/manageGateway", {"id": GW, "act": "restart"})
    assert (reply.status, reply.data) == (200, {"stdout": "requireRestart"})


async def test_a_gateway_that_cannot_is_a_gateway_error(sandbox: Sandbox, api: Api) -> None:
    """600 PROCESS_COMMAND_RESULT with its code and words."""

    def refuse(request: dict[str, Any]) -> list[bytes]:
        error = {"code": -32000, "message": "invalid options"}
        return [orjson.dumps({"id": request["id"], "error": error})]

    async with online(sandbox, refuse):
        reply = await api.post("/v2/controlActuator", command())
    assert (reply.status, reply.code) == (600, "PROCESS_COMMAND_RESULT")
    assert reply.body["errors"][0]["category"] == "GATEWAY_ERROR"
    assert "invalid options" in reply.body["errors"][0]["message"]


async def test_a_gateway_that_is_silent_is_a_timeout(sandbox: Sandbox, api: Api) -> None:
    """504 PROCESS_COMMAND_RESULT, after the configured time; not online is the same."""
    sandbox.world.settings = SandboxSettings(command_timeout_s=0.2)
    for _ in range(2):
        reply = await api.post("/v2/controlActuator", command())
        assert (reply.status, reply.code) == (504, "PROCESS_COMMAND_RESULT")
        assert reply.body["message"] == "Gateway Time-out"
    assert sandbox.journal.counts["requests_unanswered"] == 2


async def test_wrong_commands_are_refused_before_they_are_sent(sandbox: Sandbox, api: Api) -> None:
    """Schema 400, missing 404, a stranger's 403."""
    cases: list[tuple[Any, int, str]] = [
        (command() | {"act": "blink"}, 400, "SCHEMA_VALIDATE"),
        (command() | {"more": 1}, 400, "SCHEMA_VALIDATE"),
        (command(more=1), 400, "SCHEMA_VALIDATE"),
        (command(options="x"), 400, "SCHEMA_VALIDATE"),
        (command(cmd=None), 400, "SCHEMA_VALIDATE"),
        ({"id": GW, "act": "controlActuator"}, 400, "SCHEMA_VALIDATE"),
        (command() | {"id": "none"}, 404, "NOT_FOUND"),
        (command(id="none"), 404, "NOT_FOUND"),
        (command(id=FOREIGN), 403, "ACCESSGROUP_DENY"),
        (command(id=FOREIGN) | {"id": FOREIGN_GW}, 403, "ACCESSGROUP_DENY"),
    ]
    for body, status, code in cases:
        reply = await api.post("/v2/controlActuator", body)
        assert (reply.status, reply.code) == (status, code), body
    assert sandbox.journal.counts["requests"] == 0


async def test_an_interval_is_sent_as_text_and_noted(sandbox: Sandbox, api: Api) -> None:
    """setProperty: the one form that every gateway accepts."""
    async with online(sandbox) as device:
        body = {"id": GW, "act": "setProperty", "params": {"reportInterval": 120_000}}
        assert (await api.post("/v2/manageGateway", body)).status == 200
        request = next(each for each in device.asked if each["method"] == "setProperty")
    assert request["params"] == {"reportInterval": "120000"}
    assert (await api.get(f"/v2/gateways/{GW}")).data["reportInterval"] == "120000"


async def test_a_gateway_sets_its_own_interval_and_nothing_else(sandbox: Sandbox, own: Api) -> None:
    """With its key; the cloud does not ask it back."""
    body = {"id": GW, "act": "setProperty", "params": {"reportInterval": 90_000}}
    assert (await own.post("/manageGateway", body)).status == 200
    assert sandbox.world.gateways[GW].report_interval_ms == 90_000
    assert (await own.post("/manageGateway", {"id": GW, "act": "reboot"})).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"id": GW, "act": "shell"},
        {"id": GW, "act": "setProperty"},
        {"id": GW, "act": "setProperty", "params": {"reportInterval": 1}},
        {"id": GW},
    ],
)
async def test_a_wrong_request_to_manage_breaks_the_schema(api: Api, body: dict[str, Any]) -> None:
    """An act that no model has, params that make no sense."""
    reply = await api.post("/v2/manageGateway", body)
    assert (reply.status, reply.code) == (400, "SCHEMA_VALIDATE")


async def test_a_command_costs_little(sandbox: Sandbox, api: Api) -> None:
    """From HTTP to MQTT to HTTP in some milliseconds, even with a client in the same process."""
    async with online(sandbox):
        await api.post("/v2/controlActuator", command())
        times_s = []
        for _ in range(40):
            started = time.perf_counter()
            await api.post("/v2/controlActuator", command())
            times_s.append(time.perf_counter() - started)
    assert sorted(times_s)[10] < 0.005, sorted(times_s)


async def test_requests_can_be_lost_and_delayed(sandbox: Sandbox, api: Api) -> None:
    """A lost one times out and never reaches the gateway; a late one arrives late."""
    sandbox.device_side.time_sync.is_on = False
    sandbox.world.settings = SandboxSettings(command_timeout_s=0.2)
    async with online(sandbox) as device:
        sandbox.calls.faults.lose = 1
        assert (await api.post("/v2/controlActuator", command())).status == 504
        sandbox.calls.faults.delay_s = 0.05
        started = time.perf_counter()
        assert (await api.post("/v2/controlActuator", command())).status == 200
        assert time.perf_counter() - started >= 0.05
        assert len(device.asked) == 1


async def test_a_repeated_request_keeps_its_id(sandbox: Sandbox) -> None:
    """As QoS 1 would bring it: the same id twice."""
    sandbox.device_side.time_sync.is_on = False
    async with online(sandbox, success) as device:
        for _ in range(2):
            await sandbox.request(GW, "swInfo", request_id="r12345678")
        assert isinstance(device, Device)
        assert [each["id"] for each in device.asked] == ["r12345678"] * 2
