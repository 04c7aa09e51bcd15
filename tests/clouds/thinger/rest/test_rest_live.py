"""What the client hears by WebSocket, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.clouds.thinger.events import StartStream, StopStream
from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import Denied, Forbidden
from gatewayd.clouds.thinger.rest_live import LiveSample
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.errors import LinkLost
from tests.clouds.thinger.device import DEVICE, WAIT_S, Device, open_device
from tests.clouds.thinger.rest.conftest import Opened


def started(device: Device) -> list[StartStream]:
    return [each for each in device.asked if isinstance(each, StartStream)]


async def test_samples_are_heard_as_long_as_they_are_wanted(api: Rest, device: Device) -> None:
    """Nested ones too; the streams end with the socket."""
    async with api.live.resources(DEVICE) as live, asyncio.timeout(WAIT_S):
        await live.want("temperature", 5)
        await live.want("tank/level")
        await device.until(lambda: len(started(device)) == 2)
        assert {each.interval_ms for each in started(device)} == {5000, 0}
        samples = live.samples()
        device.sample("temperature", 21.5)
        first = await anext(samples)
        assert (first.resource, first.value) == ("temperature", 21.5)
        assert first.time_ms
        device.sample("tank/level", {"m": 43}, is_event=True)
        second = await anext(samples)
        assert second == LiveSample("tank/level", {"m": 43}, second.time_ms)
        await live.leave("temperature")
        await device.until(lambda: any(isinstance(each, StopStream) for each in device.asked))
    await device.until(lambda: not device.streams)


async def test_events_are_heard_that_fit(api: Rest, sandbox: Sandbox) -> None:
    """Of devices that come and go, say."""
    wanted = {"event": "device_state_change", "device": "gw.*", "state": "disconnected"}
    async with api.live.events(wanted) as events, asyncio.timeout(WAIT_S):
        # Nobody tells when the server has read the filter; so the device comes and goes until then.
        hearing = asyncio.ensure_future(anext(events))
        while not hearing.done():
            async with open_device(sandbox.socket_port):
                pass
            await asyncio.wait([hearing], timeout=0.05)
        heard = hearing.result()
    assert (heard["device"], heard["state"]) == (DEVICE, "disconnected")


async def test_a_socket_needs_a_token_of_its_owner(bad: Rest, open_as: Opened) -> None:
    """401 and 403, before anything is heard."""
    with pytest.raises(Denied):
        async with bad.live.resources(DEVICE):
            pass
    async with open_as(of="ann") as foreign:
        with pytest.raises(Forbidden):
            async with foreign.live.events():
                pass


async def test_a_token_that_has_ended_is_renewed_for_a_socket(
    api: Rest, sandbox: Sandbox, device: Device
) -> None:
    """As for any other call."""
    await api.devices.list()
    sandbox.doors.revoke_access()
    async with api.live.resources(DEVICE) as live:
        await live.want("temperature")
        await device.until(lambda: bool(started(device)))


async def test_a_socket_that_is_cut_is_lost(api: Rest, sandbox: Sandbox, device: Device) -> None:
    """Not ended: whoever listens must know that he has missed something."""
    async with api.live.resources(DEVICE) as live, asyncio.timeout(WAIT_S):
        await live.want("temperature")
        await device.until(lambda: bool(started(device)))
        [connection] = api.devices._calls._http.session.connector._acquired  # type: ignore[union-attr]  # A look inside.
        transport = connection.transport
        assert transport is not None
        transport.abort()
        with pytest.raises(LinkLost):
            async for _ in live.samples():
                pass
