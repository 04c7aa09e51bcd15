"""Thing+ in the demonstration: sandbox, registered gateway, an app that switches an output."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.demonstration import Switched
from gatewayd.clouds.thingplus.names import Sensor, name_channels
from gatewayd.clouds.thingplus.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingplus.rest_errors import ThingPlusError
from gatewayd.clouds.thingplus.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thingplus.tokens import PasswordGrant
from gatewayd.fields import Secret
from gatewayd.model import Channel, ChannelId

USER = "sandbox"
"""The sandbox's first account and application, and the passwords of both."""


@asynccontextmanager
async def open_demo(
    gateway_id: str,
    channels: Mapping[ChannelId, Channel],
    output: ChannelId,
    scratch: Path,
    *,
    ports: int | None = None,
) -> AsyncIterator[ThingplusDemo]:
    """Open the sandbox on its usual ports, or on free ones where those are taken.

    `ports` 0 means free ones at once: for a sandbox that goes and comes back while others run.
    """
    names = name_channels(gateway_id, channels, {}, {})
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(state_dir=scratch, ports=ports)
        try:
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        except OSError:
            settings = SandboxSettings(state_dir=scratch, ports=0)
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        grant = PasswordGrant(USER, Secret(USER), USER, Secret(USER))
        rest = RestSettings(
            url=sandbox.rest_url, token_file=scratch / "thingplus-token", credentials=grant
        )
        api = await stack.enter_async_context(open_rest(rest, SystemClock()))
        token = (await api.sign_in(grant)).authorization
        key = _register(sandbox, gateway_id, names.values())
        yield ThingplusDemo(sandbox, api, (gateway_id, names[output].id), key, token)


def _register(sandbox: Sandbox, gateway_id: str, sensors: Iterable[Sensor]) -> str:
    described = [
        {"id": each.id, "type": each.type, "category": "actuator" if each.is_output else "sensor"}
        for each in sensors
    ]
    made = sandbox.provision({"gateways": [{"id": gateway_id, "sensors": described}]})
    return str(made["gateways"][0]["api_key"])


class ThingplusDemo:
    """The sandbox with this gateway registered."""

    kind = "thingplus"

    def __init__(
        self, sandbox: Sandbox, api: Rest, actuator: tuple[str, str], api_key: str, token: str
    ) -> None:
        self.sandbox, self._api, self._actuator = sandbox, api, actuator
        self.address = sandbox.rest_url
        self.section = "\n".join(
            (
                "[uplink.thingplus]",
                'kind = "thingplus"',
                'host = "127.0.0.1"',
                f"port = {sandbox.mqtt_port}",
                "tls = false",
                f'api_key = "{api_key}"',
                'series_interval = "1s"',
                'reconnect_min = "1s"',
            )
        )
        gateway, sensor = actuator
        body = {
            "id": gateway,
            "act": "controlActuator",
            "params": {"id": sensor, "cmd": "on", "options": {"duration": 3000}},
        }
        self.curl = (
            f"curl -s {sandbox.rest_url}/v2/controlActuator -H 'Authorization: {token}' "
            f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'"
        )

    def received(self) -> int:
        """Return how many values the cloud has stored."""
        return self.sandbox.journal.counts["points_accepted"]

    async def switch(self, *, on: bool) -> Switched:
        """Switch the output through `POST /v2/controlActuator`."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            done = await self._api.control.control(*self._actuator, "on" if on else "off")
        except ThingPlusError as error:
            return Switched(str(error), is_done=False, took_s=loop.time() - began_s)
        return Switched(json.dumps(done.result), is_done=True, took_s=loop.time() - began_s)
