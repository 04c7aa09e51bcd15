"""thethings.iO in the demonstration: sandbox, a thing for this gateway, an app that switches it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.demonstration import Switched
from gatewayd.clouds.thethingsio.commanding import command
from gatewayd.clouds.thethingsio.names import Names
from gatewayd.clouds.thethingsio.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thethingsio.rest_auth import Login, Session
from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL, FIRST_PASSWORD
from gatewayd.clouds.thethingsio.settings import Config, names_of
from gatewayd.errors import LinkError
from gatewayd.fields import Secret
from gatewayd.model import Channel, ChannelId

ANSWER_S = 10.0


@asynccontextmanager
async def open_demo(
    gateway_id: str,
    channels: Mapping[ChannelId, Channel],
    output: ChannelId,
    scratch: Path,
    *,
    ports: int | None = None,
) -> AsyncIterator[ThethingsioDemo]:
    """Open the sandbox on its usual ports, or on free ones where those are taken.

    `ports` 0 means free ones at once: for a sandbox that goes and comes back while others run.
    """
    names = names_of(Config(), channels)
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(state_dir=scratch, tls=False, ports=ports)
        try:
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        except OSError:
            settings = SandboxSettings(state_dir=scratch, tls=False, ports=0)
            sandbox = await stack.enter_async_context(open_sandbox(settings))
        [thing] = sandbox.provision({"things": [{"name": gateway_id}]})["things"]
        rest = RestSettings(url=sandbox.rest_url, session_file=scratch / "thethingsio-session")
        api = await stack.enter_async_context(open_rest(rest, SystemClock()))
        session = await api.log_in(Login(FIRST_EMAIL, Secret(FIRST_PASSWORD), FIRST_APP))
        await api.link(Secret(thing["token"]))
        yield ThethingsioDemo(sandbox, api, session, thing, (names, output))


class ThethingsioDemo:
    """The sandbox with a thing for this gateway, linked to its first user."""

    kind = "thethingsio"

    def __init__(
        self,
        sandbox: Sandbox,
        api: Rest,
        session: Session,
        thing: Mapping[str, str],
        named: tuple[Names, ChannelId],
    ) -> None:
        names, channel = named
        output = names[channel]
        self.sandbox, self._api, self._output = sandbox, api, output
        self._reports = frozenset(each.report for each in names.values())
        self._thing_id = thing["id"]
        self.address = sandbox.address
        self.section = "\n".join(
            (
                "[uplink.thethingsio]",
                'kind = "thethingsio"',
                f'rest_url = "{sandbox.rest_url}"',
                f'token = "{thing["token"]}"',
                'report_interval = "1s"',
                'keep_alive = "10s"',
            )
        )
        send = (
            f"curl -s {sandbox.rest_url}/me/resources/{output.command}/{self._thing_id} "
            f"-H 'Authorization: {session.token.reveal()}' -H 'Content-Type: application/json' -d "
        )
        on, off = (json.dumps({"values": [{"value": word}]}) for word in ("on", "off"))
        self.curl = f"{send}'{on}'; sleep 3; {send}'{off}'"

    def received(self) -> int:
        """Return how many values of our channels the cloud has taken."""
        timelines = self.sandbox.world.thing_of(self._thing_id).timelines
        return sum(line.total for key, line in timelines.items() if key in self._reports)

    async def switch(self, *, on: bool) -> Switched:
        """Switch the output through `POST /v2/me/resources/KEY/ID`, and wait for what it says."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            answer = await command(
                self._api, self._thing_id, self._output, "on" if on else "off", ANSWER_S
            )
        except (LinkError, TimeoutError) as error:
            return Switched(str(error), is_done=False, took_s=loop.time() - began_s)
        return Switched(answer.words, is_done=answer.is_done, took_s=loop.time() - began_s)
