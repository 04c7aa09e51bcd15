"""The thethings.iO link over MQTT, against a real broker that hands on what is published."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thethingsio.link import ThethingsioLink
from gatewayd.clouds.thethingsio.settings import INBOX_MAX
from gatewayd.errors import LinkDenied, LinkLost
from gatewayd.fields import Secret
from tests.clouds.thethingsio.little_cloud import CODE, TOKEN, LittleCloud, little_cloud
from tests.live.thing_house import DI, DONE, OFF, ON, RELAY, House, Served, T, served
from tests.mosquitto import Mosquitto, OtherSide, cuttable, make_certificates, other_side, running
from tests.peers.listening import listening

TOPIC = f"v2/things/{TOKEN}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path_factory.mktemp("broker"))) as broker:
        yield broker


@pytest.fixture
async def cloud() -> AsyncIterator[LittleCloud]:
    """The API, for what MQTT cannot do."""
    async with little_cloud() as cloud:
        yield cloud


@pytest.fixture
async def house(cloud: LittleCloud, tmp_path: Path) -> House:
    return House(tmp_path, cloud.url)


@pytest.fixture
async def app(broker: Mosquitto) -> AsyncIterator[OtherSide]:
    async with other_side(broker.port, TOPIC) as app:
        yield app


@asynccontextmanager
async def opened(house: House, port: int, **changes: Any) -> AsyncIterator[ThethingsioLink]:
    """Open a link over MQTT."""
    mqtt = {"transport": "mqtt", "host": "127.0.0.1", "port": port, "tls": False}
    async with house.open(**{**mqtt, "presence": "", **changes}) as link:
        yield link


def say(app: OtherSide, *entries: dict[str, Any]) -> None:
    """Push as the cloud does: the bare array."""
    app.say(TOPIC, json.dumps(entries).encode())


async def test_values_are_published_as_a_write(
    broker: Mosquitto, house: House, app: OtherSide
) -> None:
    """The same object as over HTTP, on the thing's topic, not retained."""
    async with opened(house, broker.port) as link:
        await link.send(house.batch(house.reading(T, 20.5), house.reading(DI, False)))
        content = json.loads(await app.wait(TOPIC))
    assert [(each["key"], each["value"]) for each in content["values"]] == [
        ("boiler.temp", 20.5),
        ("boiler.door", 0),
    ]
    assert not app.heard[0].is_retained


async def test_pushes_are_commands_in_both_forms(
    broker: Mosquitto, house: House, app: OtherSide
) -> None:
    """The cloud pushes the bare array; a plain broker hands on the write."""
    async with opened(house, broker.port) as link, served(link, DONE) as got:
        say(app, ON)
        await got.wait(1)
        app.say(TOPIC, json.dumps({"values": [OFF]}).encode())
        assert [each.value for each in await got.wait(2)] == ["ON", "OFF"]
        await app.wait_until(lambda: sum(b"pump.relay_ack" in x for x in app.on(TOPIC)) == 2)


async def test_our_own_publishes_are_no_commands(
    broker: Mosquitto, house: House, app: OtherSide
) -> None:
    """They come back on the topic; nonsense is passed over."""
    telling = {"quality": "_q", "presence": "LWT"}
    async with opened(house, broker.port, **telling) as link, served(link, DONE) as got:
        await link.send(house.batch(house.reading(RELAY, True), house.reading(T, 1.0)))
        for junk in (b"", b"\xff", b"[", b"{}", b"5", b'{"values":{}}', b'[{"key":5}]'):
            app.say(TOPIC, junk)
        say(app, ON)
        assert len(await got.wait(1)) == 1
        await app.wait_until(lambda: any(b"relay_ack" in x for x in app.on(TOPIC)))
        say(app, OFF)
        assert [each.value for each in await got.wait(2)] == ["ON", "OFF"]


async def test_presence_is_told_and_left_behind(
    broker: Mosquitto, house: House, app: OtherSide
) -> None:
    """`online` when connected, `offline` when leaving, and the will when it is cut off."""
    async with opened(house, broker.port, presence="LWT"):
        assert b'"online"' in await app.wait(TOPIC)
    assert b'"offline"' in await app.wait(TOPIC, 2)
    async with cuttable(broker.port) as (port, cut):
        with pytest.raises(LinkLost):
            async with opened(house, port, presence="LWT") as link:
                cut()
                await asyncio.wait_for(link.tend(), 5)
    will = b'{"values":[{"key":"LWT","value":"offline"}]}'
    assert await app.wait(TOPIC, 4) == will


async def test_a_retained_push_is_not_carried_out(
    broker: Mosquitto, house: House, app: OtherSide
) -> None:
    """Nobody knows how old it is."""
    app.say(TOPIC, json.dumps([ON]).encode(), is_retained=True)
    await app.wait(TOPIC)
    async with opened(house, broker.port) as link, served(link) as got:
        say(app, OFF)
        assert [each.value for each in await got.wait(1)] == ["OFF"]
    app.say(TOPIC, b"", is_retained=True)
    await app.wait(TOPIC, 3)


async def test_a_missed_command_is_read_back_over_http(
    broker: Mosquitto, house: House, cloud: LittleCloud, app: OtherSide
) -> None:
    """MQTT cannot tell what was; what was read back once is known on the next connection."""
    await cloud.write(ON)
    async with opened(house, broker.port) as link, served(link) as got:
        assert [each.value for each in await got.wait(1)] == ["ON"]
    async with opened(house, broker.port) as link, served(link) as got:
        say(app, OFF)
        assert [each.value for each in await got.wait(1)] == ["OFF"]


async def test_commands_come_without_the_api_too(
    broker: Mosquitto, house: House, app: OtherSide
) -> None:
    """Where only MQTT gets out, what was missed stays missed and the rest works."""
    house.url = "http://127.0.0.1:9/v2"
    async with opened(house, broker.port) as link, served(link) as got:
        say(app, ON)
        assert len(await got.wait(1)) == 1


async def test_the_api_may_deny_what_the_broker_does_not(
    broker: Mosquitto, house: House, cloud: LittleCloud, app: OtherSide
) -> None:
    """Reading back is a favour; the link is the broker's."""
    cloud.denial = 401
    async with opened(house, broker.port) as link, served(link) as got:
        say(app, ON)
        assert len(await got.wait(1)) == 1


@asynccontextmanager
async def broker_of_two_minds(
    suback: int, *, shows: Callable[[bytes], bool], greeting: bytes = b""
) -> AsyncIterator[int]:
    """Serve one client by hand: grant or refuse its topic, take all, show it what is wanted."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length = await reader.readexactly(1), (await reader.readexactly(1))[0]
                if length > 127:
                    length += ((await reader.readexactly(1))[0] - 1) * 128
                body = await reader.readexactly(length)
                match kind[0] >> 4:
                    case 1:
                        writer.write(b"\x20\x02\x00\x00")
                    case 8:
                        writer.write(b"\x90\x03" + body[:2] + bytes([suback]) + greeting)
                    case 3:
                        start = 2 + int.from_bytes(body[:2], "big")
                        writer.write(b"\x40\x02" + body[start : start + 2])
                        shown = body[:start] + body[start + 2 :]
                        if shows(shown):
                            writer.write(b"\x30" + bytes([len(shown) % 128 | 128]))
                            writer.write(bytes([len(shown) // 128]) + shown)
                    case 14:
                        break

    async with listening(talk) as port:
        yield port


async def test_a_flood_ends_the_link_rather_than_lose_a_command(house: House) -> None:
    """The next one reads back what was asked meanwhile."""
    push = len(TOPIC).to_bytes(2, "big") + TOPIC.encode() + b'[{"key":"x","value":1}]'
    flood = (b"\x30" + bytes([len(push)]) + push) * (INBOX_MAX + 1)
    async with (
        broker_of_two_minds(0, shows=lambda _: False, greeting=flood) as port,
        opened(house, port) as link,
    ):
        # Its PUBACK comes after the flood.
        await link.send(house.batch(house.reading(T, 1.0)))
        with pytest.raises(LinkLost, match="more messages"):
            await asyncio.wait_for(link.tend(), 5)


async def test_a_thing_that_the_broker_does_not_know_is_denied(house: House) -> None:
    """And the topic, which holds the token, is in no message."""
    async with broker_of_two_minds(0x80, shows=lambda _: True) as port:
        with pytest.raises(LinkDenied) as caught:
            async with opened(house, port):
                pass
    assert TOKEN not in str(caught.value)


async def seen_itself(link: ThethingsioLink, got: Served) -> None:
    """Return when the link has seen its own words come back: what came after them is a command."""
    await link._line.write(json.dumps({"values": [ON]}).encode())
    await got.wait(1)


async def test_a_token_revoked_in_the_middle_costs_no_reading(house: House) -> None:
    """The broker acknowledges for ever; the cloud shows nothing any more: the batch is kept."""
    is_good = True
    async with (
        broker_of_two_minds(0, shows=lambda _: is_good) as port,
        opened(house, port, presence="LWT", timeout=0.3) as link,
        served(link) as got,
    ):
        await seen_itself(link, got)
        await link.send(house.batch(house.reading(T, 2.0)))
        is_good = False
        with pytest.raises(LinkLost, match="does not show"):
            await link.send(house.batch(house.reading(T, 3.0)))


async def test_a_cloud_that_shows_no_reports_is_trusted(house: House) -> None:
    """As long as it shows something; the broker's word is all there is then."""
    async with (
        broker_of_two_minds(0, shows=lambda body: b"boiler" not in body) as port,
        opened(house, port, presence="LWT", timeout=0.3) as link,
        served(link) as got,
    ):
        await seen_itself(link, got)
        for value in (1.0, 2.0):
            await link.send(house.batch(house.reading(T, value)))


async def test_a_withheld_puback_is_a_lost_link(house: House, tmp_path: Path) -> None:
    """No acknowledgement in time: the batch is not acknowledged."""
    with running(Mosquitto(tmp_path)) as broker:
        async with asyncio.timeout(10):
            with pytest.raises(LinkLost, match="no PUBACK"):
                async with opened(house, broker.port, timeout=0.5) as link:
                    broker.freeze()
                    await link.send(house.batch(house.reading(T, 1.0)))
        broker.thaw()


async def test_everything_goes_over_tls(house: House, tmp_path: Path) -> None:
    """The token is in the topic, so this is the default."""
    certificates = make_certificates(tmp_path)
    with running(Mosquitto(tmp_path, certificates=certificates)) as broker:
        async with opened(house, broker.port, tls=True, ca_file=certificates.ca_file) as link:
            await link.send(house.batch(house.reading(T, 1.0)))
        with pytest.raises(LinkLost, match="not trusted"):
            async with opened(house, broker.port, tls=True):
                pass


async def test_a_thing_is_activated_over_http(
    broker: Mosquitto, house: House, cloud: LittleCloud, app: OtherSide
) -> None:
    """Once; the topic is the new thing's."""
    for _ in range(2):
        activating = {"token": None, "activation_code": Secret(CODE)}
        async with opened(house, broker.port, **activating) as link:
            await link.send(house.batch(house.reading(T, 1.0)))
    await app.wait(TOPIC, 2)
    assert len(cloud.activations) == 1
