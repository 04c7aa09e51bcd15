"""The Thing+ sandbox as the tests see it: what it registered, what it received, its app side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import ClientSession, ClientTimeout

from gatewayd.clouds.thingplus.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thingplus.sandbox.world import FIRST_LOGIN, md5
from gatewayd.model import Value
from tests.live.daemon import GATEWAY

APP_S = 10.0
API_KEY = "made-up-key-of-the-live-tests="


def sensor_id(channel: str) -> str:
    """Return what gatewayd calls a channel at Thing+ where nobody says otherwise."""
    return f"{GATEWAY}-{channel.replace('/', '-')}"


class Point(NamedTuple):
    """One value as the cloud has it."""

    time_ms: int
    value: Value


@dataclass
class Cloud:
    """A sandbox with one gateway and an app that has signed in."""

    sandbox: Sandbox
    app: ClientSession

    @property
    def port(self) -> int:
        return self.sandbox.mqtt_port

    def register(self, channels: Mapping[str, str]) -> None:
        """Make the gateway with a sensor or actuator of a type for each channel."""
        sensors = [{"id": sensor_id(name), "type": type} for name, type in channels.items()]
        gateway = {"id": GATEWAY, "api_key": API_KEY, "sensors": sensors}
        self.sandbox.provision({"gateways": [gateway]})

    def points(self, channel: str) -> Sequence[Point]:
        """Return everything that a channel's sensor has taken, oldest first."""
        series = self.sandbox.world.sensors[sensor_id(channel)].series
        times_ms, values = series.page(0, series.total)
        assert len(times_ms) == series.total, "the sandbox has forgotten points"
        return [Point(*pair) for pair in zip(times_ms, values, strict=True)]

    def values(self, channel: str) -> list[Value]:
        """Return the values of a channel's sensor, oldest first."""
        return [point.value for point in self.points(channel)]

    def count(self, channel: str) -> int:
        """Return how many points a channel's sensor has taken."""
        return self.sandbox.world.sensors[sensor_id(channel)].series.total

    def numbers(self, channel: str) -> list[int]:
        """Return the values of a sensor that counts."""
        return [value for value in self.values(channel) if isinstance(value, int)]

    def total(self) -> int:
        """Return how many points all sensors have taken; outcomes of commands are not counted."""
        return self.sandbox.journal.counts["points_accepted"]

    @property
    def dropped(self) -> Mapping[str, int]:
        """Points that were not taken, by reason."""
        return dict(self.sandbox.journal.dropped)

    def word(self, channel: str = "") -> str | None:
        """Return the state that the cloud shows for a channel, or for the gateway."""
        world = self.sandbox.world
        holder = world.sensors[sensor_id(channel)] if channel else world.gateways[GATEWAY]
        if holder.status is None:
            return None
        return holder.status.state(self.sandbox.clock.now_ms(), "err")

    async def control(
        self, channel: str, cmd: str, options: Mapping[str, object] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """POST /v2/controlActuator as an app does; return the HTTP status and the body."""
        params: dict[str, object] = {"id": sensor_id(channel), "cmd": cmd}
        if options is not None:
            params["options"] = options
        body = {"id": GATEWAY, "act": "controlActuator", "params": params}
        async with self.app.post("/v2/controlActuator", json=body) as response:
            return response.status, await response.json()

    async def ask(self, method: str, params: object = None, id: str = "") -> Any:
        """Send a raw request to the gateway and return its answer; an `id` can be used again."""
        return await self.sandbox.request(GATEWAY, method, params, request_id=id)

    async def command(
        self, channel: str, cmd: str, id: str, options: Mapping[str, object] | None = None
    ) -> Any:
        """Send a raw controlActuator request with an id of our choice."""
        params: dict[str, object] = {"id": sensor_id(channel), "cmd": cmd}
        if options is not None:
            params["options"] = options
        return await self.ask("controlActuator", params, id)


@asynccontextmanager
async def open_cloud() -> AsyncIterator[Cloud]:
    """Open a sandbox on free ports and sign an app in."""
    settings = SandboxSettings(ports=0, tls=False, points_max=2**22, command_timeout_s=APP_S)
    async with (
        open_sandbox(settings) as sandbox,
        ClientSession(sandbox.rest_url, timeout=ClientTimeout(2 * APP_S)) as app,
    ):
        body = {
            "grant_type": "password",
            "client_id": FIRST_LOGIN,
            "client_secret": FIRST_LOGIN,
            "username": FIRST_LOGIN,
            "password": md5(FIRST_LOGIN),
        }
        async with app.post("/v2/oauth2/token", json=body) as response:
            token = (await response.json())["access_token"]
        app.headers["Authorization"] = f"Bearer {token}"
        yield Cloud(sandbox, app)
