"""What the cloud tells as it happens, by WebSocket: samples of resources, and events.

Source: node-red-contrib-thinger (resources, server events); Thinger.io API description 2025.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from gatewayd.clouds.json_fields import Json, needed, whole
from gatewayd.clouds.thinger.rest_calls import Calls, as_object
from gatewayd.errors import Malformed
from gatewayd.transports.websocket import WebSocket

SILENCE_S = 60.0
"""A server that answers no ping within half of it is gone."""


@dataclass(frozen=True, slots=True)
class LiveSample:
    """One sample; the time is there where the server says it."""

    resource: str
    value: object
    time_ms: int | None = None


class LiveResources:
    """The resources of one device, as they change."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def want(self, resource: str, interval_s: float = 0) -> None:
        """Have samples sent at an interval, or whenever something changes. Raises LinkLost."""
        wish = {"resource": resource, "interval": interval_s, "enabled": True}
        await self._socket.send(orjson.dumps(wish).decode())

    async def leave(self, resource: str) -> None:
        """Have no more samples sent. Raises LinkLost."""
        wish = {"resource": resource, "enabled": False}
        await self._socket.send(orjson.dumps(wish).decode())

    async def samples(self) -> AsyncIterator[LiveSample]:
        """Yield samples until the server ends it; for one consumer. Raises LinkLost, Malformed."""
        async for text in self._socket.texts():
            record = _object(text)
            yield LiveSample(needed(record, "resource"), record.get("payload"), whole(record, "ts"))


class Live:
    """Everything that can be listened to."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @asynccontextmanager
    async def resources(self, device: str) -> AsyncIterator[LiveResources]:
        """Listen to a device's resources, none at first. Raises ThingerError, LinkLost."""
        path = self._calls.path("v3", "devices", device, "resources")
        async with self._calls.socket(path, SILENCE_S) as socket:
            yield LiveResources(socket)

    @asynccontextmanager
    async def events(self, *filters: Mapping[str, str]) -> AsyncIterator[AsyncIterator[Json]]:
        """Listen to the account's events that fit one of the filters, such as
        `{"event": "device_state_change", "device": "gw.*"}`. Raises ThingerError, LinkLost."""
        async with self._calls.socket(self._calls.path("v1", "events"), SILENCE_S) as socket:
            for each in filters:
                await socket.send(orjson.dumps(each).decode())
            yield _events(socket)


async def _events(socket: WebSocket) -> AsyncIterator[Json]:
    async for text in socket.texts():
        yield _object(text)


def _object(text: str) -> Json:
    try:
        return as_object(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise Malformed(f"Thinger.io says no JSON: {error.msg}") from None
