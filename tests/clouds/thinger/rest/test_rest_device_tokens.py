"""Tokens of a device: what they open, for how long, and until they are deleted."""

from __future__ import annotations

import pytest

from gatewayd.clouds.jwt import read_claims
from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_errors import Denied, Forbidden, Invalid, NotFound
from gatewayd.clouds.thinger.sandbox import Sandbox
from tests.clouds.thinger.device import DEVICE, Device
from tests.clouds.thinger.rest.conftest import Opened


async def test_a_token_is_made_and_listed(api: Rest) -> None:
    """24 hex digits of id; the claims are those of the vendor's own example."""
    made = await api.devices.tokens(DEVICE).add("Door", ["open", "close"], 1_999_999_999_000)
    assert len(bytes.fromhex(made.id)) == 12
    claims = read_claims(made.token.reveal()) or {}
    assert set(claims) == {"dev", "exp", "iat", "jti", "res", "usr"}
    assert (claims["dev"], claims["exp"]) == (DEVICE, 1_999_999_999)
    assert claims["res"] == ["open", "close"]
    assert await api.devices.tokens(DEVICE).list() == (made,)


async def test_tokens_of_what_is_not_there(api: Rest, bad: Rest) -> None:
    """404 without the device, 401 without a token of one's own, 400 without a name."""
    with pytest.raises(NotFound):
        await api.devices.tokens("none").list()
    with pytest.raises(Denied):
        await bad.devices.tokens(DEVICE).list()
    with pytest.raises(Denied):
        await bad.devices.tokens(DEVICE).add("Door")
    with pytest.raises(Invalid):
        await api.devices.tokens(DEVICE).add("")


async def test_a_token_opens_the_resources_of_its_device(
    api: Rest, open_as: Opened, device: Device
) -> None:
    """All of them where none is named, and nothing else of the account."""
    token = (await api.devices.tokens(DEVICE).add("all")).token
    async with open_as(token=token) as own:
        assert await own.devices.resources(DEVICE).read("temperature") == 21.5
        assert (await own.devices.resources(DEVICE).listing())["reset"]
        with pytest.raises(Forbidden):
            await own.devices.list()
        with pytest.raises(Forbidden):
            await own.devices.tokens(DEVICE).list()
        with pytest.raises(Forbidden):
            await own.devices.resources("web").read("temperature")


async def test_a_token_opens_only_the_resources_that_it_names(
    api: Rest, open_as: Opened, device: Device
) -> None:
    """And their descriptions; 403 for the others, and nothing reaches the device."""
    token = (await api.devices.tokens(DEVICE).add("one", ["tank/level"])).token
    async with open_as(token=token) as own:
        resources = own.devices.resources(DEVICE)
        assert await resources.read("tank/level") == {"m": 42}
        assert await resources.describe("tank/level") == {"out": {"m": 42}}
        with pytest.raises(Forbidden):
            await resources.write("relay", True)
        with pytest.raises(Forbidden):
            await resources.listing()
    assert [each.path for each in device.runs] == [("tank", "level")]


async def test_a_token_ends_when_it_says(
    api: Rest, open_as: Opened, device: Device, sandbox: Sandbox
) -> None:
    """401 from then on; nobody renews it."""
    ends_ms = sandbox.clock.now_ms() + 60_000
    token = (await api.devices.tokens(DEVICE).add("short", expires_ms=ends_ms)).token
    async with open_as(token=token) as own:
        resources = own.devices.resources(DEVICE)
        assert await resources.read("temperature") == 21.5
        sandbox.clock.shift_ms += 61_000
        with pytest.raises(Denied, match="expired"):
            await resources.read("temperature")


async def test_a_deleted_token_opens_nothing(
    api: Rest, bad: Rest, open_as: Opened, device: Device
) -> None:
    """401 at once; deleting it twice is 404."""
    made = await api.devices.tokens(DEVICE).add("gone")
    async with open_as(token=made.token) as own:
        await own.devices.resources(DEVICE).read("temperature")
        await api.devices.tokens(DEVICE).delete(made.id)
        with pytest.raises(Denied, match="revoked"):
            await own.devices.resources(DEVICE).read("temperature")
    with pytest.raises(NotFound):
        await api.devices.tokens(DEVICE).delete(made.id)
    with pytest.raises(Denied):
        await bad.devices.tokens(DEVICE).delete(made.id)
