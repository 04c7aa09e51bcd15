"""Thingsee in the demonstration: sandbox, this gateway's things in it, an app that switches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.demonstration import Switched
from gatewayd.clouds.thingsee.codec import Event, Json, Message, encode
from gatewayd.clouds.thingsee.commands import OK, RELAY, REMOTE
from gatewayd.clouds.thingsee.names import Names, Owner, Place, name_channels
from gatewayd.clouds.thingsee.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingsee.rest_errors import ThingseeError
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.fields import Secret
from gatewayd.model import Channel, ChannelId

CLIENT = "sandbox"
"""The sandbox's first client, and its secret."""

GROUP = "dmxx00demonstration"
KEY = "demonstration"
"""What the gateway shows; the cloud ends with the demonstration."""

ANSWER_S = 5.0
LOOK_S = 0.01
"""How often the answer is looked for. It comes as a message, not as the answer of the call."""


@asynccontextmanager
async def open_demo(
    gateway_id: str, channels: Mapping[ChannelId, Channel], output: ChannelId, scratch: Path
) -> AsyncIterator[ThingseeDemo]:
    """Open the sandbox on its usual ports, or on free ones where those are taken."""
    names = name_channels(gateway_id, channels, Owner("", {}, {}, {}))
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(state_dir=scratch, is_lenient=True, publish_all=True)
        try:
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        except OSError:
            settings = SandboxSettings(
                state_dir=scratch, is_lenient=True, publish_all=True, ports=0
            )
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        _register(sandbox, names.gateway, names.devices)
        credentials = Credentials(CLIENT, Secret(CLIENT))
        rest = RestSettings(url=sandbox.api_url, credentials=credentials)
        api = await stack.enter_async_context(open_rest(rest, SystemClock()))
        token = await api.sign_in(credentials)
        yield ThingseeDemo(sandbox, api, names, names.places[output], token.authorization)


def _register(sandbox: Sandbox, gateway: str, things: Iterable[str]) -> None:
    described = [
        {"tuid": tuid, "group": GROUP, "gateway": gateway, "status": "installed"}
        for tuid in things
        if tuid != gateway
    ]
    own = {"tuid": gateway, "group": GROUP, "key": KEY, "is_gateway": True, "status": "installed"}
    sandbox.provision({"things": [own, *described]})


class ThingseeDemo:
    """The sandbox with this gateway and its things in it."""

    kind = "thingsee"

    def __init__(
        self, sandbox: Sandbox, api: Rest, names: Names, output: Place, authorization: str
    ) -> None:
        self.sandbox, self._api, self._output = sandbox, api, output
        self._count = 0
        self.address = sandbox.rest_url
        self.section = "\n".join(
            (
                "[uplink.thingsee]",
                'kind = "thingsee"',
                'host = "127.0.0.1"',
                f"port = {sandbox.mqtt_port}",
                "tls = false",
                f'username = "{names.gateway}"',
                f'password = "{KEY}"',
                f'gateway_tuid = "{names.gateway}"',
                f'group = "{GROUP}"',
                f'rest_url = "{sandbox.api_url}"',
                'report_interval = "1s"',
                'reconnect_min = "1s"',
            )
        )
        plain = encode([self._request(on=True, hold_s=3.0)]).decode()
        self.curl = (
            f"curl -s {sandbox.api_url}things/{output.thing}/commands "
            f"-H 'Authorization: {authorization}' "
            f"-H 'Content-Type: application/json' -d '{plain}'"
        )

    def received(self) -> int:
        """Return how many messages the cloud has taken."""
        return self.sandbox.journal.counts["points_accepted"]

    async def switch(self, *, on: bool) -> Switched:
        """Switch the output through `POST /things/{tuid}/commands`; wait for the message back."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._count += 1
        request = self._request(on=on, transaction=self._count)
        try:
            await self._api.things.send(self._output.thing, [request])
            async with asyncio.timeout(ANSWER_S):
                answer = await self._answer(request)
        except (ThingseeError, TimeoutError) as error:
            words = str(error) or "no answer"
            return Switched(words, is_done=False, took_s=loop.time() - began_s)
        result, payload = answer.fields.get("result"), answer.fields.get("payload")
        return Switched(str(payload), is_done=result == OK, took_s=loop.time() - began_s)

    def _request(
        self, *, on: bool, hold_s: float | None = None, transaction: int | None = None
    ) -> Message:
        """Return the command. Without a transaction every sending of it counts as a new one."""
        asked: dict[str, Json] = {"channel": self._output.field, "state": int(on)}
        if hold_s is not None:
            asked["hold"] = hold_s
        fields: dict[str, Json] = {"command": RELAY, "payload": json.dumps(asked)}
        if transaction is not None:
            fields["transactionId"] = transaction
        return Message(id=REMOTE, event=Event.COMMAND_REQUEST, fields=fields)

    async def _answer(self, request: Message) -> Message:
        wanted = Selection(message_ids=(REMOTE,), event_ids=(Event.COMMAND_RESPONSE,), limit=20)
        while True:
            for each in await self._api.things.messages(self._output.thing, wanted):
                if each.transaction == request.transaction:
                    return each
            await asyncio.sleep(LOOK_S)
