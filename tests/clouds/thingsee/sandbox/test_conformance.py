"""What Thingsee's rules ask of a gateway: each rule broken, and a gateway that breaks none."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.sandbox import Sandbox
from tests.clouds.thingsee.sandbox.scene import (
    CONNECTED,
    DOWN,
    GW,
    SENSOR,
    UP,
    T,
    gateway,
    rules,
    said,
)


async def test_a_gateway_that_does_all_right_is_blamed_for_nothing(sandbox: Sandbox) -> None:
    """Login, start, readings, failure, battery, partial messages."""
    start = [
        {**CONNECTED, "tsmId": 1100, "tsmEv": 11, "swVersion": "1", "modelCode": "m", "psn": "p"},
        CONNECTED,
    ]
    later = [
        said(1, airp=101325.0, humd=40),
        said(2, tsmEv=9),
        said(3, tsmId=1403, tsmEv=29, errorType="timeout", errorCause="answered too late"),
    ]
    del later[2]["temp"]
    async with gateway(sandbox) as peer:
        await peer.subscribe(DOWN)
        await peer.publish(UP, orjson.dumps(start))
        await peer.publish(UP, orjson.dumps(later))
    assert not sandbox.journal.violations


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"client_id": "x"}, "client-id"),
        ({"is_clean": False}, "clean-session"),
        ({"will": None}, "will"),
        ({"will": (UP, b"[]", 1, False)}, "will"),
        ({"will": (UP, orjson.dumps([CONNECTED]), 1, False)}, "will"),
    ],
)
async def test_a_bad_login_is_blamed(sandbox: Sandbox, changes: dict[str, Any], rule: str) -> None:
    """When the gateway subscribes to its commands."""
    async with gateway(sandbox, **changes) as peer:
        await peer.subscribe(DOWN)
    assert rules(sandbox) == [rule]


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (said(tsmGw=None), "relay"),
        (said(tsmGw="XXGD01BBBBBBBBBBB"), "relay"),
        ({**CONNECTED, "tsmGw": GW}, "relay"),
        (said(tsmTuid=None), "sender"),
        (said(tsmTs=None), "time"),
        (said(tsmTs=4_000_000_000), "time"),
        (said(tsmDstTuid=GW), "addressee"),
        (said(tsmEv=30, tsmId=1500, temp=None), "event"),
        (said(tsmId=999), "unknown-message"),
        (said(tsmId=1401, tsmEv=28), "direction"),
        (said(temp="warm"), "field"),
        (said(airp=1013.25), "unit"),
        (said(humd=140), "unit"),
        (said(tsmId=1110, batl=101, temp=None), "unit"),
        (said(tsmId=1500, tsmEv=31, transactionId=9, temp=None), "answer"),
    ],
)
async def test_a_bad_message_is_blamed(
    sandbox: Sandbox, message: dict[str, Any], rule: str
) -> None:
    """By its rule, and kept where it can be."""
    plain = {name: value for name, value in message.items() if value is not None}
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, plain]))
    assert rules(sandbox) == [rule]


@pytest.mark.parametrize(
    ("message", "rule"), [(said(tsmTs=T + 0.5), "decimal"), (said(colour=1), "unknown-field")]
)
async def test_what_the_vendors_app_stumbles_over_is_noted(
    sandbox: Sandbox, message: dict[str, Any], rule: str
) -> None:
    """The protocol allows it."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, message]))
    assert rules(sandbox) == []
    assert rules(sandbox, is_note=True) == [rule]


@pytest.mark.parametrize(
    ("payload", "more", "rule"),
    [
        (orjson.dumps([CONNECTED]), {"qos": 0}, "qos"),
        (orjson.dumps([CONNECTED]), {"retain": True}, "retained"),
        (orjson.dumps(CONNECTED), {}, "array"),
        (orjson.dumps([CONNECTED, *(said(number) for number in range(100))]), {}, "count"),
        (orjson.dumps([said()]), {}, "start"),
    ],
)
async def test_a_bad_publish_is_blamed(
    sandbox: Sandbox, payload: bytes, more: dict[str, Any], rule: str
) -> None:
    """And taken."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, payload, **more)
        await peer.publish(UP, orjson.dumps([said(1000)]))
    assert rules(sandbox)[0] == rule
    assert len(sandbox.world.history) > 1


async def test_another_message_of_the_same_second_is_blamed(sandbox: Sandbox) -> None:
    """Customers throw it away."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, said(), said(temp=21.0)]))
    assert rules(sandbox) == ["same-time"]


async def test_half_an_answer_is_blamed(sandbox: Sandbox) -> None:
    """All settings of the message belong into it."""
    request = Message(id=1500, event=30, fields={"transactionId": 7, "reportInterval": 60})
    thing = sandbox.world.things[SENSOR]
    sandbox.orders.give(thing, [request], "app", lambda messages, gateway: None)
    half = said(tsmId=1500, tsmEv=31, transactionId=7, reportInterval=60)
    del half["temp"]
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, half]))
    assert rules(sandbox) == ["answer"]
    assert "measurementInterval" in sandbox.journal.violations[0].text


async def test_a_remote_command_is_answered_with_a_result(sandbox: Sandbox) -> None:
    """0, -1 or -2."""
    request = Message(id=1402, event=35, fields={"transactionId": 7, "command": "RELAY"})
    thing = sandbox.world.things[SENSOR]
    sandbox.orders.give(thing, [request], "app", lambda messages, gateway: None)
    answer = said(tsmId=1402, tsmEv=36, transactionId=7, result=5, payload="")
    del answer["temp"]
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, answer]))
    assert rules(sandbox) == ["answer"]
