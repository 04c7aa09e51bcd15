"""The Thinger.io link over MQTT against a real broker, with a raw client as the server's side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thinger.link import Config, open_link
from gatewayd.clouds.thinger.mqtt_link import MqttLink
from gatewayd.errors import BatchRefused, LinkDenied, LinkLost
from gatewayd.fields import Secret
from gatewayd.model import Outcome, Quality, Status
from tests.mosquitto import Mosquitto, OtherSide, cuttable, other_side, running
from tests.peers.house import RELAY, House, Life, T, alive

USERS = {"alice": "s3cret-PW", "cloud": "cloud"}
LOGIN = ("cloud", "cloud")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path_factory.mktemp("broker"), users=USERS)) as broker:
        yield broker


@pytest.fixture
async def cloud(broker: Mosquitto) -> AsyncIterator[OtherSide]:
    async with other_side(broker.port, login=LOGIN) as cloud:
        cloud.heard[:] = [heard for heard in cloud.heard if not heard.is_retained]
        yield cloud


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@asynccontextmanager
async def living(
    port: int, house: House, outcome: Outcome | None = None, **changes: Any
) -> AsyncIterator[tuple[MqttLink, Life]]:
    config = Config(
        user="alice",
        credentials=Secret("s3cret-PW"),
        transport="mqtt",
        host="127.0.0.1",
        port=port,
        mqtt_tls=False,
        timeout=5.0,
    )
    async with open_link(replace(config, **changes), house.premises) as link:
        assert isinstance(link, MqttLink)
        async with alive(link, house, outcome) as life:
            yield link, life


def states(cloud: OtherSide) -> list[bytes]:
    """Return the last two states; what an earlier test left retained may come before them."""
    return cloud.on("gw01/state")[-2:]


async def test_points_are_published_with_their_time(
    broker: Mosquitto, cloud: OtherSide, house: House
) -> None:
    """One topic a bucket, and the state that a last will would take back."""
    async with living(broker.port, house) as (link, _):
        await link.send(house.batch(house.reading(T, 21.5)))
        point = json.loads(await cloud.wait("gw01/boiler"))
        assert point == {"ts": house.clock.now_ms(), "temperature": 21.5}
        await cloud.wait_until(lambda: states(cloud)[-1:] == [b"online"])
    await cloud.wait_until(lambda: states(cloud) == [b"online", b"offline"])


async def test_what_cannot_be_a_point_is_refused_by_name(broker: Mosquitto, house: House) -> None:
    """JSON has no infinity."""
    async with living(broker.port, house) as (link, _):
        with pytest.raises(BatchRefused) as caught:
            await link.send(house.batch(house.reading(T, float("inf"))))
    assert caught.value.seqs == (1,)


async def test_a_message_is_a_command_and_its_outcome_is_published(
    broker: Mosquitto, cloud: OtherSide, house: House
) -> None:
    """With its id; the prefix may be another than the device."""
    async with living(broker.port, house, mqtt_prefix="site/7") as (_, life):
        cloud.say(
            "site/7/set/pump/relay", b'{"value":true,"hold_s":5,"id":"a1","ts":1795000000000}'
        )
        told = json.loads(await cloud.wait("site/7/outcome/pump/relay"))
        assert told == {"id": "a1", "status": "DONE", "detail": "", "value": True}
        cloud.say("site/7/set/pump/relay/blink", b"")
        await cloud.wait("site/7/outcome/pump/relay", 2)
    first, second = life.commands
    assert (first.channel, first.value, first.hold_s) == (RELAY, True, 5.0)
    assert (first.request_id, first.issued_ms) == ("a1", 1_795_000_000_000)
    assert second.blink_s == 0.5


async def test_what_is_no_command_moves_nothing(
    broker: Mosquitto, cloud: OtherSide, house: House
) -> None:
    """Unknown places, sensors, no JSON, no value, and a message that was retained."""
    cloud.say("gw01/set/pump/relay", b"true", is_retained=True)
    async with living(broker.port, house, Outcome(Status.REFUSED, "no")) as (link, life):
        for topic, payload in (
            ("gw01/set/nope", b"true"),
            ("gw01/set/boiler/temperature", b"1"),
            ("gw01/set/pump/relay", b"{"),
            ("gw01/set/pump/relay", b"null"),
        ):
            cloud.say(topic, payload)
        cloud.say("gw01/set/pump/relay", b"false")
        told = json.loads(await cloud.wait("gw01/outcome/pump/relay"))
        assert (told["status"], told["detail"]) == ("REFUSED", "no")
        assert [command.value for command in life.commands] == [False]
        assert link.ignored == 5
    cloud.say("gw01/set/pump/relay", b"", is_retained=True)


async def test_wrong_credentials_are_denied(broker: Mosquitto, house: House) -> None:
    """By the broker."""
    with pytest.raises(LinkDenied):
        async with living(broker.port, house, credentials=Secret("wrong")):
            pass


async def test_a_cut_connection_is_lost(broker: Mosquitto, cloud: OtherSide, house: House) -> None:
    """Sending says so, the link ends, and the will says it to the cloud."""
    async with cuttable(broker.port) as (port, cut), living(port, house) as (link, life):
        await link.send(house.batch(house.reading(T, None, Quality.FAULT)))
        cut()
        with pytest.raises(LinkLost):
            await link.send(house.batch(house.reading(T, 1.5)))
        await cloud.wait_until(lambda: states(cloud) == [b"online", b"offline"])
        async with asyncio.timeout(5):
            while life.ended is None:  # noqa: ASYNC110 - only the test looks at how it ended.
                await asyncio.sleep(0.001)
    assert isinstance(life.ended, LinkLost)
