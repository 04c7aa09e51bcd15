"""The daemon and the Thingsee sandbox: readings there, commands back, and a route with no cloud."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.codec import Event, Message
from gatewayd.clouds.thingsee.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.fields import Secret
from tests.live.daemon import House, until
from tests.peers.listening import free_port

GW, HALL, PUMP = "XXGD01GATEWAY0001", "XXGD02HALL0000001", "XXGD02PUMP0000001"
PIR = "TSPR04E2O90201558"
CLIENT = Credentials("sandbox", Secret("sandbox"))
LOOK_S = 0.02


@dataclass
class Cloud:
    """A sandbox and an app that has signed in."""

    sandbox: Sandbox
    api: Rest

    async def answer(self, thing: str, request: Message) -> Message:
        """Send a command to a thing and return the message that answers it."""
        await self.api.things.send(thing, [request])
        return await self.message(thing, request.id, request.event + 1, request.transaction)

    async def message(
        self, thing: str, id: int, event: int, transaction: int | None = None
    ) -> Message:
        """Wait for a message of a thing, as the app sees it."""
        wanted = Selection(message_ids=(id,), event_ids=(event,), limit=20)
        async with asyncio.timeout(10):
            while True:
                for each in await self.api.things.messages(thing, wanted):
                    if transaction is None or each.transaction == transaction:
                        return each
                await asyncio.sleep(LOOK_S)

    @property
    def complaints(self) -> list[str]:
        """What the sandbox found wrong with the gateway."""
        return [str(each) for each in self.sandbox.journal.violations if not each.is_note]


@asynccontextmanager
async def opened(folder: Path, *, is_lenient: bool) -> AsyncIterator[Cloud]:
    settings = SandboxSettings(state_dir=folder, ports=0, is_lenient=is_lenient, publish_all=True)
    async with open_sandbox(settings) as sandbox:
        rest = RestSettings(url=sandbox.api_url, credentials=CLIENT)
        async with open_rest(rest, SystemClock()) as api:
            for tuid in (GW, HALL, PUMP):
                sandbox.provision({"things": [{"tuid": tuid, "gateway": GW}]})
            yield Cloud(sandbox, api)


@pytest.fixture
async def lenient(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with opened(tmp_path, is_lenient=True) as cloud:
        yield cloud


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with opened(tmp_path, is_lenient=False) as cloud:
        yield cloud


def furnish(house: House, **uplink: object) -> None:
    """Put a thermometer and a pump into a house, and an uplink for them."""
    signals = {
        "temperature": {"kind": "temperature", "unit": "Cel", "mean": 20.0},
        "pressure": {"kind": "pressure", "unit": "hPa", "mean": 1000.0},
    }
    house.devices["hall"] = {"driver": "sim", "every": "200ms", "signals": signals}
    state_file = str(house.folder / "pump.state")
    house.devices["pump"] = {
        **{"driver": "sim_relay", "safe": "off", "hold_max": "1h", "state_file": state_file}
    }
    house.uplinks["thingsee"] = {
        **{"kind": "thingsee", "gateway_tuid": GW, "things": {"hall": HALL, "pump": PUMP}},
        **{"report_interval": "200ms", "reconnect_min": "100ms"},
        **uplink,
    }


def by_mqtt(cloud: Cloud) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": cloud.sandbox.mqtt_port, "tls": False}


def request(id: int, event: int, transaction: int, **fields: Any) -> Message:
    return Message(id=id, event=event, fields={"transactionId": transaction, **fields})


async def test_readings_and_commands_both_ways(house: House, lenient: Cloud) -> None:
    """In units of the catalogue; every kind of command is answered, and nothing is amiss."""
    furnish(house, **by_mqtt(lenient))
    async with house.daemon() as daemon:
        await daemon.wait_up("thingsee")
        weather = await lenient.message(HALL, 12100, Event.TIMED)
        assert weather.fields["airp"] == pytest.approx(100_000, rel=0.1)
        assert weather.gateway == GW
        intervals = await lenient.answer(HALL, request(1500, 30, 7, measurementInterval=1))
        assert intervals.said() == {"measurementInterval": 1, "reportInterval": 1}
        payload = json.dumps({"channel": "relay", "state": 1})
        on = await lenient.answer(PUMP, request(1402, 35, 8, command="RELAY", payload=payload))
        assert (on.fields["result"], json.loads(str(on.fields["payload"]))["state"]) == (0, 1)
        off = await lenient.answer(
            GW,
            request(1402, 35, 9, command="RELAY", payload='{"channel":"pump/relay","state":0}'),
        )
        assert off.fields["result"] == 0
        state = await lenient.message(PUMP, 1400, Event.STATE)
        assert json.loads(str(state.fields["diagData"])) == {"channel": "relay", "state": 0}
        ping = await lenient.answer(GW, request(1600, 35, 10))
        assert ping.said() == {}
        await lenient.api.things.send(HALL, [request(1101, 32, 11, requestTsmId=12100)])
        latest = await lenient.message(HALL, 12100, Event.INFO_RESPONSE, 11)
        assert "temp" in latest.fields
        outputs = (await daemon.ask("status"))["commands"]
        assert [command["origin"] for command in outputs] == ["thingsee", "thingsee"]
    assert (await lenient.message(GW, 1000, Event.DISCONNECTED)).time_s
    assert not lenient.complaints


async def test_a_killed_gateway_leaves_its_will(house: House, strict: Cloud) -> None:
    """The cloud makes its time."""
    furnish(house, **by_mqtt(strict))
    async with house.daemon() as daemon:
        await daemon.wait_up("thingsee")
        connected_s = (await strict.message(GW, 1000, Event.CONNECTED)).time_s or 0
        # The cloud's whole second must be another than ours, or both are one message to it.
        await until(lambda: time.time() >= connected_s + 1, "the next second")
        daemon.kill()
        will = await strict.message(GW, 1000, Event.DISCONNECTED)
        assert will.time_s == pytest.approx(time.time(), abs=30)


async def test_commands_out_of_the_log_with_answers_by_post(house: House, strict: Cloud) -> None:
    """No MQTT at all: reports by POST, the four documented commands by polling."""
    furnish(
        house,
        http_uplink_url=strict.sandbox.uplink_url(GW),
        rest_url=strict.sandbox.api_url,
        client_id="sandbox",
        client_secret="sandbox",
        poll_interval="1s",
    )
    async with house.daemon() as daemon:
        await daemon.wait_up("thingsee")
        await strict.message(HALL, 12100, Event.TIMED)
        asked = request(1500, 30, 7, reportInterval=60)
        answer = await strict.answer(HALL, asked)
        assert answer.said() == {"measurementInterval": 1, "reportInterval": 60}
        role = await strict.answer(HALL, request(1501, 30, 8, nodeRole=0))
        assert role.said() == {"nodeRole": 0, "autoRole": 1, "lowLatency": 0}
        await strict.answer(GW, request(1500, 30, 9))
        wanted = Selection(message_ids=(1500,), event_ids=(31,), limit=20)
        assert len(await strict.api.things.messages(HALL, wanted)) == 1
    assert not strict.complaints


async def test_a_presence_sensor_switches_a_pump_without_any_cloud(house: House) -> None:
    """A push to the loopback, a route, the desk, the output, and back when the room is empty."""
    port = free_port()
    furnish(house)
    house.uplinks = {
        "presence": {
            **{"kind": "thingsee", "reports": False, "push_listen": f"127.0.0.1:{port}"},
            "push_token": "letmein",
        }
    }
    values = {"0": "off", "1": "on"}
    route = {"message": 2100, "thing": PIR, "field": "state", "output": "pump/relay"}
    house.sections["route"] = [{**route, "values": values, "hold": "10m"}]
    async with house.daemon() as daemon, aiohttp.ClientSession() as session:
        await daemon.wait_up("presence")

        async def push(messages: Sequence[object]) -> int:
            headers = {"Authorization": "Bearer letmein"}
            url = f"http://127.0.0.1:{port}/"
            async with session.post(url, json=messages, headers=headers) as response:
                return response.status

        state_file = house.folder / "pump.state"
        message = {"tsmId": 2100, "tsmEv": 7, "tsmTuid": PIR}
        for state in (1, 0):
            before = state_file.read_text()

            def is_switched(before: str = before) -> bool:
                return state_file.read_text() != before

            assert await push([{**message, "state": state, "tsmTs": round(time.time(), 3)}]) == 200
            await until(is_switched, "switched")
        stranger = {**message, "tsmTuid": "OTHER", "state": 1, "tsmTs": time.time()}
        assert await push([stranger]) == 200
        commands = (await daemon.ask("status"))["commands"]
    assert [(each["origin"], each["value"], each["outcome"]) for each in commands] == [
        ("presence", "on", "done"),
        ("presence", "off", "done"),
    ]
