"""A sandbox with the scene's world in it, and its control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.thingsee.rest.scene import Api
from tests.clouds.thingsee.sandbox.scene import WORLD


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    settings = SandboxSettings(ports=0, tls=False, push_wait_s=0.01)
    async with open_sandbox(settings) as found:
        found.provision(WORLD)
        yield found


@pytest.fixture
async def raw(sandbox: Sandbox) -> AsyncIterator[Api]:
    """A client of the HTTP side, without a token."""
    async with aiohttp.ClientSession() as session:
        yield Api(session, sandbox.rest_url)


@pytest.fixture
def control(raw: Api) -> Api:
    """The control plane."""
    return Api(raw.session, raw.url + "/_sandbox")


@pytest.fixture
def api(sandbox: Sandbox, raw: Api) -> Api:
    """The API, with a token."""
    token = sandbox.world.issue_token(sandbox.world.clients["sandbox"])
    return Api(raw.session, sandbox.api_url.rstrip("/")).bearing(token)
