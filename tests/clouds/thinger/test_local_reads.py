"""What an app reads of the gateway itself, in the cloud's own shape."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from gatewayd.board import Board
from gatewayd.clock import SystemClock
from gatewayd.clouds.local import Asked, Site
from gatewayd.clouds.thinger.local import SHOWN_S, open_local
from gatewayd.clouds.thinger.rest_errors import NotFound
from gatewayd.clouds.thinger.rest_resources import Version
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Reading, Status
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.uplink import Premises
from tests.clouds.thinger.app import DEVICE, GATEWAY, app_of, device_of, told
from tests.gatewayd.console.rooms import PASSWORD, WAIT_S, Room, open_room

CELLAR = """
[device.cellar]
driver = "sim"
every = "1h"
[device.cellar.signals.temperature]
kind = "temperature"
unit = "Cel"
"""


async def test_sensors_are_read(tmp_path: Path) -> None:
    """The value alone, with its circumstances, and with its device's others."""
    async with open_room(tmp_path, PASSWORD) as room, device_of(room, tmp_path) as device:
        await room.wait_reading()
        assert await device.read("hall/temperature") == pytest.approx(21.0)
        reading = await device.read("hall/temperature/reading")
        assert isinstance(reading, dict)
        assert reading["value"] == pytest.approx(21.0)
        assert (reading["quality"], reading.keys() >= {"ts", "age_s"}) == ("GOOD", True)
        hall = await device.read("hall")
        assert isinstance(hall, dict)
        assert hall["temperature"] == pytest.approx(21.0)
        assert await device.describe("pump/relay") == {"in": False}
        assert (await device.describe("hall/temperature")).keys() == {"out"}
        assert await device.describe("pump/relay/blink") == {}
        assert not room.gateway.desk.history


async def test_answers_are_in_the_clouds_own_shape(tmp_path: Path) -> None:
    """`in` and `out` in v2, the bare value in the others; nothing where there is nothing to say."""
    async with open_room(tmp_path) as room:
        place = f"users/anybody/devices/{GATEWAY}"
        assert await told(room, "GET", f"{DEVICE}/pump/relay") == (200, b'{"in":false}')
        for path in (f"v1/{place}/pump/relay", f"v3/{place}/resources/pump/relay"):
            assert await told(room, "GET", f"thinger/{path}") == (200, b"false")
        status, outcome = await told(room, "GET", f"{DEVICE}/pump/relay/outcome")
        assert (status, orjson.loads(outcome)["out"]["detail"]) == (200, "no command yet")
        assert await told(room, "POST", f"{DEVICE}/pump/relay", b'{"in":true}') == (200, b"")
        # An output shows itself whatever is posted to it.
        status, seen = await told(room, "POST", f"{DEVICE}/pump/relay/reading", b"false")
        assert (status, orjson.loads(seen)["out"]["value"]) == (200, True)
        # A body without `in` is the value, and none moves nothing.
        assert await told(room, "POST", f"{DEVICE}/pump/relay", b"false") == (200, b"")
        assert room.plant.relays() == {"relay": False, "lamp": False}
        assert await told(room, "POST", f"{DEVICE}/pump/relay") == (200, b"")
        assert len(room.gateway.desk.history) == 2


async def test_an_old_value_is_none(tmp_path: Path) -> None:
    """As the link tells it: null, with the reason beside it; never read is absent."""
    async with (
        open_room(tmp_path, PASSWORD, CELLAR) as room,
        device_of(room, tmp_path) as device,
    ):
        cellar = ChannelId("cellar/temperature")
        await wait_posted(room, cellar)
        now_ms = SystemClock().now_ms()
        room.gateway.board.post([Reading(cellar, now_ms - 3_600_001, 12.0)])
        assert await device.read("cellar/temperature") is None
        reading = await device.read("cellar/temperature/reading")
        assert isinstance(reading, dict)
        assert (reading["value"], reading["quality"]) == (None, "TIMEOUT")
        room.gateway.board.post([Reading(cellar, now_ms, 12.0)])
        assert await device.read("cellar/temperature") == 12.0


async def wait_posted(room: Room, channel: ChannelId) -> None:
    """Wait for a channel's first reading."""
    posted = asyncio.Event()
    with room.gateway.board.watched(posted.set):
        async with asyncio.timeout(WAIT_S):
            while room.gateway.board.latest(channel) is None:
                posted.clear()
                await posted.wait()


async def test_a_question_with_a_parameter_is_answered(tmp_path: Path) -> None:
    """The history of a channel; without a question there is none."""
    async with open_room(tmp_path, PASSWORD) as room, device_of(room, tmp_path) as device:
        await room.wait_reading()
        wish = {"channel": "hall/temperature", "items": 1}
        found = await device.exchange("gateway/history", wish)
        assert isinstance(found, list)
        assert [each["quality"] for each in found] == ["GOOD"]
        assert await device.read("gateway/history") == []


@pytest.mark.parametrize("version", [Version.V2, Version.V3])
async def test_resources_are_listed(tmp_path: Path, version: Version) -> None:
    """With their kinds; what would happen to the machine is not among them."""
    async with (
        open_room(tmp_path, PASSWORD) as room,
        device_of(room, tmp_path, version) as device,
    ):
        found: Any = await device.listing()
        assert {name: each["fn"] for name, each in found.items()} == dict.fromkeys(
            ("gateway", "hall", "pump", "valve"), 3
        )
        assert found["hall"]["/"]["temperature"]["fn"] == 3
        assert found["pump"]["/"]["relay"]["fn"] == 2
        assert found["pump"]["/"]["relay"]["/"]["blink"] == {"al": 0, "fn": 1}
        assert found["gateway"]["/"].keys() == {"history"}
        with pytest.raises(NotFound):
            await device.exchange("gateway/reset", None)


async def test_the_gateway_is_a_device_and_tells_how_it_is(tmp_path: Path) -> None:
    """Connected, for whoever asks it; and what it had to refuse is counted."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        device = await app.devices.get(GATEWAY)
        assert (device.id, device.description) == (GATEWAY, "Boiler room")
        assert device.is_connected
        resources = app.devices.resources(GATEWAY)
        with pytest.raises(NotFound):
            await resources.read("nothing")
        health = await resources.read("gateway")
        assert isinstance(health, dict)
        assert (health["id"], health["requests_refused"]) == (GATEWAY, 1)


class Desk:
    """Does all that is asked at once; the board hears of it later, or never."""

    def __init__(self, board: Board, *, is_told: bool) -> None:
        self._board, self._is_told = board, is_told

    async def submit(self, command: Command) -> Outcome:
        if self._is_told:
            reading = Reading(command.channel, START_MS, command.value)
            asyncio.get_running_loop().call_later(0.05, self._board.post, [reading])
        return Outcome(Status.DONE, value=command.value)


@pytest.mark.parametrize(
    ("is_told", "state", "took_s"),
    [(True, b'{"in":true}', 0.05), (False, b'{"in":false}', SHOWN_S)],
)
def test_what_was_set_is_shown_to_whoever_asks_next(
    tmp_path: Path, is_told: bool, state: bytes, took_s: float
) -> None:
    """The board hears of it a moment later; where it hears nothing, nobody waits for long."""

    async def main() -> None:
        board, clock = Board(), SimulatedClock()
        relay = ChannelId("pump/relay")
        channels = {relay: Channel(relay, "switch", access=Access.WRITE)}
        premises = Premises("local", "gw", "", "1", channels, board, clock, tmp_path, {})
        app = open_local(Site(None, premises, Desk(board, is_told=is_told).submit))
        place = "v2/users/anybody/devices/gw/pump/relay"
        done = await app.answer(Asked("POST", place, body=b'{"in":true}'))
        assert (done.status, done.body) == (200, b"")
        assert asyncio.get_running_loop().time() == pytest.approx(took_s)
        assert (await app.answer(Asked("GET", place))).body == state

    run_simulated(main())
