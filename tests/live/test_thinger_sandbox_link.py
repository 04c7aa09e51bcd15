"""The Thinger.io link and its sandbox, both ways: what the gateway tells, what an app asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thinger.link import Config, open_link
from gatewayd.clouds.thinger.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.errors import BatchRefused, LinkDenied, LinkLost, Throttled
from gatewayd.fields import Secret
from gatewayd.model import Outcome, Quality, Status
from gatewayd.transports.http import Answer, Http, HttpSettings, Request, open_http
from gatewayd.uplink import Link
from tests.peers.house import DOOR, RELAY, H, House, Life, T, alive

BUCKETS = ("boiler", "pump", "shed")
SOCKETS = ("tcp", "tls", "iotmp", "iotmp-embedded")


@dataclass
class Town:
    """The sandbox, an app's session with it, and the gateway's house."""

    sandbox: Sandbox
    http: Http
    token: str
    callback_token: str
    house: House

    def config(self, way: str, **changes: Any) -> Config:
        """Return how the gateway reaches the sandbox: a transport, or a protocol on TCP."""
        ports = {
            "tcp": self.sandbox.socket_port,
            "tls": self.sandbox.socket_tls_port,
            "iotmp": self.sandbox.iotmp_port,
            "iotmp-embedded": self.sandbox.iotmp_port,
            "mqtt": self.sandbox.mqtt_port,
        }
        base = Config(
            user="sandbox",
            device={"mqtt": "mq01", "http": "ht01"}.get(way, "gw01"),
            credentials=Secret("s3cret-PW"),
            transport="tcp" if way.startswith("iotmp") else way,  # type: ignore[arg-type]  # One of the four.
            protocol="iotmp" if way.startswith("iotmp") else "classic",
            iotmp_calls="embedded" if way.endswith("embedded") else "linux",
            host="127.0.0.1",
            port=ports.get(way) or 0,
            ca_file=self.sandbox.ca_file if way == "tls" else None,
            mqtt_tls=False,
            rest_url=self.sandbox.rest_url,
            callback_token=Secret(self.callback_token),
            timeout=2.0,
        )
        return replace(base, **changes)

    @asynccontextmanager
    async def living(
        self, way: str, outcome: Outcome | None = None, **changes: Any
    ) -> AsyncIterator[tuple[Link, Life]]:
        config = self.config(way, **changes)
        async with (
            open_link(config, self.house.premises) as link,
            alive(link, self.house, outcome) as life,
        ):
            yield link, life

    async def app(self, method: str, path: str, body: Any = None) -> Answer:
        """Return what the sandbox answers an app."""
        headers = {"Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        return await self.http.send(Request(method, path, headers, data))

    async def resource(self, method: str, path: str, body: Any = None) -> Answer:
        return await self.app(method, f"/v3/users/sandbox/devices/gw01/resources/{path}", body)

    async def stored(self, bucket: str) -> list[Any]:
        """Return a bucket's points, the oldest first."""
        query = "items=1000&sort=asc&min_ts=0"
        answer = await self.app("GET", f"/v1/users/sandbox/buckets/{bucket}/data?{query}")
        assert answer.status == 200
        points: list[Any] = json.loads(answer.body)
        return points


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    settings = SandboxSettings(ports=0, state_dir=tmp_path / "sandbox")
    async with open_sandbox(settings) as sandbox:
        made = sandbox.provision(
            {
                "devices": [
                    {"device": "gw01", "credentials": "s3cret-PW"},
                    {"device": "mq01", "credentials": "s3cret-PW", "type": "MQTT"},
                    {"device": "ht01", "type": "HTTP"},
                ],
                "buckets": [{"bucket": name} for name in BUCKETS],
            }
        )["accounts"][0]
        tokens = {device["device"]: device["callback_token"] for device in made["devices"]}
        house = House(tmp_path / "house")
        house.clock.time_ms = sandbox.clock.now_ms()
        async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
            yield Town(sandbox, http, made["access_token"], tokens["ht01"], house)


async def eventually(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 - the two ends have no event in common.
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("way", SOCKETS)
async def test_readings_are_stored_with_their_own_time(town: Town, way: str) -> None:
    """Over every socket protocol; what an app reads back is what was measured."""
    house = town.house
    async with town.living(way) as (link, _):
        first, second = house.reading(T, 21.5, age_ms=5000), house.reading(H, 50.25, age_ms=5000)
        third = house.reading(T, None, Quality.FAULT)
        await link.send(house.batch(first, second, third, house.reading(DOOR, True)))
    assert await town.stored("boiler") == [
        {"ts": first.time_ms, "val": {"temperature": 21.5, "humidity": 50.25}},
        {"ts": third.time_ms, "val": {"temperature_quality": "FAULT"}},
    ]
    assert await town.stored("shed") == [{"ts": third.time_ms, "val": {"door": True}}]


@pytest.mark.parametrize("way", SOCKETS)
async def test_an_app_reads_and_writes_resources(town: Town, way: str) -> None:
    """By REST: a sensor, an output's state, a command, and one that is not there."""
    town.house.reading(T, 21.5)
    town.house.reading(RELAY, False)
    async with town.living(way) as (_, life):
        assert json.loads((await town.resource("GET", "boiler/temperature")).body) == 21.5
        assert json.loads((await town.resource("GET", "pump/relay")).body) is False
        assert (await town.resource("POST", "pump/relay", True)).status == 200
        assert json.loads((await town.resource("GET", "pump/relay")).body) is True
        assert (await town.resource("POST", "pump/relay/blink")).status == 200
        assert (await town.resource("GET", "nope")).status == 404
    assert [(each.value, each.blink_s) for each in life.commands] == [(True, None), (True, 0.5)]


@pytest.mark.parametrize(("way", "status"), [("tcp", 404), ("iotmp", 409)])
async def test_a_refused_command_is_not_a_success(town: Town, way: str, status: int) -> None:
    """The app learns it; the newer protocol carries a number for it."""
    async with town.living(way, Outcome(Status.REFUSED, "interlocked")):
        assert (await town.resource("POST", "pump/relay", True)).status == status
        told = json.loads((await town.resource("GET", "pump/relay/outcome")).body)
    assert told["detail"] == "interlocked"


@pytest.mark.parametrize("way", ["tcp", "tls", "iotmp", "mqtt"])
async def test_wrong_credentials_are_denied(town: Town, way: str) -> None:
    """By every door."""
    with pytest.raises(LinkDenied):
        async with town.living(way, credentials=Secret("wrong-PW")):
            pass


@pytest.mark.parametrize("fault", ["refuse", "close"])
async def test_a_log_in_that_is_refused_is_denied(town: Town, fault: str) -> None:
    """In words or without."""
    town.sandbox.sockets.faults.login = fault
    with pytest.raises(LinkDenied):
        async with town.living("tcp"):
            pass


async def test_a_log_in_without_answer_is_lost(town: Town) -> None:
    """A server that hangs is one that is not there."""
    town.sandbox.sockets.faults.login = "silent"
    with pytest.raises(LinkLost):
        async with town.living("tcp", timeout=0.1):
            pass


async def test_swallowed_keep_alives_lose_the_link(town: Town) -> None:
    """Whatever else still works."""
    town.sandbox.sockets.faults.swallow_keep_alives = True
    async with town.living("tcp", keep_alive=0.05) as (_, life):
        await eventually(lambda: life.ended)
    assert isinstance(life.ended, LinkLost)


async def test_a_lost_acknowledgement_makes_no_double(town: Town) -> None:
    """The point is sent again over the next connection and replaces itself."""
    batch = town.house.batch(town.house.reading(T, 21.5))
    town.sandbox.sockets.faults.lose_ack = 1
    async with town.living("tcp", timeout=0.1) as (link, _):
        with pytest.raises(LinkLost):
            await link.send(batch)
    async with town.living("tcp") as (link, _):
        await link.send(batch)
    assert len(await town.stored("boiler")) == 1


async def test_a_missing_bucket_costs_no_readings(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the owner's to make; until then the batch stays ours, and commands go on."""
    monkeypatch.setattr("gatewayd.clouds.thinger.writing.REFUSED_PAUSE_S", 0.0)
    readings = [town.house.reading(T, n + 0.5, age_ms=10 - n) for n in range(3)]
    async with town.living("tcp", bucket="plant") as (link, _):
        with pytest.raises(Throttled, match="plant"):
            await link.send(town.house.batch(*readings))
        town.sandbox.provision({"buckets": [{"bucket": "plant"}]})
        await link.send(town.house.batch(*readings))
    assert len(await town.stored("plant")) == 3


async def test_one_refusal_is_tried_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are believed, and the row is named."""
    monkeypatch.setattr("gatewayd.clouds.thinger.writing.REFUSED_PAUSE_S", 0.0)
    async with town.living("tcp") as (link, _):
        town.sandbox.sockets.faults.error_ack = 1
        await link.send(town.house.batch(town.house.reading(T, 1.5, age_ms=2)))
        town.sandbox.sockets.faults.error_ack = 2
        with pytest.raises(BatchRefused) as caught:
            await link.send(town.house.batch(town.house.reading(T, 2.5, age_ms=1)))
        assert caught.value.seqs == (2,)
    assert len(await town.stored("boiler")) == 1


async def test_frames_byte_by_byte_are_frames(town: Town) -> None:
    """As a bad network may deliver them."""
    town.sandbox.sockets.faults.split = True
    town.house.reading(T, 21.5)
    async with town.living("tcp") as (link, _):
        await link.send(town.house.batch(town.house.reading(T, 22.5)))
        assert json.loads((await town.resource("GET", "boiler/temperature")).body) == 22.5


async def test_a_killed_connection_is_lost_and_the_next_one_works(town: Town) -> None:
    """The app hears that the device is away meanwhile."""
    async with town.living("tcp") as (_, life):
        town.sandbox.kill("gw01")
        await eventually(lambda: life.ended)
    assert (await town.resource("POST", "pump/relay", True)).status == 404
    async with town.living("tcp") as (_, again):
        assert (await town.resource("POST", "pump/relay", True)).status == 200
    assert (life.commands, len(again.commands)) == ([], 1)


async def test_an_mqtt_device_publishes(town: Town) -> None:
    """Points on topics that a bucket may subscribe to."""
    town.sandbox.provision(
        {"buckets": [{"bucket": "topics", "config": {"source": "mqtt", "topic": "mq01/boiler"}}]}
    )
    async with town.living("mqtt") as (link, _):
        reading = town.house.reading(T, 21.5)
        await link.send(town.house.batch(reading))
        assert await town.stored("topics") == [
            {"ts": reading.time_ms, "val": {"temperature": 21.5}}
        ]


async def test_an_http_device_posts_and_takes_wishes(town: Town) -> None:
    """Into the callback's bucket; the property comes back as a command, once."""
    town.sandbox.provision({"buckets": [{"bucket": "posts", "config": {"source": "api"}}]})
    actions = {"actions": {"write_bucket": "posts", "send_property": "wishes"}}
    path = "/v3/users/sandbox/devices/ht01"
    assert (await town.app("PUT", f"{path}/callback", actions)).status == 200
    wish = {"ts": town.house.clock.now_ms(), "pump/relay": True}
    body = {"property": "wishes", "value": wish}
    assert (await town.app("POST", f"{path}/properties", body)).status == 200
    async with town.living("http") as (link, life):
        reading = town.house.reading(T, 21.5)
        await link.send(town.house.batch(reading))
        await eventually(lambda: life.commands)
    assert [(each.channel, each.value) for each in life.commands] == [(RELAY, True)]
    assert await town.stored("posts") == [
        {"ts": reading.time_ms, "val": {"boiler_temperature": 21.5}}
    ]
