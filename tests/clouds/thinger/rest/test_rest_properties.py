"""Properties of devices, and devices that speak HTTP."""

from __future__ import annotations

import aiohttp
import pytest

from gatewayd.clouds.thinger.events import Operation
from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import Denied, Forbidden, Invalid, NotFound
from gatewayd.clouds.thinger.rest_types import Property
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.fields import Secret
from tests.clouds.thinger.device import DEVICE, Device
from tests.clouds.thinger.rest.conftest import Opened


async def test_properties_are_kept(api: Rest) -> None:
    """One, several at once, replaced, changed, listed."""
    properties = api.devices.properties(DEVICE)
    await properties.add(Property("location", {"lat": 40.1, "long": -5.4}))
    await properties.add(Property("a", 1), Property("b", "two"))
    await properties.put("a", [1])
    await properties.change("location", {"lat": 41})
    assert await properties.get("location") == Property("location", {"lat": 41, "long": -5.4})
    assert [each.id for each in await properties.list()] == ["location", "a", "b"]
    await properties.delete("b")
    assert len(await properties.list()) == 2


async def test_a_device_sees_its_properties(api: Rest, device: Device) -> None:
    """The same store answers it; what it sets, the cloud has."""
    await api.devices.properties(DEVICE).put("threshold", 23.75)
    answer = await device.call(0, Operation.GET_PROPERTY, "threshold")
    assert (answer.is_ok, answer.payload) == (True, 23.75)
    assert (await device.call(9, Operation.SET_PROPERTY, "threshold", {"at": 5})).is_ok
    assert (await api.devices.properties(DEVICE).get("threshold")).value == {"at": 5}


async def test_a_missing_property_is_not_found(api: Rest, device: Device) -> None:
    """404 for whoever asks; the device hears an error."""
    properties = api.devices.properties(DEVICE)
    for each in (properties.get("none"), properties.change("none", {}), properties.delete("none")):
        with pytest.raises(NotFound):
            await each
    with pytest.raises(NotFound):
        await api.devices.properties("none").list()
    assert not (await device.call(0, Operation.GET_PROPERTY, "none")).is_ok


async def test_a_property_that_cannot_be_is_refused(api: Rest, bad: Rest) -> None:
    """400: an odd id, members of what has none; 401 without a token."""
    properties = api.devices.properties(DEVICE)
    with pytest.raises(Invalid):
        await properties.put("no-hyphen", 1)
    with pytest.raises(Invalid):
        await properties.add(Property("no-hyphen", 1))
    await properties.put("scalar", 1)
    with pytest.raises(Invalid):
        await properties.change("scalar", {"a": 1})
    for each in (
        bad.devices.properties(DEVICE).list(),
        bad.devices.properties(DEVICE).put("a", 1),
        bad.devices.properties(DEVICE).add(Property("a", 1)),
        bad.devices.properties(DEVICE).delete("scalar"),
    ):
        with pytest.raises(Denied):
            await each


async def test_a_device_calls_back(api: Rest, open_as: Opened, sandbox: Sandbox) -> None:
    """Into a bucket, an endpoint, a property; a property answers. Its own token suffices."""
    actions = {
        "write_bucket": "boiler",
        "call_endpoint": "alarm",
        "set_property": "latest",
        "send_property": "wanted",
    }
    await api.devices.callback("web").configure(actions, timeout_min=5)
    await api.devices.properties("web").put("wanted", {"relay": True})
    account = sandbox.world.account("sandbox")
    token = Secret(sandbox.doors.callback_token(account, account.devices["web"]))
    async with open_as(token=token) as own:
        answer = await own.devices.callback("web").send({"t": 21.5}, 1_671_536_877_360)
        assert answer == {"relay": True}
        assert await own.devices.callback("web").fetch() == {"relay": True}
        with pytest.raises(Forbidden):
            await own.devices.list()
    (point,) = await api.buckets.read("boiler")
    assert point == (1_671_536_877_360, {"t": 21.5})
    assert (await api.devices.properties("web").get("latest")).value == {"t": 21.5}
    assert list(account.endpoints["alarm"].calls) == [{"t": 21.5}]


async def test_a_silent_http_device_counts_as_gone(api: Rest, sandbox: Sandbox) -> None:
    """After as many minutes as it was given."""
    await api.devices.callback("web").configure({}, timeout_min=5)
    assert await api.devices.callback("web").send({"t": 1}) is None
    assert (await api.devices.get("web")).is_connected
    sandbox.clock.shift_ms += 6 * 60_000
    assert not (await api.devices.get("web")).is_connected


async def test_what_is_no_json_is_taken_and_lost(api: Rest, sandbox: Sandbox) -> None:
    """200, as documented; the address without `/data` is taken too."""
    await api.devices.callback("web").configure({"write_bucket": "boiler"})
    account = sandbox.world.account("sandbox")
    token = sandbox.doors.callback_token(account, account.devices["web"])
    place = f"{sandbox.rest_url}/v3/users/sandbox/devices/web/callback"
    async with aiohttp.ClientSession() as session:
        for path, body in (("/data", b"hello"), ("", b'{"t": 1}')):
            address = f"{place}{path}?authorization={token}"
            async with session.post(address, data=body) as answer:
                assert (answer.status, await answer.read()) == (200, b"")
    assert len(await api.buckets.read("boiler")) == 1


async def test_a_callback_that_cannot_be_is_refused(api: Rest, bad: Rest) -> None:
    """404 for nobody, 400 for a device of another kind or an odd configuration, 401 without."""
    with pytest.raises(NotFound):
        await api.devices.callback("none").send({"t": 1})
    with pytest.raises(Invalid):
        await api.devices.callback(DEVICE).send({"t": 1})
    with pytest.raises(Invalid):
        await api.devices.callback(DEVICE).fetch()
    with pytest.raises(Invalid):
        await api.devices.callback("web").configure({"sing": "aloud"})
    with pytest.raises(Denied):
        await bad.devices.callback("web").send({"t": 1})
    with pytest.raises(Denied):
        await bad.devices.callback("web").configure({})
    with pytest.raises(Denied):
        await bad.devices.callback("web").fetch()
    await api.devices.callback("web").configure({"write_bucket": "none"})
    with pytest.raises(NotFound):
        await api.devices.callback("web").send({"t": 1})
