"""Thingsee's app calls, answered by the gateway itself; the app is our own client of the cloud."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.codec import Event, Json, Message
from gatewayd.clouds.thingsee.local import MOVES_MAX
from gatewayd.clouds.thingsee.local_commands import ADMITTED
from gatewayd.clouds.thingsee.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingsee.rest_errors import Denied, NotFound, ServerFailed
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox.orders import LENIENT
from gatewayd.clouds.thingsee.tokens import Credentials, Token, TokenFile
from gatewayd.clouds.thingsee.tuid import DEVICE_PREFIX, GATEWAY_PREFIX, make_tuid
from gatewayd.console.roles import Role
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from tests.gatewayd.console.rooms import PASSWORD, Room, open_room
from tests.gatewayd.console.test_http_roles import open_guarded, shown

GATEWAY = make_tuid(GATEWAY_PREFIX, "b827eb000001")
PUMP, VALVE, HALL = (
    make_tuid(DEVICE_PREFIX, f"b827eb000001/{name}") for name in ("pump", "valve", "hall")
)
PIR = "TSPR04E2O90201558"

UPLINK = """
[uplink.building]
kind = "thingsee"
host = "127.0.0.1"
port = 1
tls = false
gateway_tuid = "XXGD01HOUSE000007"
group = "prfi00house"
[uplink.building.things]
pump = "XXGD02BIGPUMP0001"
hall = "XXGD02HALL0000001"
[uplink.building.actuators."pump/relay"]
id = "main"
[uplink.building.actuators."pump/lamp"]
led = "pulse"
[uplink.building.sensors."hall/temperature"]
message = 12100
field = "temp"
scale = 10.0
"""

ROUTE = f"""
[[route]]
message = 2100
thing = "{PIR}"
field = "state"
output = "pump/relay"
values = {{ 0 = "off", 1 = "on" }}
hold = "10m"
"""


@asynccontextmanager
async def app_of(room: Room, folder: Path, token: str = PASSWORD) -> AsyncIterator[Rest]:
    """An app that has the console's password as its token, and another base address."""
    url = f"{room.address}thingsee/"
    TokenFile(folder / "token", url).write(Token(Secret(token), SystemClock().now_ms()))
    async with open_rest(RestSettings(url=url, token_file=folder / "token"), SystemClock()) as api:
        yield api


def relay(payload: str, transaction: int | None = None) -> Message:
    fields: dict[str, Json] = {"command": "RELAY", "payload": payload}
    if transaction is not None:
        fields["transactionId"] = transaction
    return Message(id=1402, event=Event.COMMAND_REQUEST, fields=fields)


ON, OFF = '{"channel":"relay","state":1}', '{"channel":"relay","state":0}'


async def test_an_app_switches_an_output_with_no_cloud_at_all(tmp_path: Path) -> None:
    """By the thing that a device is where nobody maps it; the thing's answer comes along."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        sent = await app.things.send(PUMP, [relay(ON, 7)])
        assert sent.responsible == "local:password"
        (command,), (answer,) = sent.commands, sent.messages
        assert (command.destination, command.transaction) == (PUMP, 7)
        assert abs(float(command.time_s or 0) - time.time()) < 60
        assert (answer.id, answer.event, answer.thing) == (1402, 36, PUMP)
        assert (answer.gateway, answer.group) == (GATEWAY, "unassigned")
        assert answer.transaction == 7
        assert answer.fields["result"] == 0
        assert answer.fields["payload"] == (
            '{"channel":"relay","state":1,"verified":true,"message":"goes off in 1h"}'
        )
        assert room.plant.relays() == {"relay": True, "lamp": False}
        await app.things.send(GATEWAY, [relay('{"channel":"pump/relay","state":0}')])
        assert room.plant.relays() == {"relay": False, "lamp": False}


async def test_names_are_those_of_the_uplink(tmp_path: Path) -> None:
    """TUIDs, what an output is called, the LED and the group, as they are there."""
    async with open_room(tmp_path, PASSWORD, UPLINK) as room, app_of(room, tmp_path) as app:
        pump = "XXGD02BIGPUMP0001"
        (answer,) = (await app.things.send(pump, [relay('{"channel":"main","state":1}')])).messages
        assert (answer.gateway, answer.group) == ("XXGD01HOUSE000007", "prfi00house")
        blink = Message(id=1505, event=30, fields={"profileId": 1, "duration": 60})
        (answer,) = (await app.things.send(pump, [blink])).messages
        assert (answer.event, answer.said()) == (31, {"profileId": 1, "duration": 60})
        assert room.plant.relays() == {"relay": True, "lamp": True}
        with pytest.raises(NotFound, match=PUMP):
            await app.things.send(PUMP, [relay(ON)])


async def test_a_transaction_that_comes_again_does_nothing(tmp_path: Path) -> None:
    """It is answered with what became of the first; without a number each is one of its own."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        first = await app.things.send(PUMP, [relay(ON, 7)])
        await app.things.send(PUMP, [relay(OFF)])
        again = await app.things.send(PUMP, [relay(ON, 7)])
        assert again.messages[0].fields == first.messages[0].fields
        assert room.plant.relays()["relay"] is False
        for payload, is_on in ((ON, True), (OFF, False), (ON, True)):
            await app.things.send(PUMP, [relay(payload)])
            assert room.plant.relays()["relay"] is is_on


async def test_a_transaction_that_is_under_way_is_waited_for(tmp_path: Path) -> None:
    """Who asks a second time meanwhile hears the same, and one command was done."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        told = await asyncio.gather(*(app.things.send(PUMP, [relay(ON, 7)]) for _ in range(3)))
        assert {str(each.messages[0].fields) for each in told} == {str(told[0].messages[0].fields)}
        assert told[0].messages[0].fields["result"] == 0
        assert len(room.gateway.desk.history) == 1


async def test_what_does_not_move_is_told_in_its_answer(tmp_path: Path) -> None:
    """Interlocked, unknown, nonsense, a reboot: sent all the same, and its result says why."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        await app.things.send(PUMP, [relay(ON)])
        reboot = Message(id=1402, event=35, fields={"command": "REBOOT", "payload": ""})
        dance = Message(id=1402, event=35, fields={"command": "DANCE", "payload": ""})
        for thing, asked, result, words in (
            (VALVE, relay(ON), -1, "pump/relay"),
            (PUMP, relay('{"channel":"nothing","state":1}'), -1, "there are lamp, relay"),
            (PUMP, relay("on"), -1, "not JSON"),
            (HALL, relay(ON), -1, "there are none"),
            (GATEWAY, reboot, -1, "does not allow"),
            (PUMP, dance, -2, "not supported"),
        ):
            (answer,) = (await app.things.send(thing, [asked])).messages
            assert answer.fields["result"] == result
            assert words in str(answer.fields["payload"])
        assert room.plant.relays("valve") == {"relay": False}
        assert room.plant.relays() == {"relay": True, "lamp": False}


async def test_commands_to_several_things_go_together(tmp_path: Path) -> None:
    """By the other endpoint; nothing is sent where one of them names nobody."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        on = {"command": "RELAY", "payload": ON}
        to_pump = Message(id=1402, event=35, destination=PUMP, fields=on)
        ping = Message(id=1600, event=35, destination=HALL)
        nobody = Message(id=1600, event=35)
        with pytest.raises(NotFound):
            await app.things.send_each([to_pump, nobody])
        assert room.plant.relays()["relay"] is False
        sent = await app.things.send_each([to_pump, ping])
        assert {each.thing: each.id for each in sent.messages} == {PUMP: 1402, HALL: 1600}
        assert room.plant.relays()["relay"] is True


async def test_what_a_thing_measures_is_told_as_the_link_tells_it(tmp_path: Path) -> None:
    """To whom asks for information, and to whom reads messages; in the uplink's scale."""
    hall = "XXGD02HALL0000001"
    asked = Message(id=1101, event=32, fields={"requestTsmId": 12100, "transactionId": 3})
    async with open_room(tmp_path, PASSWORD, UPLINK) as room, app_of(room, tmp_path) as app:
        await room.wait_reading()
        (answer,) = (await app.things.send(hall, [asked])).messages
        assert (answer.id, answer.event, answer.transaction) == (12100, 33, 3)
        told = await app.things.messages(hall, Selection(message_ids=(12100,), limit=2))
        assert {(each.event, each.thing, each.group) for each in told} == {
            (10, hall, "prfi00house"),
            (33, hall, "prfi00house"),
        }
        (report,) = await app.things.messages(hall, Selection(event_ids=(10,), limit=9))
        assert (report.id, report.thing) == (12100, hall)
        for message in (answer, report):
            assert 150 < float(str(message.fields["temp"])) < 270
        (state,) = await app.things.messages("XXGD02BIGPUMP0001", Selection(limit=1))
        assert (state.id, state.fields["diagType"]) == (1400, "relay")


async def test_settings_are_left_to_the_cloud(tmp_path: Path) -> None:
    """The link's memory would overwrite them; and what is beside them in a body is not done."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        pace = room.gateway.samplers["hall"].pace
        assert pace is not None
        for id, fields in ((1500, {"measurementInterval": 600}), (12200, {}), (1501, {})):
            slow = Message(id=id, event=30, fields=fields)
            with pytest.raises(ServerFailed, match="through the cloud") as refused:
                await app.things.send(HALL, [Message(id=1600, event=35), slow])
            assert refused.value.status == 501
        assert pace.every_s == 0.05
        assert await app.things.commands(HALL) == ()
        asked = Message(id=1101, event=32, fields={"requestTsmId": 1500})
        (answer,) = (await app.things.send(HALL, [asked])).messages
        assert answer.fields["reportInterval"] == 60


async def test_the_log_has_what_was_sent(tmp_path: Path) -> None:
    """The newest of each thing, oldest first."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path) as app:
        for number in range(3):
            await app.things.send(PUMP, [relay(ON, number)])
        await app.things.send(HALL, [Message(id=1600, event=35)])
        logged = await app.things.commands(PUMP, Selection(limit=2))
        assert [each.command.transaction for each in logged] == [1, 2]
        assert {each.responsible for each in logged} == {"local:password"}
        assert await app.things.commands(PUMP, Selection(message_ids=(1600,))) == ()
        with pytest.raises(NotFound):
            await app.things.commands("NOBODY")


SOUND = {"tsmId": 1402, "tsmEv": 35, "command": "RELAY", "payload": ON}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"things/{PUMP}/commands", {"tsmId": 1402}, 400),
        (f"things/{PUMP}/commands", [], 400),
        (f"things/{PUMP}/commands", [SOUND] * 101, 400),
        (f"things/{PUMP}/commands", [SOUND, "nothing"], 400),
        (f"things/{PUMP}/commands", [SOUND, {**SOUND, "tsmDstTuid": VALVE}], 400),
        (f"things/{PUMP}/commands", [SOUND, {**SOUND, "transactionId": -1}], 400),
        (f"things/{PUMP}/commands", [SOUND, {**SOUND, "tsmEv": 30}], 400),
        (f"things/{PUMP}/commands", [SOUND, {"tsmId": 1404, "tsmEv": 23}], 400),
        (f"things/{PUMP}/commands", [SOUND, {"tsmId": 1300, "tsmEv": 25}], 400),
        (f"things/{PUMP}/commands", [SOUND, {**SOUND, "payload": "x" * 9000}], 400),
        (f"things/{PUMP}/commands", [SOUND, {"tsmId": 12200, "tsmEv": 30}], 501),
        ("things/NOBODY/commands", [SOUND], 404),
        ("messages", [SOUND], 404),
        ("messages", [], 400),
        (f"things/{PUMP}/messages", [SOUND], 405),
        (f"things/{PUMP}/group", {}, 404),
        ("groups", {}, 404),
        ("auth/client-token", {"client_id": "app"}, 400),
    ],
)
async def test_what_is_no_command_is_refused_in_the_clouds_words(
    tmp_path: Path, path: str, body: object, status: int
) -> None:
    """And nothing moves, not even what was sound beside it."""
    async with open_room(tmp_path) as room:
        told = await room.post(f"thingsee/{path}", body, status)
        assert told["statusCode"] == status
        assert told["error"] and told["message"]
        assert room.plant.relays() == {"relay": False, "lamp": False}
        assert not room.gateway.desk.history


async def test_a_query_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """And messages without a limit, as the cloud does."""
    async with open_room(tmp_path) as room:
        for path in ("messages", "messages?limit=x", "messages?limit=1&eventid=a"):
            told = await room.get(f"thingsee/things/{PUMP}/{path}", 400)
            assert told["error"] == "Bad Request"
        await room.get(f"thingsee/things/{PUMP}/commands?from=-1", 400)
        assert await room.ask(f"thingsee/things/{PUMP}/commands", "DELETE") == 405
        assert await room.ask("thingsee/push") == 405


def test_what_the_cloud_may_admit_is_answered() -> None:
    """Whatever an app may send there it may send here; some of it to hear that it is not done."""
    assert LENIENT <= ADMITTED


# Pushes


def seen(state: int, age_s: float = 0.0) -> dict[str, Any]:
    """A message of somebody's presence sensor, so many seconds old."""
    time_s = round(time.time() - age_s, 3)
    return {"tsmId": 2100, "tsmEv": 7, "tsmTs": time_s, "tsmTuid": PIR, "state": state}


@pytest.fixture(params=["", UPLINK], ids=["alone", "uplink"])
def extra(request: pytest.FixtureRequest) -> Iterator[str]:
    """With and without an uplink."""
    yield ROUTE + request.param


async def test_a_push_moves_what_a_route_says(tmp_path: Path, extra: str) -> None:
    """Once, the newest only, and never by what this gateway said itself."""
    async with open_room(tmp_path, extra=extra) as room:
        on, off = seen(1, 2), seen(0, 1)
        told = await room.post("thingsee/push", [on, {**on, "tsmTuid": "ANOTHER"}])
        assert told == {"messages": 2, "repeats": 0, "late": 0, "commands": 1, "faults": []}
        assert room.plant.relays()["relay"] is True
        assert (await room.post("thingsee/push", [on, off, on]))["repeats"] == 2
        assert room.plant.relays()["relay"] is False
        assert (await room.post("thingsee/push", seen(1, 9)))["late"] == 1
        assert room.plant.relays()["relay"] is False
        origin = "building" if "building" in extra else "local"
        assert {each.command.origin for each in room.gateway.desk.history} == {origin}


async def test_what_is_no_push_is_told_what_is_wrong(tmp_path: Path) -> None:
    """400 where nothing could be read; what could be is heard beside what could not."""
    async with open_room(tmp_path, extra=ROUTE) as room:
        told = await room.post("thingsee/push", ["nothing", {"tsmId": 2100}], 400)
        assert told["messages"] == 0
        assert len(told["faults"]) == 2
        told = await room.post("thingsee/push", ["nothing", seen(1)])
        assert (told["commands"], len(told["faults"])) == (1, 1)
        assert room.plant.relays()["relay"] is True


async def test_more_than_can_be_moved_at_once_may_come_again(tmp_path: Path) -> None:
    """503, and nothing of it was heard."""
    async with open_room(tmp_path, extra=ROUTE) as room:
        now = seen(1)
        many = [{**now, "tsmTs": now["tsmTs"] - 1 + n / 256} for n in range(MOVES_MAX + 1)]
        assert (await room.post("thingsee/push", many, 503))["commands"] == MOVES_MAX + 1
        assert room.plant.relays()["relay"] is False
        assert (await room.post("thingsee/push", many[-1:]))["commands"] == 1
        assert room.plant.relays()["relay"] is True


# The gate


async def test_who_may_only_look_moves_nothing(tmp_path: Path) -> None:
    """Reads are for everybody who may look; commands and pushes for who operates."""
    async with open_guarded(tmp_path) as room:
        reader, path = shown(Role.READ), f"thingsee/things/{PUMP}"
        await room.post(f"{path}/commands", [SOUND], 401)
        await room.post(f"{path}/commands", [SOUND], 403, headers=reader)
        await room.post("thingsee/push", [seen(1)], 403, headers=reader)
        await room.get(f"{path}/messages?limit=1", headers=reader)
        assert not room.plant.relays()["relay"]
        told = await room.post(f"{path}/commands", [SOUND], headers=shown(Role.OPERATE))
        assert told["data"]["responsible"] == "local:scada"
        assert room.plant.relays()["relay"]
        assert room.gateway.desk.history[-1].command.origin == "local:scada"


async def test_a_wrong_token_is_no_way_in(tmp_path: Path) -> None:
    """The console's own answer, which the client reads as a refusal."""
    async with open_room(tmp_path, PASSWORD) as room, app_of(room, tmp_path, "wrong") as app:
        with pytest.raises(LinkDenied, match="was refused"):
            await app.things.send(PUMP, [relay(ON)])
        assert not room.plant.relays()["relay"]


async def test_where_nobody_asks_for_a_token_an_app_gets_one(tmp_path: Path) -> None:
    """As it does from the cloud, before anything else; where the console asks it needs its own."""
    credentials = Credentials("app", Secret("geheim"))
    async with open_room(tmp_path) as room:
        settings = RestSettings(url=f"{room.address}thingsee/", credentials=credentials)
        async with open_rest(settings, SystemClock()) as app:
            await app.things.send(PUMP, [relay(ON)])
            assert room.plant.relays()["relay"]
    async with open_room(tmp_path, PASSWORD) as room:
        settings = RestSettings(url=f"{room.address}thingsee/", credentials=credentials)
        async with open_rest(settings, SystemClock()) as app:
            with pytest.raises(Denied):
                await app.things.send(PUMP, [relay(ON)])
