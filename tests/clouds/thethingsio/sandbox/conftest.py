"""A sandbox with one thing, spoken to as the field's real clients do: with bare requests."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings, open_sandbox

TOKEN = "token-of-the-boiler-room-AAAAAAAAAAAAAAAAAA"  # Not a secret: of a sandbox.
CODE = "activation-code-EEEEEEEEEEEEEEEEEE"


@dataclass(frozen=True)
class Got:
    status: int
    text: str
    type: str
    date: str

    @property
    def body(self) -> Any:
        return orjson.loads(self.text)


@dataclass(frozen=True)
class Api:
    """Bare requests to one sandbox; paths begin at its root."""

    session: aiohttp.ClientSession
    address: str

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Got:
        sent = {"data": body} if isinstance(body, bytes | str | io.IOBase) else {"json": body}
        url = f"{self.address}{path}"
        async with self.session.request(method, url, **sent, **more) as answer:
            kind, date = answer.headers.get("Content-Type", ""), answer.headers["Date"]
            return Got(answer.status, await answer.text(), kind, date)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with open_sandbox(SandboxSettings(ports=0, tls=False)) as found:
        found.provision({"things": [{"token": TOKEN}], "codes": [{"code": CODE}]})
        yield found


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(session, sandbox.address)
