"""A gateway of a Thingsee sandbox as a raw MQTT client, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson

from gatewayd.clouds.thingsee.sandbox import Sandbox
from tests.mqtt_peer import Login, Peer, mqtt_peer

GW = "XXGD01AAAAAAAAAAA"
OTHER_GW = "XXGD01BBBBBBBBBBB"
SENSOR = "TSEN01E6214703511"
GROUP = "prfi00office"
KEY = "geheim-key"
UP, DOWN = f"thingsee/gw/{GW}/up", f"thingsee/gw/{GW}/down"
STREAM = f"cloudext/json/pr/fi/{GROUP}"
T = 1_700_000_000
WAIT_S = 5.0

WORLD = {
    "lenient": True,
    "things": [
        {"tuid": GW, "is_gateway": True, "key": KEY, "group": GROUP},
        {"tuid": SENSOR, "gateway": GW, "group": GROUP},
    ],
}
CONNECTED = {"tsmId": 1000, "tsmEv": 17, "tsmTs": T, "tsmTuid": GW}
GOODBYE = {"tsmId": 1000, "tsmEv": 18, "tsmTuid": GW}


def login(**changes: Any) -> Login:
    """Return how a conforming gateway connects."""
    usual: dict[str, Any] = {
        "client_id": GW,
        "username": GW,
        "password": KEY,
        "will": (UP, orjson.dumps([GOODBYE]), 1, False),
    }
    return Login(**(usual | changes))


def gateway(sandbox: Sandbox, **changes: Any) -> AbstractAsyncContextManager[Peer]:
    """Connect as a conforming gateway."""
    return mqtt_peer(sandbox.mqtt_port, login(**changes))


def customer(sandbox: Sandbox) -> AbstractAsyncContextManager[Peer]:
    """Connect as somebody who listens to the stream."""
    return mqtt_peer(sandbox.mqtt_port, Login(client_id="customer"))


def said(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a message of the sensor, `number` seconds after `T`."""
    usual = {"tsmId": 12100, "tsmEv": 10, "tsmTs": T + number, "tsmTuid": SENSOR, "tsmGw": GW}
    return {**usual, "temp": 20.5, **changes}


def rules(sandbox: Sandbox, *, is_note: bool = False) -> list[str]:
    """Return the rules that were broken, in order."""
    return [each.rule for each in sandbox.journal.violations if each.is_note is is_note]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that the sandbox does in its own time."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110  # A count has no event to wait for.
            await asyncio.sleep(0.005)
