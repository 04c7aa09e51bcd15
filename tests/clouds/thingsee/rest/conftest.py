"""A Thingsee sandbox on the loopback with the scene's world, and its API opened."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.fields import Secret
from tests.clouds.thingsee.rest.scene import CLIENT, GW, SECRET, SENSOR, WORLD, Api


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with open_sandbox(SandboxSettings(ports=0, tls=False)) as found:
        found.provision(WORLD)
        found.world.revoke_tokens()
        yield found


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Rest]:
    """The typed client."""
    credentials = Credentials(CLIENT, Secret(SECRET))
    async with open_rest(
        RestSettings(url=sandbox.api_url, credentials=credentials), SystemClock()
    ) as found:
        yield found


@pytest.fixture
async def anonymous(sandbox: Sandbox) -> AsyncIterator[Api]:
    """A raw client without a token, at the API's base address."""
    async with aiohttp.ClientSession() as session:
        yield Api(session, sandbox.api_url.rstrip("/"))


@pytest.fixture
async def raw(sandbox: Sandbox, anonymous: Api) -> Api:
    """A raw client with a token."""
    return anonymous.bearing(sandbox.world.issue_token(sandbox.world.clients[CLIENT]))


@pytest.fixture
async def measured(sandbox: Sandbox) -> int:
    """Five messages of the sensor, from this second on, ten seconds apart; returns the second."""
    now_s = sandbox.world.now_s() - 100
    sandbox.inject(
        [
            Message(
                id=12100 if number % 2 else 13100,
                event=10 if number < 4 else 9,
                time_s=now_s + 10 * number,
                thing=SENSOR,
                gateway=GW,
                fields={"temp": 20 + number} if number % 2 else {"moveCount": number},
            )
            for number in range(5)
        ],
        GW,
    )
    return now_s
