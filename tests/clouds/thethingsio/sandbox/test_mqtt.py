"""The sandbox's MQTT side with a real client."""

from __future__ import annotations

import asyncio

import orjson

from gatewayd.clouds.thethingsio.sandbox import Sandbox
from tests.clouds.thethingsio.sandbox.conftest import CODE, TOKEN, Api
from tests.mqtt_peer import Login, mqtt_peer

TOPIC = f"v2/things/{TOKEN}"
WRITE = b'{"values":[{"key":"LED","value":"ON"}]}'
PUSH = b'[{"key":"LED","value":"ON"}]'


async def test_a_publish_is_a_write_for_all(sandbox: Sandbox, api: Api) -> None:
    """Its own subscribers and those over HTTP get the bare array; it is stored."""
    async with mqtt_peer(sandbox.mqtt_port) as peer, asyncio.timeout(5):
        assert await peer.subscribe(TOPIC) == [1]
        async with api.session.get(f"{sandbox.rest_url}/things/{TOKEN}") as stream:
            await stream.content.readany()
            await peer.publish(TOPIC, WRITE)
            assert await peer.payloads(1) == [PUSH]
            assert await stream.content.readany() == PUSH
    [row] = (await api("GET", f"/v2/things/{TOKEN}/resources/LED")).body
    assert row["value"] == "ON"


async def test_a_write_by_http_reaches_subscribers(sandbox: Sandbox, api: Api) -> None:
    """The same text."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(TOPIC)
        await api("POST", f"/v2/things/{TOKEN}", WRITE)
        assert await peer.payloads(1) == [PUSH]


async def test_a_subscription_with_an_unknown_token_is_refused(sandbox: Sandbox) -> None:
    """0x80; wildcards too, which would show everybody everything."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        for pattern in ("v2/things/no-such-token", "v2/things/+", "#", "other"):
            assert await peer.subscribe(pattern) == [128]
        assert await peer.subscribe(TOPIC) == [1]


async def test_a_publish_with_an_unknown_token_is_dropped(sandbox: Sandbox) -> None:
    """Acknowledged, as far as anybody can tell, and counted."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.publish("v2/things/no-such-token", WRITE)
    assert sandbox.journal.counts["strays"] == 1
    assert sandbox.journal.counts["points_accepted"] == 0


async def test_a_bad_write_is_dropped_and_told_in_the_journal(sandbox: Sandbox) -> None:
    """The connection stays."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.publish(TOPIC, b"nonsense")
        await peer.publish(TOPIC, WRITE)
    assert sandbox.journal.counts["refused"] == 1
    assert [each.accepted for each in sandbox.journal.messages] == [0, 1]


async def test_a_will_is_a_write(sandbox: Sandbox, api: Api) -> None:
    """When the connection breaks."""
    will = (TOPIC, b'{"values":[{"key":"LWT","value":"offline"}]}', 1, False)
    async with mqtt_peer(sandbox.mqtt_port, Login(will=will)) as peer:
        await peer.subscribe(TOPIC)
        assert sandbox.kill(TOKEN) == 1
        await peer.gone()
        await sandbox.broker.wait_closed()
    [row] = (await api("GET", f"/v2/things/{TOKEN}/resources/LWT")).body
    assert row["value"] == "offline"


async def test_topics_below_a_things_own_are_handed_on(sandbox: Sandbox) -> None:
    """Verbatim, and stored nowhere."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(f"{TOPIC}/cmd")
        await peer.publish(f"{TOPIC}/cmd", b"anything")
        assert await peer.payloads(1) == [b"anything"]
    assert not sandbox.world.thing(TOKEN).timelines


async def test_nothing_is_retained(sandbox: Sandbox) -> None:
    """A late subscriber gets nothing of what was before."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.publish(TOPIC, WRITE, retain=True)
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(TOPIC)
        await peer.publish(TOPIC, b'{"values":[{"key":"new","value":1}]}')
        assert await peer.payloads(1) == [b'[{"key":"new","value":1}]']


async def test_a_code_is_spent_by_subscribing(sandbox: Sandbox) -> None:
    """The answer comes on that topic; the second time it is an error."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(f"v2/activations/{CODE}/17")
        answer = orjson.loads((await peer.payloads(1))[0])
        assert answer["thingToken"] in sandbox.world.things
        await peer.subscribe(f"v2/activations/{CODE}/18")
        again = orjson.loads((await peer.payloads(2))[1])
        assert (again["status"], again["code"]) == ("error", 403)


async def test_a_revoked_token_ends_the_connection(sandbox: Sandbox) -> None:
    """And opens no other."""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(TOPIC)
        sandbox.revoke(sandbox.world.thing(TOKEN))
        await peer.gone()
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        assert await peer.subscribe(TOPIC) == [128]
