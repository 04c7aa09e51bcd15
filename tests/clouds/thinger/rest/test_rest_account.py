"""Endpoints, the account's tokens, and the server itself."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.events import Operation
from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import Denied, Forbidden, Invalid, NotFound, ServerFailed
from gatewayd.clouds.thinger.rest_types import NewBucket, NewEndpoint, NewUserToken
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.sandbox.faults import RestFault
from tests.clouds.thinger.device import DEVICE, Device
from tests.clouds.thinger.rest.conftest import Opened

HTTP = NewEndpoint(
    id="hook",
    type="http_request",
    config={"method": "POST", "url": "http://localhost", "body_type": "json"},
)


async def test_an_endpoint_is_made_called_and_deleted(api: Rest, sandbox: Sandbox) -> None:
    """Calls are kept, nothing is done."""
    await api.endpoints.add(HTTP)
    assert (await api.endpoints.get("hook")).type == "http_request"
    await api.endpoints.call("hook", {"temperature": 99})
    endpoint = sandbox.world.account("sandbox").endpoints["hook"]
    assert list(endpoint.calls) == [{"temperature": 99}]
    assert {each.id for each in await api.endpoints.list()} == {"alarm", "off", "hook"}
    await api.endpoints.delete("hook")
    assert len(await api.endpoints.list()) == 2


async def test_a_device_calls_an_endpoint(sandbox: Sandbox, device: Device) -> None:
    """With data and without; one that is off or unknown is an error."""
    assert (await device.call(5, Operation.CALL_ENDPOINT, "alarm", {"t": 99})).is_ok
    assert (await device.call(6, Operation.CALL_ENDPOINT, "alarm")).is_ok
    assert not (await device.call(7, Operation.CALL_ENDPOINT, "off")).is_ok
    assert not (await device.call(8, Operation.CALL_ENDPOINT, "none")).is_ok
    endpoint = sandbox.world.account("sandbox").endpoints["alarm"]
    assert list(endpoint.calls) == [{"t": 99}, None]


async def test_an_endpoint_that_is_not_there(api: Rest, bad: Rest) -> None:
    """404; 400 for one that is off, an odd id or a taken one; 401 without a token."""
    for each in (
        api.endpoints.get("none"),
        api.endpoints.call("none", {}),
        api.endpoints.delete("none"),
    ):
        with pytest.raises(NotFound):
            await each
    with pytest.raises(Invalid, match="disabled"):
        await api.endpoints.call("off", {})
    for id in ("no-hyphen", "alarm"):
        with pytest.raises(Invalid):
            await api.endpoints.add(NewEndpoint(id=id, type="email", config={}))
    for asked in (
        bad.endpoints.get("alarm"),
        bad.endpoints.list(),
        bad.endpoints.add(HTTP),
        bad.endpoints.call("alarm", {}),
        bad.endpoints.delete("alarm"),
    ):
        with pytest.raises(Denied):
            await asked


async def test_a_user_token_opens_what_it_says(api: Rest, open_as: Opened, device: Device) -> None:
    """A kind, an id, an action; what is denied goes before what is allowed."""
    allow = {"Device": {DEVICE: ["AccessDeviceResources"]}, "Bucket": {"*": "*"}}
    deny = {"Bucket": {"*": ["DeleteBucket"]}}
    made = await api.tokens.add(NewUserToken(id="panel", allow=allow, deny=deny))
    assert [each.id for each in await api.tokens.list()] == ["panel"]
    async with open_as(token=made.token) as own:
        assert await own.devices.resources(DEVICE).read("temperature") == 21.5
        await own.buckets.add(NewBucket(id="own"))
        for each in (own.devices.list(), own.buckets.delete("own"), own.tokens.list()):
            with pytest.raises(Forbidden):
                await each


async def test_a_user_token_ends(api: Rest, open_as: Opened, sandbox: Sandbox) -> None:
    """When it says, or when it is deleted."""
    ends_ms = sandbox.clock.now_ms() + 60_000
    short = await api.tokens.add(NewUserToken(id="short", allow={"*": "*"}, expires_ms=ends_ms))
    gone = await api.tokens.add(NewUserToken(id="gone", allow={"*": "*"}))
    await api.tokens.delete("gone")
    async with open_as(token=gone.token) as own:
        with pytest.raises(Denied, match="revoked"):
            await own.devices.list()
    async with open_as(token=short.token) as own:
        await own.devices.list()
        sandbox.clock.shift_ms += 61_000
        with pytest.raises(Denied, match="expired"):
            await own.devices.list()


async def test_a_user_token_that_cannot_be_is_refused(api: Rest, bad: Rest) -> None:
    """400: an odd id or a taken one; 404 for none; 401 without a token."""
    await api.tokens.add(NewUserToken(id="taken"))
    for id in ("no-hyphen", "taken", "x" * 51):
        with pytest.raises(Invalid):
            await api.tokens.add(NewUserToken(id=id))
    with pytest.raises(NotFound):
        await api.tokens.delete("none")
    for each in (
        bad.tokens.list(),
        bad.tokens.add(NewUserToken(id="a")),
        bad.tokens.delete("taken"),
    ):
        with pytest.raises(Denied):
            await each


async def test_the_server_tells_of_itself(api: Rest) -> None:
    """Its version, and that it is well."""
    assert (await api.server.version())["version"] == "emulator"
    await api.server.check_health()


async def test_a_server_that_is_not_well_says_so(api: Rest, bad: Rest, sandbox: Sandbox) -> None:
    """503; 401 for its version without a token."""
    sandbox.rest_faults.add(RestFault(path="healthcheck", status=503))
    with pytest.raises(ServerFailed):
        await api.server.check_health()
    with pytest.raises(Denied):
        await bad.server.version()
