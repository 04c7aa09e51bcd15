"""A device's resources, answered by the gateway itself; the app is our own client of the cloud."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from gatewayd.clouds.thinger.rest_errors import Denied, NotFound, ThingerError
from gatewayd.clouds.thinger.rest_resources import Version
from gatewayd.console.roles import Role
from tests.clouds.thinger.app import DEVICE, GATEWAY, app_of, device_of, told
from tests.gatewayd.console.rooms import PASSWORD, open_room
from tests.gatewayd.console.test_http_roles import open_guarded, shown

OFF = {"relay": False, "lamp": False}
VERSIONS = pytest.mark.parametrize("version", list(Version))

UPLINK = """
[uplink.portal]
kind = "thinger"
host = "127.0.0.1"
port = 1
transport = "tcp"
user = "alice"
device = "house7"
credentials = "any-secret"
blink_interval = "200ms"
[uplink.portal.sensors."hall/temperature"]
path = "house/air"
unit = "K"
[uplink.portal.actuators."pump/relay"]
path = "heating/on"
[uplink.portal.actuators."pump/lamp"]
skip = true
"""

STUCK = """
[device.gate]
driver = "sim_relay"
stuck = ["relay"]
safe = "off"
hold_max = "1h"
"""


@VERSIONS
async def test_an_app_switches_an_output_with_no_cloud_at_all(
    tmp_path: Path, version: Version
) -> None:
    """By the names that channels get which nobody maps; what it does is read back."""
    async with (
        open_room(tmp_path, PASSWORD) as room,
        device_of(room, tmp_path, version) as device,
    ):
        await device.write("pump/relay", True)
        assert room.plant.relays() == {"relay": True, "lamp": False}
        assert await device.read("pump/relay") is True
        await device.write("pump/relay", False)
        assert room.plant.relays() == OFF
        assert await device.read("pump/relay") is False


async def test_a_setpoint_says_for_how_long(tmp_path: Path) -> None:
    """And from whom it is; its own id makes the same call twice one command."""
    async with open_room(tmp_path, PASSWORD) as room, device_of(room, tmp_path) as device:
        wish = {"value": True, "hold_s": 30, "blink_s": 0.3, "id": "call-7"}
        await device.write("pump/relay", wish)
        state = next(iter(room.gateway.keepers["pump"].states()))
        assert (state.blink_s, state.origin) == (0.3, "local:password")
        await device.write("pump/relay", wish)
        (record,) = room.gateway.desk.history
        assert (record.command.hold_s, record.command.request_id) == (30.0, "call-7")


async def test_calls_without_an_id_are_commands_of_their_own(tmp_path: Path) -> None:
    """The same value again begins its hold anew."""
    async with open_room(tmp_path, PASSWORD) as room, device_of(room, tmp_path) as device:
        await device.write("pump/relay", True)
        await device.write("pump/relay", True)
        first, second = (each.command.request_id for each in room.gateway.desk.history)
        assert first
        assert first != second


async def test_a_blink_is_run_by_post_alone(tmp_path: Path) -> None:
    """The cloud runs it by GET too, which here moves nothing: 405."""
    async with open_room(tmp_path, PASSWORD) as room, device_of(room, tmp_path) as device:
        with pytest.raises(ThingerError, match=r"405.*run with POST"):
            await device.run("pump/relay/blink")
        assert not room.gateway.desk.history
        assert await device.exchange("pump/relay/blink", None) is None
        state = next(iter(room.gateway.keepers["pump"].states()))
        assert state.blink_s == 0.5
    async with open_room(tmp_path) as room:
        assert await told(room, "POST", f"{DEVICE}/pump/relay/blink") == (200, b"")
        assert next(iter(room.gateway.keepers["pump"].states())).blink_s == 0.5


async def test_names_are_those_of_the_uplink(tmp_path: Path) -> None:
    """With the user, the device, the unit and the blinking that it has there."""
    async with (
        open_room(tmp_path, PASSWORD, UPLINK) as room,
        app_of(room, tmp_path, "alice") as app,
        app_of(room, tmp_path, "bob") as other,
    ):
        await room.wait_reading()
        device = app.devices.resources("house7")
        assert await device.read("house/air") == pytest.approx(294.15)
        await device.exchange("heating/on/blink", None)
        state = next(iter(room.gateway.keepers["pump"].states()))
        assert (state.blink_s, state.origin) == (0.2, "local:password")
        for path in ("pump/relay", "pump/lamp", "hall/temperature"):
            with pytest.raises(NotFound, match="no resource is called"):
                await device.read(path)
        # What is only above others answers, and says nothing.
        assert await device.read("heating") is None
        for stranger in (other.devices.resources("house7"), app.devices.resources(GATEWAY)):
            with pytest.raises(NotFound, match=r"device not found.*users/alice/devices/house7"):
                await stranger.write("heating/on", False)
        assert len(room.gateway.desk.history) == 1


@VERSIONS
async def test_what_is_refused_or_fails_is_not_available(tmp_path: Path, version: Version) -> None:
    """404 as from the cloud, with its sentence; the last outcome stands beside the output."""
    async with (
        open_room(tmp_path, PASSWORD, STUCK) as room,
        device_of(room, tmp_path, version) as device,
    ):
        await device.write("pump/relay", True)
        with pytest.raises(NotFound, match=r"refused: .*pump/relay"):
            await device.write("valve/relay", True)
        assert room.plant.relays("valve") == {"relay": False}
        outcome = await device.read("valve/relay/outcome")
        assert isinstance(outcome, dict)
        assert outcome["status"] == "REFUSED"
        with pytest.raises(NotFound, match="failed: "):
            await device.write("gate/relay", True)
        with pytest.raises(NotFound, match=r"refused: .*hold"):
            await device.write("pump/relay", {"value": True, "hold_s": -5})
        # Made in 1970, says the app itself.
        with pytest.raises(NotFound, match=r"refused: .*(old|clock)"):
            await device.write("pump/relay", {"value": False, "ts": 1})
        assert room.plant.relays()["relay"]
        with pytest.raises(NotFound, match="no resource is called 'pump/lever'"):
            await device.write("pump/lever", True)
        outcome = await device.read("pump/relay/outcome")
        assert isinstance(outcome, dict)
        assert outcome["status"] == "REFUSED"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", f"{DEVICE}/pump/relay", b"{on", 400),
        ("POST", f"{DEVICE}/pump/relay/blink", b"\xff", 400),
        ("POST", f"{DEVICE}/pump/relay", b"null", 404),
        ("POST", f"{DEVICE}/pump/relay", b'{"in":null}', 404),
        ("POST", f"{DEVICE}/pump/relay", b'{"in":[true]}', 404),
        ("POST", f"{DEVICE}/pump/relay", b'{"on":true}', 404),
        ("POST", f"{DEVICE}/pump/relay", b'{"in":{"value":true,"hold_s":"x"}}', 404),
        ("POST", f"{DEVICE}/pump/relay/api", b'{"in":true}', 404),
        ("POST", f"{DEVICE}/pump//relay", b'{"in":true}', 404),
        ("POST", f"thinger/v2/users/anybody/devices/{GATEWAY}x/pump/relay", b"true", 404),
        ("POST", f"thinger/v3/users/anybody/devices/{GATEWAY}/pump/relay", b"true", 404),
        ("POST", f"thinger/v4/users/anybody/devices/{GATEWAY}/pump/relay", b"true", 404),
        ("POST", f"thinger/v1/users/anybody/devices/{GATEWAY}", b"{}", 405),
        ("PUT", f"{DEVICE}/pump/relay", b'{"in":true}', 405),
        ("GET", f"{DEVICE}/pump/relay/blink", b"", 405),
        ("GET", f"{DEVICE}/nothing/api", b"", 404),
        # Half a character, and bytes that are no text.
        ("POST", f"{DEVICE}/pump/relay", rb'{"in":"\ud800"}', 400),
        ("GET", f"{DEVICE}/%FF%ED%A0%80", b"", 404),
        ("GET", "thinger/", b"", 404),
    ],
)
async def test_what_is_no_call_is_refused_in_the_clouds_words(
    tmp_path: Path, method: str, path: str, body: bytes, status: int
) -> None:
    """With a sentence, and nothing moves."""
    async with open_room(tmp_path) as room:
        found, raw = await told(room, method, path, body)
        assert found == status, raw
        (error,) = orjson.loads(raw).values()
        assert list(error) == ["message"]
        assert len(error["message"]) > 10
        assert room.plant.relays() == OFF


async def test_who_may_only_look_moves_nothing(tmp_path: Path) -> None:
    """GET looks and never moves, not even what the cloud runs by GET."""
    async with open_guarded(tmp_path) as room:
        relay, reader = f"{DEVICE}/pump/relay", shown(Role.READ)
        assert await room.get(relay, headers=reader) == {"in": False}
        await room.get(f"{relay}/blink", 405, headers=reader)
        await room.post(relay, {"in": True}, 403, headers=reader)
        assert not room.gateway.desk.history
        headers = {**shown(Role.OPERATE), "Content-Type": "application/json"}
        async with room.session.post(room.address + relay, data=b"true", headers=headers) as answer:
            assert answer.status == 200
        assert room.gateway.desk.history[-1].command.origin == "local:scada"


async def test_a_token_stands_in_the_header_alone(tmp_path: Path) -> None:
    """Not in the query, where it would get into every proxy's log; a wrong one is no way in."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        relay = f"{DEVICE}/pump/relay"
        for name in ("authorization", "access_token"):
            async with room.session.get(room.address + relay, params={name: PASSWORD}) as answer:
                assert answer.status == 401
        await app.devices.resources(GATEWAY).write("pump/relay", True)
    async with open_room(tmp_path, "another") as room, device_of(room, tmp_path) as device:
        with pytest.raises(Denied):
            await device.write("pump/relay", True)
        assert not room.plant.relays()["relay"]
