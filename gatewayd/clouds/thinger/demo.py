"""Thinger.io in the demonstration: sandbox, registered device, an app that sets its resource."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.demonstration import Switched
from gatewayd.clouds.thinger.names import Name, name_channels
from gatewayd.clouds.thinger.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thinger.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thinger.sandbox.world import FIRST_USER
from gatewayd.clouds.thinger.tokens import PasswordGrant
from gatewayd.errors import LinkError
from gatewayd.fields import Secret
from gatewayd.model import Channel, ChannelId


@asynccontextmanager
async def open_demo(
    gateway_id: str, channels: Mapping[ChannelId, Channel], output: ChannelId, scratch: Path
) -> AsyncIterator[ThingerDemo]:
    """Open the sandbox on its usual ports, or on free ones where those are taken."""
    names = name_channels(channels, {}, {})
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(state_dir=scratch, tls=False)
        try:
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        except OSError:
            settings = SandboxSettings(state_dir=scratch, tls=False, ports=0)
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        buckets = {each.bucket for each in names.values() if each.bucket}
        [made] = sandbox.provision(
            {
                "devices": [{"device": gateway_id}],
                "buckets": [{"bucket": each} for each in sorted(buckets)],
            }
        )["accounts"]
        grant = PasswordGrant(FIRST_USER, Secret(FIRST_USER))
        rest = RestSettings(
            url=sandbox.rest_url,
            user=FIRST_USER,
            token_file=scratch / "thinger-session",
            grant=grant,
        )
        api = await stack.enter_async_context(open_rest(rest, SystemClock()))
        token = (await api.sign_in(grant)).access.reveal()
        yield ThingerDemo(sandbox, api, made["devices"][0], names[output], token)


class ThingerDemo:
    """The sandbox with this gateway as its device."""

    kind = "thinger"

    def __init__(
        self, sandbox: Sandbox, api: Rest, device: Mapping[str, str], output: Name, token: str
    ) -> None:
        self.sandbox = sandbox
        self._resources = api.devices.resources(device["device"])
        self._path = "/".join(output.path)
        self.address = sandbox.rest_url
        self.section = "\n".join(
            (
                "[uplink.thinger]",
                'kind = "thinger"',
                f'user = "{FIRST_USER}"',
                f'device = "{device["device"]}"',
                f'credentials = "{device["credentials"]}"',
                'transport = "tcp"',
                'host = "127.0.0.1"',
                f"port = {sandbox.socket_port}",
                'bucket_interval = "1s"',
            )
        )
        body = json.dumps({"in": {"value": True, "hold_s": 3}})
        self.curl = (
            f"curl -s {sandbox.rest_url}/v2/users/{FIRST_USER}/devices/{device['device']}"
            f"/{self._path} -H 'Authorization: Bearer {token}' "
            f"-H 'Content-Type: application/json' -d '{body}'"
        )

    def received(self) -> int:
        """Return how many values the cloud has stored."""
        return self.sandbox.journal.counts["values"]

    async def switch(self, *, on: bool) -> Switched:
        """Switch the output through `POST /v2/users/{user}/devices/{device}/{resource}`."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            await self._resources.write(self._path, on)
        except LinkError as error:
            return Switched(str(error), is_done=False, took_s=loop.time() - began_s)
        took_s = loop.time() - began_s
        state = await self._resources.read(self._path)
        return Switched(
            f"200, it reads back {json.dumps(state)}", is_done=state is on, took_s=took_s
        )
