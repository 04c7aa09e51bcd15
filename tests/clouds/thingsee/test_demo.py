"""The Thingsee part of the demonstration, without the rest of it."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from gatewayd.clouds.thingsee import demo as demonstration
from gatewayd.clouds.thingsee.demo import ThingseeDemo, open_demo
from gatewayd.model import Access, Channel, ChannelId
from tests.mqtt_peer import Login, Peer, mqtt_peer

PUMP, TEMPERATURE = ChannelId("pump/relay"), ChannelId("boiler/temperature")
CHANNELS = {
    PUMP: Channel(PUMP, "switch", access=Access.WRITE),
    TEMPERATURE: Channel(TEMPERATURE, "temperature", "Cel"),
}


@asynccontextmanager
async def gateway(cloud: ThingseeDemo) -> AsyncIterator[tuple[Peer, str]]:
    """Connect as the section of the demonstration says; yield the gateway and its TUID."""
    section: dict[str, Any] = tomllib.loads(cloud.section)["uplink"]["thingsee"]
    gw = section["gateway_tuid"]
    login = Login(client_id=gw, username=section["username"], password=section["password"])
    async with mqtt_peer(section["port"], login) as peer:
        await peer.subscribe(f"thingsee/gw/{gw}/down")
        yield peer, gw


@pytest.mark.parametrize("result", [0, -1])
async def test_messages_are_counted_and_a_switch_is_answered(tmp_path: Path, result: int) -> None:
    """Done or refused, as the message that comes back says."""
    async with (
        open_demo("b827eb000001", CHANNELS, PUMP, tmp_path) as cloud,
        gateway(cloud) as (peer, gw),
        asyncio.TaskGroup() as tasks,
    ):
        assert cloud.received() == 0
        switching = tasks.create_task(cloud.switch(on=True))
        [payload] = await peer.payloads(1)
        [request] = orjson.loads(payload)
        assert orjson.loads(request["payload"]) == {"channel": "relay", "state": 1}
        answer = {
            "tsmId": 1402,
            "tsmEv": 36,
            "tsmTs": request["tsmTs"],
            "tsmTuid": request["tsmDstTuid"],
            "tsmGw": gw,
            "transactionId": request["transactionId"],
            "result": result,
            "payload": "as asked",
        }
        await peer.publish(f"thingsee/gw/{gw}/up", orjson.dumps([answer]))
        switched = await switching
        assert (switched.is_done, switched.answer) == (result == 0, "as asked")
        assert cloud.received() == 1
        assert request["tsmDstTuid"] in cloud.curl
        assert "transactionId" not in cloud.curl


async def test_a_gateway_that_does_not_answer_has_not_switched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, after a while."""
    monkeypatch.setattr(demonstration, "ANSWER_S", 0.1)
    async with open_demo("b827eb000001", CHANNELS, PUMP, tmp_path) as cloud:
        switched = await cloud.switch(on=True)
    assert (switched.is_done, switched.answer) == (False, "no answer")
