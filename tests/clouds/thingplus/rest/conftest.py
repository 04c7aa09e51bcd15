"""A Thing+ sandbox on the loopback, its API opened as its first user, and a gateway in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import orjson
import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingplus.own_face import OwnFace, OwnSettings, open_own_face
from gatewayd.clouds.thingplus.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingplus.sandbox import SandboxSettings, open_sandbox
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.tokens import PasswordGrant
from gatewayd.fields import Secret
from gatewayd.transports.mqtt import MqttSettings, open_mqtt
from tests.clouds.shell import Shell
from tests.clouds.thingplus.rest.shell import CONFIG, SECRETS

LOGIN = "sandbox"
"""Login, password, client and client secret of a fresh sandbox."""

GATEWAY = "b827eb000001"
FOREIGN = "b827eb000002"
WORLD = {
    "sites": [{"id": "2", "plan": {"gateways_max": 2, "sensors_max": 3, "rules_max": 1}}],
    "accounts": [{"login_id": "ann", "password": "ann", "site": "2"}],
    "clients": [{"id": "app", "secret": "app"}],
    "vendor_keys": {"other": "other-key"},
    "gateways": [
        {
            "id": GATEWAY,
            "api_key": "key-1",
            "name": "Boiler room",
            "devices": [{"id": f"{GATEWAY}-0", "name": "Pi"}],
            "sensors": [
                {"id": "temp", "type": "temperature", "device": f"{GATEWAY}-0"},
                {"id": "text", "type": "string"},
                {"id": "relay", "type": "powerSwitch", "category": "actuator"},
            ],
        },
        {"id": FOREIGN, "api_key": "key-2", "sensors": [{"id": "other", "type": "humidity"}]},
    ],
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A cloud with two gateways, of which the second is site 1's as well."""
    settings = SandboxSettings(
        ports=0, tls=False, command_timeout_s=0.3, time_sync=False, state_dir=tmp_path
    )
    async with open_sandbox(settings) as found:
        found.provision(WORLD)
        yield found


@asynccontextmanager
async def opened(
    sandbox: Sandbox, folder: Path, user: str = LOGIN, client: str = LOGIN, prefix: str = "/v2"
) -> AsyncIterator[Rest]:
    """Open the API as a user whose password is his name, through a client likewise."""
    grant = PasswordGrant(client, Secret(client), user, Secret(user))
    settings = RestSettings(
        url=sandbox.rest_url,
        token_file=folder / f"{user}-{client}.json",
        credentials=grant,
        prefix=prefix,
    )
    async with open_rest(settings, SystemClock()) as api:
        yield api


Opened = Callable[..., AbstractAsyncContextManager[Rest]]


@pytest.fixture
def open_as(sandbox: Sandbox, tmp_path: Path) -> Opened:
    """Opens the API as any user, with any client."""
    return partial(opened, sandbox, tmp_path)


@pytest.fixture
async def api(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Rest]:
    """The API as the sandbox's administrator."""
    async with opened(sandbox, tmp_path) as found:
        yield found


@pytest.fixture
async def ann(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Rest]:
    """The API as the user of another site, who may see neither gateway."""
    async with opened(sandbox, tmp_path, "ann", "app") as found:
        yield found


@pytest.fixture
async def own(sandbox: Sandbox) -> AsyncIterator[OwnFace]:
    """What the first gateway sees with its own key."""
    settings = OwnSettings(url=sandbox.rest_url, gateway_id=GATEWAY, api_key=Secret("key-1"))
    async with open_own_face(settings) as found:
        yield found


class Peer:
    """The gateway at the other end: answers every request with what it was told, and keeps it."""

    def __init__(self) -> None:
        self.reply: dict[str, object] | None = {"result": "success"}
        self.asked: list[dict[str, object]] = []


@pytest.fixture
async def gateway(sandbox: Sandbox) -> AsyncIterator[Peer]:
    """The first gateway, connected by MQTT."""
    settings = MqttSettings(
        host="127.0.0.1",
        port=sandbox.mqtt_port,
        client_id=GATEWAY,
        username=GATEWAY,
        password=Secret("key-1"),
    )
    peer, topic = Peer(), f"v/a/g/{GATEWAY}"
    async with open_mqtt(settings) as session, asyncio.TaskGroup() as group:
        await session.subscribe([f"{topic}/req"])

        async def answer() -> None:
            async for message in session.messages():
                request = orjson.loads(message.payload)
                peer.asked.append(request)
                if peer.reply is not None:
                    reply = {"id": request["id"], **peer.reply}
                    await session.publish(f"{topic}/res", orjson.dumps(reply))

        task = group.create_task(answer())
        yield peer
        task.cancel()


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """A configuration without an API key, and a user for it."""
    sandbox.provision(
        {
            "accounts": [{"login_id": "bob", "password": "geheim-word", "site": "1"}],
            "clients": [{"id": "app-2", "secret": "geheim-client"}],
        }
    )
    (tmp_path / "client").write_text("geheim-client\n")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(state=tmp_path / "state", url=sandbox.rest_url))
    config.chmod(0o640)
    return Shell(config, "thingplus", SECRETS)
