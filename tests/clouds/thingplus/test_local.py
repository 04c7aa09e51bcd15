"""Thing+'s app call, answered by the gateway itself; the app is our own client of the cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingplus.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingplus.rest_errors import GatewayAnsweredError, NotFound
from gatewayd.clouds.thingplus.tokens import Token, TokenFile
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from tests.gatewayd.console.rooms import PASSWORD, Room, open_room

GATEWAY = "b827eb000001"
RELAY = f"{GATEWAY}-pump-relay"

UPLINK = """
[uplink.portal]
kind = "thingplus"
host = "127.0.0.1"
port = 1
tls = false
api_key = "any"
gateway_id = "house7"
[uplink.portal.actuators."pump/relay"]
id = "big-pump"
type = "led"
"""


@asynccontextmanager
async def app_of(room: Room, folder: Path) -> AsyncIterator[Rest]:
    """An app that has the console's password as its token, and another base address."""
    url = f"{room.address}thingplus"
    TokenFile(folder / "token", url).write(Token(Secret(PASSWORD)))
    settings = RestSettings(url=url, token_file=folder / "token")
    async with open_rest(settings, SystemClock()) as api:
        yield api


async def test_an_app_switches_an_actuator_with_no_cloud_at_all(tmp_path: Path) -> None:
    """By the name that a channel gets which nobody maps."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        done = await app.control.control(GATEWAY, RELAY, "on")
        assert done.cmd == "on"
        assert done.result == {"value": 1, "verified": True, "message": "goes off in 1h"}
        assert room.plant.relays() == {"relay": True, "lamp": False}
        await app.control.control(GATEWAY, RELAY, "off")
        assert room.plant.relays() == {"relay": False, "lamp": False}


async def test_names_are_those_of_the_uplink(tmp_path: Path) -> None:
    """With the gateway's id, types and options that it has there."""
    async with open_room(tmp_path, PASSWORD, UPLINK) as room, app_of(room, tmp_path) as app:
        await app.control.control("house7", "big-pump", "blink", {"interval": 200})
        with pytest.raises(NotFound):
            await app.control.control("house7", RELAY, "on")
        with pytest.raises(NotFound):
            await app.control.control(GATEWAY, "big-pump", "on")
        state = next(iter(room.gateway.keepers["pump"].states()))
        assert (state.blink_s, state.origin) == (0.2, "local:password")


async def test_what_does_not_move_is_an_error_of_the_gateway(tmp_path: Path) -> None:
    """Interlocked, or a command that such an actuator does not have: 600, with its sentence."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        await app.control.control(GATEWAY, RELAY, "on")
        with pytest.raises(GatewayAnsweredError, match="pump/relay"):
            await app.control.control(GATEWAY, f"{GATEWAY}-valve-relay", "on")
        assert room.plant.relays("valve") == {"relay": False}
        with pytest.raises(GatewayAnsweredError, match="unknown command dance"):
            await app.control.control(GATEWAY, RELAY, "dance")
        with pytest.raises(GatewayAnsweredError, match="invalid options"):
            await app.control.control(GATEWAY, RELAY, "on", {"duration": -5})


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("controlActuator", ["no object"], 400, "JSON_PARSING"),
        ("controlActuator", {"id": GATEWAY, "act": "reboot"}, 400, "SCHEMA_VALIDATE"),
        ("controlActuator", {"id": GATEWAY, "act": "controlActuator"}, 400, "SCHEMA_VALIDATE"),
        ("controlActuator", {"id": [], "act": "controlActuator"}, 404, "NOT_FOUND"),
        ("manageGateway", {"id": GATEWAY, "act": "reboot"}, 404, "NOT_FOUND"),
    ],
)
async def test_what_is_no_command_is_refused_in_the_clouds_words(
    tmp_path: Path, path: str, body: object, status: int, code: str
) -> None:
    """And nothing moves."""
    async with open_room(tmp_path) as room:
        told = await room.post(f"thingplus/v2/{path}", body, status)
        assert told["statusCode"] == status
        assert told["errors"][0]["code"] == code
        assert room.plant.relays() == {"relay": False, "lamp": False}


async def test_a_wrong_token_is_no_way_in(tmp_path: Path) -> None:
    """The console's own answer, which the client reads as a refusal."""
    async with open_room(tmp_path, "another") as room, app_of(room, tmp_path) as app:
        with pytest.raises(LinkDenied, match="was refused"):
            await app.control.control(GATEWAY, RELAY, "on")
        assert not room.plant.relays()["relay"]
