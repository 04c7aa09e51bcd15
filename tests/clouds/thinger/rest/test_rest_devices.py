"""Devices of an account: listed, made, changed, deleted; statistics and their stream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import Denied, Forbidden, Invalid, NotFound
from gatewayd.clouds.thinger.rest_types import DeviceType, NewDevice
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.fields import Secret
from tests.clouds.thinger.device import DEVICE, Device
from tests.clouds.thinger.rest.conftest import Opened

NEW = NewDevice(id="nodemcu", credentials=Secret("BN8RbpRKfxhm"), description="With ESP8266")


async def test_devices_are_listed(api: Rest, device: Device) -> None:
    """With description and connection; `id` searches."""
    found = {each.id: each for each in await api.devices.list()}
    assert set(found) == {DEVICE, "web"}
    assert (found[DEVICE].description, found[DEVICE].is_connected) == ("Boiler room", True)
    assert found[DEVICE].connected_ms
    assert [each.id for each in await api.devices.list({"id": "we"})] == ["web"]
    assert [each.id for each in await api.devices.list({"type": "HTTP"})] == ["web"]
    assert len(await api.devices.list({"count": 1, "index": 1})) == 1


async def test_devices_are_for_their_owner(api: Rest, bad: Rest, open_as: Opened) -> None:
    """401 without a good token, 400 for an odd search, 403 for another's, 404 for nobody's."""
    with pytest.raises(Denied):
        await bad.devices.list()
    with pytest.raises(Invalid):
        await api.devices.list({"id": "no/device"})
    async with open_as(of="ann") as foreign, open_as(of="nobody") as nowhere:
        with pytest.raises(Forbidden):
            await foreign.devices.list()
        with pytest.raises(NotFound):
            await nowhere.devices.list()


@pytest.mark.parametrize("is_old", [True, False])
async def test_a_device_is_added(api: Rest, *, is_old: bool) -> None:
    """In the words of the first description, and in today's."""
    await api.devices.add(NEW, is_old_server=is_old)
    found = await api.devices.get("nodemcu")
    assert (found.id, found.description, found.is_connected) == ("nodemcu", "With ESP8266", False)


@pytest.mark.parametrize(
    "new",
    [
        replace(NEW, id="no device"),
        replace(NEW, id=""),
        replace(NEW, id="x" * 33),
        replace(NEW, credentials=None),
        replace(NEW, credentials=Secret("short")),
        replace(NEW, id=DEVICE),
    ],
)
@pytest.mark.parametrize("is_old", [True, False])
async def test_a_device_that_cannot_be_is_refused(
    api: Rest, new: NewDevice, *, is_old: bool
) -> None:
    """400: a missing field, an odd id, odd credentials, an id that is taken."""
    with pytest.raises(Invalid):
        await api.devices.add(new, is_old_server=is_old)
    assert len(await api.devices.list()) == 2


async def test_an_account_is_limited(api: Rest, bad: Rest) -> None:
    """400 beyond its devices; 401 comes before."""
    await api.devices.add(replace(NEW, id="three"))
    await api.devices.add(NewDevice(id="four", type=DeviceType.HTTP))
    with pytest.raises(Invalid, match="limited"):
        await api.devices.add(replace(NEW, id="five"))
    with pytest.raises(Denied):
        await bad.devices.add(replace(NEW, id="five"))


async def test_a_device_is_changed(api: Rest) -> None:
    """What is not named stays."""
    await api.devices.change("web", {"name": "Web hook", "enabled": False})
    found = await api.devices.get("web")
    assert (found.name, found.is_enabled, found.type) == ("Web hook", False, "HTTP")


async def test_a_missing_device_is_not_found(api: Rest) -> None:
    """Read, changed, deleted."""
    with pytest.raises(NotFound):
        await api.devices.get("none")
    with pytest.raises(NotFound):
        await api.devices.change("none", {"name": "x"})
    with pytest.raises(NotFound):
        await api.devices.delete("none")


async def test_a_change_that_makes_no_sense_is_refused(api: Rest) -> None:
    """Unknown fields, short credentials."""
    with pytest.raises(Invalid):
        await api.devices.change(DEVICE, {"colour": "red"})
    with pytest.raises(Invalid):
        await api.devices.change(DEVICE, {"credentials": "abc"})


async def test_a_device_is_deleted(api: Rest) -> None:
    """And is gone."""
    await api.devices.delete("web")
    assert [each.id for each in await api.devices.list()] == [DEVICE]


async def test_a_connected_device_is_not_deleted(api: Rest, bad: Rest, device: Device) -> None:
    """400, and it stays; 401 for somebody without a token."""
    with pytest.raises(Invalid, match="connected"):
        await api.devices.delete(DEVICE)
    with pytest.raises(Denied):
        await bad.devices.delete("web")
    assert not device.is_gone


@pytest.mark.parametrize("version", ["v1", "v3"])
async def test_statistics_tell_the_latest_connection(
    api: Rest, device: Device, version: str
) -> None:
    """State, since when, whence, bytes both ways."""
    await api.devices.resources(DEVICE).read("temperature")
    found = await api.devices.stats(DEVICE, version)
    assert found.is_connected
    assert found.ip_address == "127.0.0.1"
    assert found.connected_ms
    assert found.rx_bytes > 20
    assert found.tx_bytes > 4


@pytest.mark.parametrize("version", ["v1", "v3"])
async def test_statistics_of_what_is_not_there(api: Rest, bad: Rest, version: str) -> None:
    """404, 400 for a name that is none, 401 without a token."""
    with pytest.raises(NotFound):
        await api.devices.stats("none", version)
    with pytest.raises(Invalid):
        await api.devices.stats("no device", version)
    with pytest.raises(Denied):
        await bad.devices.stats(DEVICE, version)


async def test_statistics_come_as_events(api: Rest, device: Device, sandbox: Sandbox) -> None:
    """At once, then every second, until the device has left."""
    async with api.devices.watch(DEVICE) as events:
        first = await anext(events)
        assert first.is_connected
        device.writer.close()
        rest = [each async for each in events]
    assert not rest[-1].is_connected


async def test_events_of_what_is_not_there(api: Rest, bad: Rest) -> None:
    """A refusal instead of a stream."""
    with pytest.raises(NotFound):
        async with api.devices.watch("none"):
            pass
    with pytest.raises(Denied):
        async with bad.devices.watch(DEVICE):
            pass
