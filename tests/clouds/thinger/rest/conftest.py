"""A Thinger.io sandbox on the loopback, its API opened as its first user, and a device in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thinger.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thinger.tokens import PasswordGrant
from gatewayd.fields import Secret
from tests.clouds.thinger.device import CREDENTIALS, DEVICE, USER, Device, open_device

WORLD = {
    "accounts": [
        {
            "user": USER,
            "password": USER,
            "devices_max": 4,
            "devices": [
                {"device": DEVICE, "credentials": CREDENTIALS, "description": "Boiler room"},
                {"device": "web", "type": "HTTP"},
            ],
            "buckets": [{"bucket": "boiler"}, {"bucket": "closed", "enabled": False}],
            "endpoints": [
                {"endpoint": "alarm", "type": "email"},
                {"endpoint": "off", "enabled": False},
            ],
        },
        {"user": "ann", "password": "ann-word"},
    ]
}

Opened = Callable[..., AbstractAsyncContextManager[Rest]]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A cloud with two users and a few things of the first."""
    settings = SandboxSettings(ports=0, tls=False, request_timeout_s=0.3, state_dir=tmp_path)
    async with open_sandbox(settings) as found:
        found.provision(WORLD)
        yield found


@asynccontextmanager
async def opened(
    sandbox: Sandbox,
    folder: Path,
    user: str = USER,
    password: str = USER,
    token: Secret | None = None,
    of: str = "",
) -> AsyncIterator[Rest]:
    """Open the API as a user, or with a token; `of` is whose things are asked for."""
    settings = RestSettings(
        url=sandbox.rest_url,
        user=of or user,
        token_file=folder / f"{user}.json",
        grant=PasswordGrant(user, Secret(password)),
        token=token,
    )
    async with open_rest(settings, SystemClock()) as api:
        yield api


@pytest.fixture
def open_as(sandbox: Sandbox, tmp_path: Path) -> Opened:
    """Opens the API as anybody."""
    return partial(opened, sandbox, tmp_path)


@pytest.fixture
async def api(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Rest]:
    """The API as the first user."""
    async with opened(sandbox, tmp_path) as found:
        yield found


@pytest.fixture
async def bad(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Rest]:
    """The first user's API with a token that is none."""
    async with opened(sandbox, tmp_path, token=Secret("a.b.c")) as found:
        yield found


@pytest.fixture
async def device(sandbox: Sandbox) -> AsyncIterator[Device]:
    """The first user's device, connected."""
    async with open_device(sandbox.socket_port) as found:
        assert found.answers[0].is_ok
        found.answers.clear()
        yield found
