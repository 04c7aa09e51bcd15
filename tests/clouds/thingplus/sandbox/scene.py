"""Two sites with a gateway each, and clients of a sandbox's REST and MQTT sides."""

from __future__ import annotations

import hashlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.mqtt_peer import Login, Peer, mqtt_peer

GW = "b827eb000001"
TEMP = f"{GW}-0-temp"
DI = f"{GW}-0-di"
RELAY = f"{GW}-0-relay"
FOREIGN_GW = "b827eb000002"
FOREIGN = f"{FOREIGN_GW}-0-temp"
KEY = "a2V5IG9mIHRoZSBmaXJzdCBnYXRl"

WORLD = {
    "sites": [{"id": "2", "plan": {"gateways_max": 2, "sensors_max": 2, "rules_max": 1}}],
    "accounts": [
        {"login_id": "ann", "password": "apple", "site": "1"},
        {"login_id": "bob", "password": "banana", "site": "2"},
        {"login_id": "eve", "password": "elder", "site": "1", "is_approved": False},
    ],
    "gateways": [
        {
            "id": GW,
            "api_key": KEY,
            "name": "Boiler room",
            "devices": [{"id": f"{GW}-0"}],
            "sensors": [
                {"id": TEMP, "type": "temperature", "name": "Boiler"},
                {"id": DI, "type": "onoff"},
                {"id": RELAY, "type": "powerSwitch"},
            ],
        },
        {"id": FOREIGN_GW, "site": "2", "sensors": [{"id": FOREIGN, "type": "temperature"}]},
    ],
}


@dataclass
class Reply:
    """One answer; `body` is None where it is not JSON."""

    status: int
    body: Any
    text: str
    headers: Any

    @property
    def data(self) -> Any:
        """The data in the envelope."""
        return self.body["data"]

    @property
    def code(self) -> str:
        """The first error's code in the envelope."""
        return str(self.body["errors"][0]["code"])


@dataclass
class Api:
    """A client of the REST side."""

    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: object = None, **more: Any) -> Reply:
        """Send a request, with a JSON body if there is one."""
        data = more.pop("data", None if body is None else orjson.dumps(body))
        headers = {"Content-Type": "application/json", **self.headers, **more.pop("headers", {})}
        async with self.session.request(
            method, self.url + path, data=data, headers=headers, allow_redirects=False, **more
        ) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            headers_out = response.headers
            return Reply(
                response.status, orjson.loads(text) if is_json else None, text, headers_out
            )

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: object, **more: Any) -> Reply:
        return await self.call("POST", path, body, **more)

    async def put(self, path: str, body: object, **more: Any) -> Reply:
        return await self.call("PUT", path, body, **more)

    async def delete(self, path: str) -> Reply:
        return await self.call("DELETE", path)

    def bearing(self, token: str) -> Api:
        """Return a client with a token."""
        return Api(self.session, self.url, {"Authorization": f"Bearer {token}"})

    async def signed_in(self, login: str, password: str, client: str = "sandbox") -> Api:
        """Return a client with a token of a user."""
        reply = await self.post("/v2/oauth2/token", grant(login, password, client))
        assert reply.status == 200, reply.text
        return self.bearing(reply.body["access_token"])

    async def scoped(self, sandbox: Sandbox, *scopes: str) -> Api:
        """Return a client whose token has these scopes only."""
        name = "app-" + "-".join(scopes)
        if name not in sandbox.world.clients:
            app = {"id": name, "secret": "sandbox", "scopes": list(scopes)}
            sandbox.provision({"clients": [app]})
        return await self.signed_in("ann", "apple", name)


def grant(login: str, password: str, client: str = "sandbox") -> dict[str, str]:
    """Return the body of a token request."""
    return {
        "grant_type": "password",
        "client_id": client,
        "client_secret": "sandbox",
        "username": login,
        "password": hashlib.md5(password.encode()).hexdigest(),
    }


def login(**changes: Any) -> Login:
    """Return how a conforming gateway connects."""
    usual: dict[str, Any] = {
        "client_id": GW,
        "username": GW,
        "password": KEY,
        "will": (f"v/a/g/{GW}/mqtt/status", b"err", 1, True),
        "keep_alive_s": 120,
    }
    return Login(**(usual | changes))


def gateway(sandbox: Sandbox, **changes: Any) -> AbstractAsyncContextManager[Peer]:
    """Connect as a conforming gateway."""
    return mqtt_peer(sandbox.mqtt_port, login(**changes))
