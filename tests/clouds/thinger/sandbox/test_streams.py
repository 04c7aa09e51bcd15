"""Streams that the sandbox starts and stops: for buckets, and for who listens by WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from gatewayd.clouds.thinger.events import Answer, StartStream, StopStream
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.clouds.thinger.sandbox.hub import Listener
from tests.clouds.thinger.device import DEVICE, WAIT_S, Device, open_device

FEED = {"source": "device", "device": DEVICE, "resource": "temperature", "update": "interval"}


def starts(device: Device) -> list[StartStream]:
    return [each for each in device.asked if isinstance(each, StartStream)]


def stops(device: Device) -> list[StopStream]:
    return [each for each in device.asked if isinstance(each, StopStream)]


async def until(is_so: Callable[[], bool]) -> None:
    """Let the sandbox work until it is so."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110  # the sandbox has no event for what it stores
            await asyncio.sleep(0.005)


def stored(sandbox: Sandbox, bucket: str) -> list[object]:
    points = sandbox.world.accounts["sandbox"].buckets[bucket].points
    return [value for _, value in points.select(None, None, None, is_ascending=True)]


def feed(sandbox: Sandbox, id: str, **config: object) -> None:
    sandbox.provision({"buckets": [{"bucket": id, "config": {**FEED, **config}}]})


@asynccontextmanager
async def live(sandbox: Sandbox, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Open a WebSocket as the first user."""
    token = sandbox.doors.pair(sandbox.world.account("sandbox"))["access_token"]
    mark = "&" if "?" in path else "?"
    address = f"{sandbox.rest_url}{path}{mark}authorization={token}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        yield socket


async def test_a_bucket_is_fed_by_a_stream(sandbox: Sandbox, device: Device) -> None:
    """Its interval in milliseconds; what is in the sample's `out` is stored."""
    feed(sandbox, "fed", interval=5)
    await device.until(lambda: bool(starts(device)))
    assert starts(device)[0] == StartStream(starts(device)[0].id, ("temperature",), 5000)
    device.sample("temperature", 21.5)
    device.sample("temperature", 22, is_event=True)
    await until(lambda: len(stored(sandbox, "fed")) >= 1)
    assert stored(sandbox, "fed")[-1] in (21.5, 22)


async def test_a_stream_begins_with_the_connection(sandbox: Sandbox) -> None:
    """Each time anew."""
    feed(sandbox, "fed", update="events")
    for _ in range(2):
        async with open_device(sandbox.socket_port) as device:
            await device.until(lambda: bool(starts(device)))  # within the turn
            assert starts(device)[0].interval_ms == 0


async def test_a_stream_ends_with_its_last_consumer(sandbox: Sandbox, device: Device) -> None:
    """Two buckets share one: the greatest common divisor of what they want."""
    feed(sandbox, "one", interval=6)
    feed(sandbox, "two", interval=4)
    await device.until(lambda: len(starts(device)) == 2)
    assert [each.interval_ms for each in starts(device)] == [6000, 2000]
    assert len({each.id for each in starts(device)}) == 1
    feed(sandbox, "two", update="none")
    await device.until(lambda: len(starts(device)) == 3)
    assert not stops(device)
    feed(sandbox, "one", update="none")
    await device.until(lambda: bool(stops(device)))


async def test_a_stream_that_is_refused_is_counted(sandbox: Sandbox, device: Device) -> None:
    """A resource that the device does not have."""
    feed(sandbox, "fed", resource="nope")
    await until(lambda: sandbox.journal.counts["streams_refused"] == 1)
    assert not stored(sandbox, "fed")


async def test_points_that_come_too_fast_are_dropped(sandbox: Sandbox, device: Device) -> None:
    """One a minute, as documented, where that is switched on; a disabled bucket takes none."""
    sandbox.world.settings = replace(sandbox.settings, min_store_interval_s=60.0)
    feed(sandbox, "fed", interval=1)
    await device.until(lambda: bool(starts(device)))
    for value in range(3):
        device.sample("temperature", value)
    await until(lambda: sandbox.journal.counts["samples"] == 3)
    assert len(stored(sandbox, "fed")) == 1
    assert sandbox.journal.counts["points_too_fast"] == 2


async def test_samples_are_heard_by_websocket(sandbox: Sandbox, device: Device) -> None:
    """As long as they are wanted; the stream ends with the socket."""
    path = f"/v3/users/sandbox/devices/{DEVICE}/resources"
    async with live(sandbox, path) as socket:
        await socket.send_json({"resource": "temperature", "interval": 5, "enabled": True})
        await device.until(lambda: bool(starts(device)))
        device.sample("temperature", 21.5)
        heard = await socket.receive_json(timeout=WAIT_S)
        assert (heard["resource"], heard["payload"]) == ("temperature", 21.5)
        await socket.send_json({"resource": "temperature", "enabled": False})
        await device.until(lambda: bool(stops(device)))
        await socket.send_json({"resource": "temperature", "interval": 0})
        await device.until(lambda: len(starts(device)) == 2)
        assert starts(device)[1].interval_ms == 0
    await device.until(lambda: len(stops(device)) == 2)


async def test_one_resource_is_heard_by_websocket(sandbox: Sandbox, device: Device) -> None:
    """The address names it, and the interval."""
    path = f"/v3/users/sandbox/devices/{DEVICE}/resources/temperature?interval=2"
    async with live(sandbox, path) as socket:
        await device.until(lambda: bool(starts(device)))
        assert starts(device)[0].interval_ms == 2000
        device.sample("temperature", {"a": 1})
        assert (await socket.receive_json(timeout=WAIT_S))["payload"] == {"a": 1}


async def test_nonsense_by_websocket_is_ignored(sandbox: Sandbox, device: Device) -> None:
    """What is no JSON, no object, or names nothing."""
    path = f"/v3/users/sandbox/devices/{DEVICE}/resources"
    async with live(sandbox, path) as socket:
        for text in ("{", "[]", "{}", '{"resource": 5}', '{"resource": "none", "enabled": false}'):
            await socket.send_str(text)
        await socket.send_json({"resource": "temperature", "interval": "often"})
        await device.until(lambda: bool(starts(device)))
        assert len(starts(device)) == 1


async def test_a_websocket_needs_a_token(sandbox: Sandbox) -> None:
    """401 before anything is opened."""
    for path in (f"devices/{DEVICE}/resources", "events"):
        version = "v3" if "resources" in path else "v1"
        address = f"{sandbox.rest_url}/{version}/users/sandbox/{path}?authorization=a.b.c"
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(address)
            assert caught.value.status == 401


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_events_are_heard_by_websocket(sandbox: Sandbox, version: str) -> None:
    """Those that a filter fits, which may hold regular expressions."""
    async with live(sandbox, f"/{version}/users/sandbox/events") as socket:
        await socket.send_json(
            {"event": "device_state_change", "device": "gw.*", "state": "disconnected"}
        )
        await socket.send_json({"event": "device_property_update"})
        await until(lambda: sum(len(each.filters) for _, each in _listeners(sandbox)) == 2)
        async with open_device(sandbox.socket_port):
            pass
        heard = await socket.receive_json(timeout=WAIT_S)
        assert (heard["event"], heard["device"]) == ("device_state_change", DEVICE)
        assert (heard["state"], heard["user"]) == ("disconnected", "sandbox")


async def test_a_restarted_stream_has_another_id(sandbox: Sandbox, device: Device) -> None:
    """The device takes the new one."""
    feed(sandbox, "fed", interval=5)
    await device.until(lambda: bool(starts(device)))
    connection = sandbox.connection(DEVICE)
    assert connection is not None
    assert sandbox.app_premises.streams.restart(connection) == 1
    await device.until(lambda: len(starts(device)) == 2)
    assert starts(device)[0].id != starts(device)[1].id
    device.sample("temperature", 5)
    await until(lambda: stored(sandbox, "fed") == [5])


async def test_a_stream_answer_is_an_answer(sandbox: Sandbox, device: Device) -> None:
    """With the stream's id; nothing else is sent for it."""
    feed(sandbox, "fed", interval=5)
    await until(lambda: sandbox.journal.counts["streams_started"] == 1)
    assert not [each for each in device.answers if isinstance(each, Answer)]


def _listeners(sandbox: Sandbox) -> list[tuple[str, Listener]]:
    return sandbox.app_premises.hub._listeners
