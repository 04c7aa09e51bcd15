"""Devices by MQTT: who gets in, who hears whom, and which bucket listens."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.transports.mqtt_packets import Message
from tests.clouds.thinger.device import CREDENTIALS
from tests.mqtt_peer import Login, mqtt_peer

NOT_AUTHORISED = 135
"""What paho makes of CONNACK code 5."""


def login(device: str = "mqtt1", user: str = "sandbox", password: str = CREDENTIALS) -> Login:
    return Login(client_id=device, username=user, password=password)


async def test_a_device_of_its_kind_gets_in(sandbox: Sandbox) -> None:
    """And counts as connected until it leaves."""
    record = sandbox.world.accounts["sandbox"].devices["mqtt1"]
    async with mqtt_peer(sandbox.mqtt_port, login()) as peer:
        assert peer.connack == 0
        assert record.is_connected


@pytest.mark.parametrize(
    "who",
    [login(password="wrong"), login("gw01"), login("none"), login(user="ann"), login("theirs")],
)
async def test_everybody_else_is_refused(sandbox: Sandbox, who: Login) -> None:
    """Wrong credentials, another kind, another's, nobody's."""
    async with mqtt_peer(sandbox.mqtt_port, who) as peer:
        assert peer.connack == NOT_AUTHORISED
    assert sandbox.journal.counts["logins_refused"] == 1


async def test_devices_of_an_account_hear_each_other(sandbox: Sandbox) -> None:
    """And nobody else's; what is retained comes later too."""
    async with (
        mqtt_peer(sandbox.mqtt_port, login()) as one,
        mqtt_peer(sandbox.mqtt_port, login("theirs", "ann")) as foreign,
    ):
        await foreign.subscribe("#")
        await one.publish("gw/1/state", "online", retain=True)
        async with mqtt_peer(sandbox.mqtt_port, login("mqtt2")) as two:
            await two.subscribe("gw/#")
            await two.until(lambda: len(two.messages) == 1)
            await one.publish("gw/1/set", "on")
            await two.until(lambda: len(two.messages) == 2)
            assert [each.payload for each in two.messages] == [b"online", b"on"]
        assert not foreign.messages


async def test_a_bucket_listens_to_a_topic(sandbox: Sandbox) -> None:
    """JSON alone; other topics and other texts are nothing to it."""
    points = sandbox.world.accounts["sandbox"].buckets["topics"].points
    async with mqtt_peer(sandbox.mqtt_port, login()) as peer:
        await peer.publish("gw/1/data", '{"ts": 1671536877360, "t": 21.5}')
        await peer.publish("gw/1/other", '{"t": 1}')
        await peer.publish("gw/1/data", "no json")
    assert points.select(None, None, None, is_ascending=True) == [(1_671_536_877_360, {"t": 21.5})]
    assert [each.what for each in sandbox.journal.messages] == [
        "gw/1/data",
        "gw/1/other",
        "gw/1/data",
    ]


async def test_the_cloud_publishes_for_one_account(sandbox: Sandbox) -> None:
    """As its apps do."""
    async with mqtt_peer(sandbox.mqtt_port, login()) as peer:
        await peer.subscribe("mqtt1/set/#")
        assert sandbox.mqtt_side.publish("ann", Message("mqtt1/set/relay", b"1", 1)) == 0
        assert sandbox.mqtt_side.publish("sandbox", Message("mqtt1/set/relay", b"1", 1)) == 1
        await peer.until(lambda: len(peer.messages) == 1)
