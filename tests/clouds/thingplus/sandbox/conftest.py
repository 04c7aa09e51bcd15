"""A sandbox with the scene's world in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.thingplus.sandbox.scene import GW, KEY, WORLD, Api


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    settings = SandboxSettings(ports=0, tls=False, command_timeout_s=2.0)
    async with open_sandbox(settings) as sandbox:
        sandbox.provision(WORLD)
        yield sandbox


@pytest.fixture
async def anonymous(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Api(session, sandbox.rest_url)


@pytest.fixture
async def api(anonymous: Api) -> Api:
    return await anonymous.signed_in("ann", "apple")


@pytest.fixture
def own(anonymous: Api) -> Api:
    """The gateway itself, with its API key."""
    return Api(anonymous.session, anonymous.url, {"username": GW, "apikey": KEY})
