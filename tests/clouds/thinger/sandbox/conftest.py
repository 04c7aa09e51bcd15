"""A sandbox with two users, and its control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gatewayd.clouds.thinger.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.thinger.device import CREDENTIALS, DEVICE, Device, open_device

WORLD = {
    "devices": [
        {"device": DEVICE, "credentials": CREDENTIALS},
        {"device": "other", "credentials": CREDENTIALS},
        {"device": "off", "credentials": CREDENTIALS, "enabled": False},
        {"device": "mqtt1", "credentials": CREDENTIALS, "type": "MQTT"},
        {"device": "mqtt2", "credentials": CREDENTIALS, "type": "MQTT"},
    ],
    "buckets": [
        {"bucket": "boiler"},
        {"bucket": "closed", "enabled": False},
        {"bucket": "web", "config": {"source": "api"}},
        {"bucket": "topics", "config": {"source": "mqtt", "topic": "gw/+/data"}},
    ],
    "accounts": [
        {
            "user": "ann",
            "password": "ann-word",
            "devices": [{"device": "theirs", "credentials": CREDENTIALS, "type": "MQTT"}],
        }
    ],
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    settings = SandboxSettings(
        ports=0, tls=False, request_timeout_s=0.3, login_timeout_s=0.3, state_dir=tmp_path
    )
    async with open_sandbox(settings) as found:
        found.provision(WORLD)
        yield found


@pytest.fixture
async def device(sandbox: Sandbox) -> AsyncIterator[Device]:
    async with open_device(sandbox.socket_port) as found:
        assert found.answers[0].is_ok
        found.answers.clear()
        yield found


@dataclass
class Control:
    """The control plane as curl sees it."""

    session: aiohttp.ClientSession
    url: str

    async def __call__(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        place = f"{self.url}/_sandbox{path}"
        async with self.session.request(method, place, json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:
        yield Control(session, sandbox.rest_url)
