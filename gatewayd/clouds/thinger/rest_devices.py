"""The account's devices: made, listed, deleted, watched; their tokens, properties, callback.

Source: Thinger.io REST API, Devices API; Thinger.io API description 2025 (v3).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import orjson

from gatewayd.clouds.places import place
from gatewayd.clouds.thinger.rest_calls import Calls, as_object, as_objects, with_query
from gatewayd.clouds.thinger.rest_resources import Resources, Version
from gatewayd.clouds.thinger.rest_types import Device, DeviceToken, NewDevice, Property, Stats
from gatewayd.clouds.thinger.server_events import EventBuffer
from gatewayd.errors import Malformed

SILENCE_S = 60.0
"""A stream of statistics that says nothing for so long is dead: there is one a second."""


class Devices:
    """`/v1/users/{user}/devices`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self, query: Mapping[str, object] | None = None) -> tuple[Device, ...]:
        """Return the devices; `id`, `name`, `type`, `count`, `index`, … choose among them."""
        found = await self._calls.get(self._calls.path("v1", "devices"), query)
        return tuple(map(Device.of, as_objects(found)))

    async def get(self, id: str) -> Device:
        """Return one device. Raises NotFound."""
        found = as_object(await self._calls.get(self._path(id)))
        return Device.of({"device": id, **found})

    async def add(self, new: NewDevice, *, is_old_server: bool = False) -> None:
        """Make a device. Raises Invalid: fields, id, a taken id, or an account that is full."""
        body = new.old_body() if is_old_server else new.body()
        await self._calls.post(self._calls.path("v1", "devices"), body)

    async def change(self, id: str, changes: Mapping[str, object]) -> None:
        """Change some fields of a device; the others stay."""
        await self._calls.put(self._path(id), changes)

    async def delete(self, id: str) -> None:
        """Delete a device. Raises Invalid while it is connected."""
        await self._calls.delete(self._path(id))

    async def stats(self, id: str, version: str = "v1") -> Stats:
        """Return what there is to tell of the latest connection; newer servers want `v3`."""
        path = self._calls.path(version, "devices", id, "stats")
        return Stats.of(as_object(await self._calls.get(path)))

    @asynccontextmanager
    async def watch(
        self, id: str, version: str = "v1", silence_s: float = SILENCE_S
    ) -> AsyncIterator[AsyncIterator[Stats]]:
        """Hold the statistics open; what is yielded ends when the server ends it."""
        path = self._calls.path(version, "devices", id, "stats")
        async with self._calls.stream(path, silence_s) as stream:
            yield _stats(stream.chunks())

    def resources(self, id: str, version: Version = Version.V2) -> Resources:
        """Return what the device exposes."""
        return Resources(self._calls, id, version)

    def tokens(self, id: str) -> DeviceTokens:
        """Return the device's tokens."""
        return DeviceTokens(self._calls, self._calls.path("v1", "devices", id, "tokens"))

    def properties(self, id: str) -> Properties:
        """Return what the cloud keeps for the device."""
        return Properties(self._calls, id)

    def callback(self, id: str) -> Callback:
        """Return the way in of a device that speaks HTTP."""
        return Callback(self._calls, self._calls.path("v3", "devices", id, "callback"))

    def _path(self, id: str) -> str:
        return self._calls.path("v1", "devices", id)


async def _stats(chunks: AsyncIterator[bytes]) -> AsyncIterator[Stats]:
    events = EventBuffer()
    async for chunk in chunks:
        for data in events.feed(chunk):
            try:
                found: object = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                raise Malformed(f"an event that is no JSON: {error.msg}") from None
            yield Stats.of(as_object(found))


class DeviceTokens:
    """`/v1/users/{user}/devices/{device}/tokens`."""

    def __init__(self, calls: Calls, path: str) -> None:
        self._calls = calls
        self._path = path

    async def list(self) -> tuple[DeviceToken, ...]:
        """Return the tokens of the device."""
        return tuple(map(DeviceToken.of, as_objects(await self._calls.get(self._path))))

    async def add(
        self, name: str, resources: Sequence[str] = (), expires_ms: int | None = None
    ) -> DeviceToken:
        """Make a token, for all resources unless some are named, for ever unless an end is."""
        body: dict[str, object] = {"token_name": name}
        if resources:
            body["token_resources"] = list(resources)
        if expires_ms is not None:
            body["token_expiration"] = expires_ms
        return DeviceToken.of(as_object(await self._calls.post(self._path, body)))

    async def delete(self, id: str) -> None:
        """Delete a token; it opens nothing any more."""
        await self._calls.delete(self._path + place(id))


class Properties:
    """`/v3/users/{user}/devices/{device}/properties`."""

    def __init__(self, calls: Calls, device: str) -> None:
        self._calls = calls
        self._names = ("devices", device, "properties")

    async def list(self) -> tuple[Property, ...]:
        """Return all of them."""
        return tuple(map(Property.of, as_objects(await self._calls.get(self._path()))))

    async def get(self, id: str) -> Property:
        """Return one. Raises NotFound."""
        found = as_object(await self._calls.get(self._path(id)))
        return Property(id, found.get("value"))

    async def add(self, *properties: Property) -> None:
        """Make or replace some at once."""
        bodies = [{"property": each.id, "value": each.value} for each in properties]
        await self._calls.post(self._path(), bodies[0] if len(bodies) == 1 else bodies)

    async def put(self, id: str, value: object) -> None:
        """Make or replace one."""
        await self._calls.put(self._path(id), {"value": value})

    async def change(self, id: str, members: Mapping[str, object]) -> None:
        """Change members of one that is an object."""
        body = orjson.dumps({"value": dict(members)})
        await self._calls.call("PATCH", self._path(id), body)

    async def delete(self, id: str) -> None:
        """Delete one."""
        await self._calls.delete(self._path(id))

    def _path(self, *names: str) -> str:
        return self._calls.path("v3", *self._names, *names)


class Callback:
    """`/v3/users/{user}/devices/{device}/callback`: the way in of a device that speaks HTTP."""

    def __init__(self, calls: Calls, path: str) -> None:
        self._calls = calls
        self._path = path

    async def configure(self, actions: Mapping[str, str], timeout_min: int | None = None) -> None:
        """Say what becomes of data: `write_bucket`, `call_endpoint`, `set_property`, and which
        property answers them: `send_property`."""
        body: dict[str, object] = {"actions": dict(actions)}
        if timeout_min is not None:
            body["properties"] = {"timeout": timeout_min}
        await self._calls.put(self._path, body)

    async def send(self, data: object, time_ms: int | None = None) -> object:
        """Hand data over and return what the cloud answers: a property's value, or None."""
        path = with_query(f"{self._path}/data", {"ts": time_ms})
        return await self._calls.post(path, data)

    async def fetch(self) -> object:
        """Return the answer without sending anything."""
        return await self._calls.get(f"{self._path}/data")
