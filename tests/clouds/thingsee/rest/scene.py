"""Two gateways' things in a Thingsee sandbox, and a raw client of its HTTP side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

GW = "XXGD01AAAAAAAAAAA"
SENSOR = "TSPR04E2O90201558"
PLAYED = "TSEN01E6214703511"
SILENT = "TSAR02TG122043408"
GROUP = "prfi00office"
CLIENT, SECRET = "app-2", "geheim-client"

WORLD = {
    "clients": [{"client_id": CLIENT, "client_secret": SECRET}],
    "groups": [{"group_id": GROUP, "group_description": "First floor"}],
    "things": [
        {"tuid": GW, "is_gateway": True, "group": GROUP},
        {"tuid": SENSOR, "gateway": GW, "group": GROUP, "battery": 86, "version": "2019.11.15"},
        {"tuid": PLAYED, "gateway": GW, "played": True, "location": {"lat": 65.01, "lon": 25.52}},
        {"tuid": SILENT},
    ],
}


@dataclass
class Reply:
    """One answer: its status, and the object in its body."""

    status: int
    body: Any

    @property
    def data(self) -> Any:
        return self.body["data"]


@dataclass
class Api:
    """A client that sends what it is told, sensible or not."""

    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: object = None) -> Reply:
        """Send a request; bytes go as they are."""
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        headers = {"Content-Type": "application/json", **self.headers}
        async with self.session.request(
            method, self.url + path, data=data, headers=headers
        ) as response:
            return Reply(response.status, orjson.loads(await response.read()))

    async def get(self, path: str) -> Reply:
        return await self.call("GET", path)

    async def post(self, path: str, body: object) -> Reply:
        return await self.call("POST", path, body)

    def bearing(self, token: str) -> Api:
        """Return a client with a token."""
        return Api(self.session, self.url, {"Authorization": f"Bearer {token}"})
