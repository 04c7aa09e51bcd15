"""A thethings.iO sandbox on the loopback, its API opened as its first user, and a thing of his."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thethingsio.rest_auth import Login
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL, FIRST_PASSWORD
from gatewayd.fields import Secret
from tests.clouds.thethingsio.rest.scene import CODE, FIRMWARE, ID, OTHER_ID, OTHER_TOKEN, TOKEN

WORLD = {
    "codes": [{"code": CODE}],
    "apps": [{"id": "narrow", "resources": ["temperature"]}],
    "things": [
        {"token": TOKEN, "id": ID, "name": "Boiler room", "product": "boiler"},
        {"token": OTHER_TOKEN, "id": OTHER_ID, "name": "Somebody else's"},
    ],
    "users": [
        {"email": "ann@example.com", "password": "ann"},
        {"email": "tim@example.com", "password": "tim", "app": "narrow"},
    ],
    "firmwares": [
        {"id": "fw-9", "mcu": "main", "version": "9", "data_base64": "b2xk"},
        {
            "id": "fw-10",
            "mcu": "main",
            "version": "10",
            "name": "../../etc/passwd",
            "product": "boiler",
            "data_base64": base64.b64encode(FIRMWARE).decode(),
        },
        {"id": "fw-x", "version": "99", "product": "another", "data_base64": ""},
    ],
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A cloud with two things, an activation code, firmware and three users."""
    settings = SandboxSettings(ports=0, tls=False, state_dir=tmp_path)
    async with open_sandbox(settings) as found:
        found.provision(WORLD)
        yield found


@asynccontextmanager
async def opened(sandbox: Sandbox, folder: Path, login: Login | None = None) -> AsyncIterator[Rest]:
    """Open the API with these credentials for renewal, or with none."""
    name = login.email if login else "nobody"
    settings = RestSettings(
        url=sandbox.rest_url, session_file=folder / f"{name}.json", credentials=login
    )
    async with open_rest(settings, SystemClock()) as api:
        yield api


Opened = Callable[..., AbstractAsyncContextManager[Rest]]


@pytest.fixture
def open_as(sandbox: Sandbox, tmp_path: Path) -> Opened:
    """Opens the API as any user."""
    return partial(opened, sandbox, tmp_path)


@pytest.fixture
async def api(open_as: Opened) -> AsyncIterator[Rest]:
    """The API as the first user."""
    async with open_as(Login(FIRST_EMAIL, Secret(FIRST_PASSWORD), FIRST_APP)) as found:
        yield found


@pytest.fixture
async def ann(open_as: Opened) -> AsyncIterator[Rest]:
    """The API as another user of the same app, who owns nothing."""
    async with open_as(Login("ann@example.com", Secret("ann"), FIRST_APP)) as found:
        yield found


@pytest.fixture
async def nobody(open_as: Opened) -> AsyncIterator[Rest]:
    """The API without a session, and nothing to open one with."""
    async with open_as() as found:
        yield found


@pytest.fixture
def thing(nobody: Rest) -> Thing:
    """The first thing, by its token."""
    return nobody.thing(Secret(TOKEN))


@pytest.fixture
def stranger(nobody: Rest) -> Thing:
    """A thing whose token nobody issued."""
    return nobody.thing(Secret("no-such-token"))
