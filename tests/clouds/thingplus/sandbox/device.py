"""A small gateway on the device side: subscribes, says `on`, answers what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import GW, gateway
from tests.mqtt_peer import Peer

BASE = f"v/a/g/{GW}"
Answer = Callable[[dict[str, Any]], list[bytes]]


def success(request: dict[str, Any]) -> list[bytes]:
    """Return the answer of a gateway that has done it."""
    result = "" if request["method"] == "timeSync" else "success"
    return [orjson.dumps({"id": request["id"], "result": result})]


class Device:
    """The gateway, and what it was asked."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.asked: list[dict[str, Any]] = []

    async def serve(self, answer: Answer) -> None:
        """Answer every request as it comes."""
        while True:
            done = len(self.asked)
            await self.peer.until(lambda: len(self.peer.messages) > done, 60)  # noqa: B023 - awaited here.
            request = orjson.loads(self.peer.messages[done].payload)
            self.asked.append(request)
            for payload in answer(request):
                self.peer.send(f"{BASE}/res", payload)

    async def was_asked(self, count: int) -> list[dict[str, Any]]:
        """Return the requests once there are that many."""
        payloads = await self.peer.payloads(count)
        return [orjson.loads(payload) for payload in payloads]


@asynccontextmanager
async def online(sandbox: Sandbox, answer: Answer = success) -> AsyncIterator[Device]:
    """Yield a gateway that has come online and answers."""
    async with gateway(sandbox) as peer:
        device = Device(peer)
        await peer.subscribe(f"{BASE}/req")
        await peer.publish(f"{BASE}/mqtt/status", "on", retain=True)
        server = asyncio.create_task(device.serve(answer))
        try:
            yield device
        finally:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)
