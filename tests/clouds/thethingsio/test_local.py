"""thethings.iO's calls of a thing, answered by the gateway itself; the app is our own client.

Reads: see test_local_view. The subscription: see test_local_stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.rest_errors import Denied, Forbidden, Invalid, ServerFailed
from gatewayd.console.roles import Role
from tests.clouds.thethingsio.local_room import LAMP, PUMP, UPLINK, VALVE, opened, thing_of
from tests.gatewayd.console.rooms import Room, open_room
from tests.gatewayd.console.test_http_roles import TOKENS, open_guarded

VENT = """
[device.vent]
driver = "sim_relay"
stuck = ["relay"]
safe = "off"
hold_max = "1h"
"""

SENSOR = """
[uplink.portal.sensors."hall/temperature"]
key = "hall"
unit = "K"
"""


def origins(room: Room) -> list[tuple[str, object]]:
    """What was asked of the desk, and by whom."""
    return [(each.command.origin, each.command.value) for each in room.gateway.desk.history]


# Writes.


async def test_an_app_switches_an_output_with_no_cloud_at_all(tmp_path: Path) -> None:
    """By the name that a channel gets which nobody maps."""
    async with opened(tmp_path) as (room, thing):
        await thing.write([Entry(PUMP, "on")])
        assert room.plant.relays() == {"relay": True, "lamp": False}
        await thing.write([Entry(PUMP, 0)], store=False, broadcast=False)
        assert room.plant.relays() == {"relay": False, "lamp": False}
        assert origins(room) == [("local:password", "on"), ("local:password", 0)]


async def test_names_are_those_of_the_uplink(tmp_path: Path) -> None:
    """The others mean nothing then, and nothing moves by them; values are in its units."""
    async with opened(tmp_path, UPLINK.format(more="") + SENSOR) as (room, thing):
        await room.wait_reading()
        await thing.write([Entry("big-pump", True)])
        assert room.plant.relays()["relay"]
        with pytest.raises(Invalid, match=r"pump\.relay sets no output"):
            await thing.write([Entry(PUMP, False)])
        assert room.plant.relays()["relay"]
        keys = await thing.keys()
        assert {"big-pump", "pump-runs", "hall", VALVE} <= set(keys)
        assert not {PUMP, "hall.temperature", "hall_quality"} & set(keys)
        (row,) = await thing.rows("hall")
        assert row.value == pytest.approx(273.15 + 21.0, abs=5)


async def test_entries_of_a_write_are_commands_in_their_order(tmp_path: Path) -> None:
    """The valve may open once the pump has stopped; the other way round it may not."""
    async with opened(tmp_path) as (room, thing):
        await thing.write([Entry(PUMP, 1), Entry(LAMP, 1)])
        assert room.plant.relays() == {"relay": True, "lamp": True}
        with pytest.raises(Invalid, match=r"1 of 2 done; valve\.relay: .*pump/relay"):
            await thing.write([Entry(VALVE, 1), Entry(PUMP, 0)])
        await thing.write([Entry(PUMP, 1)])
        await thing.write([Entry(PUMP, 0), Entry(VALVE, 1)])
        assert room.plant.relays() == {"relay": False, "lamp": True}
        assert room.plant.relays("valve") == {"relay": True}


async def test_what_does_not_move_is_no_success(tmp_path: Path) -> None:
    """Refused is the app's turn, failed the hardware's; each with its sentence."""
    async with opened(tmp_path, VENT) as (room, thing):
        await thing.write([Entry(PUMP, "on")])
        with pytest.raises(Invalid, match="pump/relay"):
            await thing.write([Entry(VALVE, "on")])
        assert room.plant.relays("valve") == {"relay": False}
        with pytest.raises(ServerFailed) as failed:
            await thing.write([Entry("vent.relay", "on")])
        assert (failed.value.status, "vent" in failed.value.message) == (500, True)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (Entry("hall.temperature", 20), "hall.temperature sets no output"),
        (Entry(f"{LAMP}_state", 1), "sets no output"),
        (Entry("nothing", 1), "nothing sets no output"),
        (Entry("$settings.name", "x"), "sets no output"),
        (Entry(LAMP, None), "has no value"),
        (Entry(LAMP, "perhaps"), "0 of 2 done; pump.lamp: .*expected on or off"),
        (Entry(LAMP, [1]), "expected on or off"),
        (Entry(LAMP, 1, 1_500_000_000_000), "0 of 2 done; pump.lamp: .*old; the limit"),
        (Entry(LAMP, 1, 4_000_000_000_000), "0 of 2 done; pump.lamp: .*in the future"),
    ],
)
async def test_a_write_is_looked_at_whole_before_anything_moves(
    tmp_path: Path, wrong: Entry, sentence: str
) -> None:
    """Whichever of its entries is wrong."""
    async with opened(tmp_path) as (room, thing):
        with pytest.raises(Invalid, match=sentence):
            await thing.write([Entry(PUMP, "on"), wrong])
        assert room.plant.relays() == {"relay": False, "lamp": False}
        assert "on" not in [value for _, value in origins(room)]


async def test_a_dated_entry_is_as_old_as_it_says(tmp_path: Path) -> None:
    """A fresh one is carried out; an old one is refused, and stands in the record of commands."""
    async with opened(tmp_path) as (room, thing):
        now_ms = SystemClock().now_ms()
        await thing.write([Entry(PUMP, 1, now_ms - 1000)])
        assert room.plant.relays()["relay"]
        with pytest.raises(Invalid, match="the limit is"):
            await thing.write([Entry(PUMP, 0, now_ms - 300_000)])
        assert room.plant.relays()["relay"]
        assert room.gateway.desk.history[-1].command.issued_ms == now_ms - 300_000


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"values": []},
        {"values": {"key": PUMP, "value": 1}},
        {"values": [{PUMP: 1}]},
        {"values": [{"key": PUMP}]},
        {"values": [{"key": PUMP, "value": 1}, 7]},
        {"values": [{"key": "pump/relay", "value": 1}]},
        {"values": [{"key": PUMP, "value": 1, "datetime": "soon"}]},
        {"values": [{"key": PUMP, "value": 1}] * 1001},
    ],
)
async def test_what_is_no_write_is_refused_in_the_clouds_words(tmp_path: Path, body: Any) -> None:
    """And nothing moves."""
    async with open_room(tmp_path) as room:
        told = await room.post("thethingsio/v2/things/any", body, 400)
        assert (told["status"], told["code"]) == ("error", 400)
        assert told["message"]
        assert not room.plant.relays()["relay"]
        assert not room.gateway.desk.history


async def test_the_clouds_own_words_for_done(tmp_path: Path) -> None:
    """Its clients insist on them; and on their slashes."""
    async with open_room(tmp_path) as room:
        body = {"values": [{"key": PUMP, "value": "ON", "units": "", "type": "x"}]}
        for place in ("v2/things/any", "v2/things/any/?", "v2//things/any?store=false"):
            told = await room.post(f"thethingsio/{place}", body, 201)
            assert told == {"status": "created", "message": "created"}


# The token.


async def test_a_token_in_the_path_does_what_its_role_may(tmp_path: Path) -> None:
    """The console's own answers, which the client reads as refusals; no answer shows a token."""
    async with open_guarded(tmp_path) as room:
        async with thing_of(room, tmp_path, TOKENS[Role.READ]) as reader:
            assert PUMP in await reader.keys()
            async with reader.listen():
                pass
            with pytest.raises(Forbidden):
                await reader.write([Entry(PUMP, "on")])
        async with thing_of(room, tmp_path, "wrong-token") as nobody:
            with pytest.raises(Denied):
                await nobody.write([Entry(PUMP, "on")])
            with pytest.raises(Denied):
                await nobody.keys()
        assert not room.plant.relays()["relay"]
        async with thing_of(room, tmp_path, TOKENS[Role.OPERATE]) as scada:
            await scada.write([Entry(PUMP, "on")])
        assert origins(room) == [("local:scada", "on")]
        url = f"{room.address}thethingsio/v2/things/{TOKENS[Role.READ]}"
        for place in ("", "/resources/nothing", "/nothing"):
            async with room.session.get(f"{url}{place}?keepAlive=x") as told:
                assert told.status in (400, 404)
                assert TOKENS[Role.READ] not in await told.text()


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("POST", "v2/things"),
        ("PUT", "v2/things/any"),
        ("POST", "v2/things/any/resources"),
        ("PUT", "v2/things/any/resources/description"),
        ("DELETE", "v2/things/any/tags/1"),
        ("GET", "v2/me/resources"),
        ("GET", "v3/things/any"),
        ("GET", "v2/things/any/resources/a/b"),
    ],
)
async def test_what_the_gateway_is_not_is_said(tmp_path: Path, method: str, place: str) -> None:
    """In the cloud's shape."""
    async with open_room(tmp_path) as room:
        url = f"{room.address}thethingsio/{place}"
        async with room.session.request(method, url, json={}) as told:
            assert told.status == 404
            found = await told.json()
        assert (found["status"], found["code"]) == ("error", 404)
        assert "not answered" in found["message"]
