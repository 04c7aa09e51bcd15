"""The Thingsee link against a real broker and real HTTP, with raw clients for the other side."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gatewayd.board import Board
from gatewayd.clouds.thingsee.link import Config, ThingseeLink, open_link, subscription
from gatewayd.clouds.thingsee.names import OutputEntry
from gatewayd.errors import BatchRefused, ConfigError, LinkDenied, LinkLost, Throttled
from gatewayd.fields import Secret
from gatewayd.model import (
    Access,
    Batch,
    Channel,
    ChannelId,
    Command,
    Outcome,
    Quality,
    Reading,
    Status,
    Value,
)
from gatewayd.routes import Route
from gatewayd.sampler import Pace
from gatewayd.testing.clock import SimulatedClock
from gatewayd.uplink import Premises
from tests.mosquitto import Mosquitto, OtherSide, cuttable, other_side, running

GW, BOILER, PUMP = "XXGD01GATEWAY0001", "XXGD02BOILER00001", "XXGD02PUMP0000001"
PIR = "TSPR04E2O90201558"
UP, DOWN = f"thingsee/gw/{GW}/up", f"thingsee/gw/{GW}/down"
STREAM = f"cloudext/json/pr/fi/prfi00sample/{PIR}/2100"
T, DOOR, RELAY = ChannelId("boiler/temp"), ChannelId("boiler/door"), ChannelId("pump/relay")
P, V = ChannelId("boiler/pressure"), ChannelId("boiler/voltage")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    P: Channel(P, "pressure", "hPa"),
    V: Channel(V, "voltage", "V"),
    DOOR: Channel(DOOR, "door"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}
ROUTE = Route(
    message=2100,
    thing=PIR,
    field="state",
    output=RELAY,
    values={"0": "off", "1": "on"},
    hold=600,
)
DONE = Outcome(Status.DONE, value=True, is_verified=True)


class StillClock(SimulatedClock):
    """A clock that stands still, so that times can be compared."""

    def now_ms(self) -> int:
        return self._wall_ms


class Commands(list[Command]):
    """The commands of a link, and a way to wait for them."""

    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self) < count:
                self.news.clear()
                await self.news.wait()


@dataclass
class House:
    """The gateway around a link: its board, its clock, its folder, and what it may be told."""

    folder: Path
    port: int
    board: Board = field(default_factory=Board)
    clock: StillClock = field(default_factory=StillClock)
    manage: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=lambda: {"boiler": Pace(10)})
    version: str = "1.2.3"
    seq: int = 0

    @property
    def config(self) -> Config:
        return Config(
            host="127.0.0.1",
            port=self.port,
            tls=False,
            gateway_tuid=GW,
            ack_timeout=5.0,
            things={"boiler": BOILER, "pump": PUMP},
        )

    @property
    def premises(self) -> Premises:
        return Premises(
            uplink="up",
            gateway_id="gw",
            gateway_name="Boiler room 3",
            version=self.version,
            channels=CHANNELS,
            board=self.board,
            clock=self.clock,
            state_dir=self.folder,
            manage=self.manage,
            routes=(ROUTE,),
            paces=self.paces,
        )

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[ThingseeLink]:
        async with open_link(replace(self.config, **changes), self.premises) as link:
            yield link

    def reading(
        self, channel: ChannelId, value: Value | None, quality: Quality = Quality.GOOD
    ) -> Reading:
        """Return a reading of now, which the board has seen too."""
        reading = Reading(channel, self.clock.now_ms(), value, quality)
        self.board.post([reading])
        return reading

    def batch(self, *readings: Reading) -> Batch:
        """Return the next rows of the outbox."""
        first, self.seq = self.seq + 1, self.seq + len(readings)
        return Batch("up", range(first, self.seq + 1), readings, self.seq)

    @property
    def now_s(self) -> int:
        return self.clock.now_ms() // 1000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path_factory.mktemp("broker"))) as broker:
        yield broker


@pytest.fixture
async def house(broker: Mosquitto, tmp_path: Path) -> House:
    return House(tmp_path, broker.port)


@pytest.fixture
async def cloud(broker: Mosquitto) -> AsyncIterator[OtherSide]:
    async with other_side(broker.port) as cloud:
        yield cloud


def told(cloud: OtherSide, topic: str = UP) -> list[dict[str, Any]]:
    """Return all messages heard on a topic, arrays opened."""
    found: list[dict[str, Any]] = []
    for payload in cloud.on(topic):
        content = json.loads(payload)
        found += content if isinstance(content, list) else [content]
    return found


async def until(cloud: OtherSide, id: int, count: int = 1, topic: str = UP) -> dict[str, Any]:
    """Wait for the `count`-th message of an id and return it."""

    def those() -> list[dict[str, Any]]:
        return [message for message in told(cloud, topic) if message["tsmId"] == id]

    await cloud.wait_until(lambda: len(those()) >= count)
    return those()[count - 1]


@asynccontextmanager
async def served(link: ThingseeLink, outcome: Outcome | None = DONE) -> AsyncIterator[Commands]:
    """Tend the link, take its commands, and answer each with the outcome if there is one."""
    commands = Commands()

    async def serve() -> None:
        async for command in link.commands():
            commands.append(command)
            commands.news.set()
            if outcome:
                await link.reply(command, outcome)

    tasks = [asyncio.ensure_future(serve()), asyncio.ensure_future(link.tend())]
    try:
        yield commands
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def ask(cloud: OtherSide, house: House, destination: str, **fields: object) -> None:
    """Send one command as the cloud does: with addressee and time."""
    command = {"tsmDstTuid": destination, "tsmTs": house.now_s, **fields}
    cloud.say(DOWN, json.dumps([command]).encode())


async def answer(
    cloud: OtherSide, house: House, destination: str, id: int = 0, **fields: Any
) -> dict[str, Any]:
    """Ask something and return the answer, a message with the same or another id."""
    id = id or fields["tsmId"]
    count = len([message for message in told(cloud) if message["tsmId"] == id])
    ask(cloud, house, destination, **fields)
    return await until(cloud, id, count + 1)


# Connection.


async def test_the_gateway_announces_itself_and_says_goodbye(
    house: House, cloud: OtherSide
) -> None:
    """After a boot: what it is, then connected; at the end disconnected, all with a time."""
    async with house.open():
        await until(cloud, 1000)
    await until(cloud, 1000, 2)
    assert [(each["tsmId"], each["tsmEv"]) for each in told(cloud)] == [
        (1100, 11),
        (1312, 11),
        (1313, 11),
        (1000, 17),
        (1000, 18),
    ]
    assert {each["tsmTuid"] for each in told(cloud)} == {GW}
    assert not any("tsmGw" in each for each in told(cloud))
    now = house.now_s
    assert [each["tsmTs"] for each in told(cloud)] == [now, now, now, now, now + 0.001]


async def test_a_reconnection_is_no_start_but_an_update_is_one(
    house: House, cloud: OtherSide
) -> None:
    """Powered on once a boot; another version says that the firmware was updated."""
    for version in ("1.2.3", "1.2.3", "1.3.0"):
        house.version = version
        async with house.open():
            pass
    await until(cloud, 1000, 6)
    infos = [(each["tsmEv"], each["swVersion"]) for each in told(cloud) if each["tsmId"] == 1100]
    assert infos == [(11, "1.2.3"), (15, "1.3.0")]


async def test_a_cut_connection_leaves_a_will_without_time(
    broker: Mosquitto, house: House, cloud: OtherSide
) -> None:
    """The cloud makes the time; the link ends with LinkLost."""
    async with cuttable(broker.port) as (port, cut):
        with pytest.raises(LinkLost):
            async with house.open(port=port) as link:
                await until(cloud, 1000)
                cut()
                with contextlib.suppress(BaseExceptionGroup):
                    await link.tend()
                raise LinkLost("as tend said")
    will = await until(cloud, 1000, 2)
    assert will == {"tsmId": 1000, "tsmEv": 18, "tsmTuid": GW}
    assert not cloud.heard[-1].is_retained


# Readings.


async def test_readings_become_messages_of_their_things(house: House, cloud: OtherSide) -> None:
    """One message a thing, id and instant, in units of the catalogue; the gateway relays."""
    now = house.now_s
    async with house.open() as link:
        await link.send(
            house.batch(
                house.reading(T, 61.5),
                house.reading(P, 1013.25),
                house.reading(DOOR, True),
                house.reading(V, 230.5),
                house.reading(RELAY, True),
            )
        )
        await until(cloud, 1400, 2)
    data = [each for each in told(cloud) if each["tsmTuid"] != GW]
    head = {"tsmTs": now, "tsmTuid": BOILER, "tsmGw": GW}
    assert data == [
        {"tsmId": 12100, "tsmEv": 10, **head, "temp": 61.5, "airp": 101325.0},
        {"tsmId": 12101, "tsmEv": 7, **head, "hall": 0},
        {
            **{"tsmId": 1400, "tsmEv": 34, **head, "diagGroup": 4, "diagType": "voltage"},
            "diagData": '{"channel":"voltage","value":230.5,"unit":"V"}',
        },
        {
            **{"tsmId": 1400, "tsmEv": 7, **head, "tsmTuid": PUMP},
            **{"diagGroup": 3, "diagType": "relay", "diagData": '{"channel":"relay","state":1}'},
        },
    ]


async def test_a_reading_without_value_says_why(house: House, cloud: OtherSide) -> None:
    """As error info, once for all channels of the thing; off on purpose is no error."""
    async with house.open() as link:
        lost = [house.reading(name, None, Quality.TIMEOUT) for name in (T, P)]
        await link.send(house.batch(*lost, house.reading(V, None, Quality.OFF)))
        error = await until(cloud, 1403)
    assert (error["tsmEv"], error["tsmTuid"], error["errorType"]) == (29, BOILER, "timeout")
    assert error["errorCause"] == "boiler/temp, boiler/pressure: answered too late"


async def test_values_that_no_field_can_hold_are_refused_by_number(house: House) -> None:
    """The others are sent with the next try."""
    async with house.open() as link:
        batch = house.batch(house.reading(T, 20.0), house.reading(T, float("inf")))
        with pytest.raises(BatchRefused) as refused:
            await link.send(batch)
    assert refused.value.seqs == (2,)


async def test_a_broker_that_does_not_answer_loses_the_link(
    tmp_path_factory: pytest.TempPathFactory, house: House
) -> None:
    """No PUBACK in time is LinkLost, so that the batch is sent again."""
    with running(Mosquitto(tmp_path_factory.mktemp("frozen"))) as broker, pytest.raises(LinkLost):
        async with house.open(port=broker.port, ack_timeout=0.3) as link:
            broker.freeze()
            try:
                await link.send(house.batch(house.reading(T, 20.0)))
            finally:
                broker.thaw()


async def test_as_single_objects_it_looks_like_the_customers_stream(
    house: House, cloud: OtherSide
) -> None:
    """One object a publish, on a topic of its thing and id, with the group."""
    topic = "cloudext/json/pr/fi/{group}/{tuid}/{tsmId}"
    async with house.open(uplink_topic=topic, single_object=True, group="prfi00b") as link:
        readings = [house.reading(T, 20.0), house.reading(DOOR, False)]
        await link.send(house.batch(*readings))
        base = f"cloudext/json/pr/fi/prfi00b/{BOILER}"
        weather = await until(cloud, 12100, topic=f"{base}/12100")
        await until(cloud, 12101, topic=f"{base}/12101")
    assert weather["deploymentGroupId"] == "prfi00b"
    assert isinstance(json.loads(cloud.on(f"{base}/12100")[0]), dict)


async def test_readings_gather_for_the_report_and_states_do_not(house: House) -> None:
    """The first goes at once, the next waits for the interval, a door never does."""
    async with house.open() as link:
        first = house.batch(house.reading(T, 20.0))
        assert link.wait_s(first) == 0
        await link.send(first)
        assert 59 < link.wait_s(house.batch(house.reading(T, 20.5))) <= 60
        assert link.wait_s(house.batch(house.reading(T, 20.5), house.reading(DOOR, True))) == 0


# Commands.


async def test_an_interval_is_set_answered_whole_and_kept(house: House, cloud: OtherSide) -> None:
    """Conformance 4: both intervals and the transaction; the next connection knows it too."""
    request: dict[str, Any] = {
        "tsmId": 1500,
        "tsmEv": 30,
        "transactionId": 7,
        "reportInterval": 300,
    }
    async with house.open() as link, served(link):
        echo = await answer(cloud, house, BOILER, **request)
        assert echo == {
            **{"tsmId": 1500, "tsmEv": 31, "tsmTs": house.now_s, "tsmTuid": BOILER, "tsmGw": GW},
            **{"transactionId": 7, "measurementInterval": 10, "reportInterval": 300},
        }
        first = house.batch(house.reading(T, 20.0))
        await link.send(first)
        assert 299 < link.wait_s(house.batch(house.reading(T, 20.5))) <= 300
    async with house.open() as link, served(link):
        read = await answer(cloud, house, BOILER, tsmId=1500, tsmEv=30, transactionId=8)
        assert read["reportInterval"] == 300


async def test_a_measurement_interval_is_the_samplers_pace(house: House, cloud: OtherSide) -> None:
    """At once, after a restart too, until the owner has edited his."""
    async with house.open() as link, served(link):
        echo = await answer(cloud, house, BOILER, tsmId=1500, tsmEv=30, measurementInterval=30)
    assert (echo["measurementInterval"], house.paces["boiler"].every_s) == (30, 30)
    assert "transactionId" not in echo
    house.paces["boiler"] = Pace(10)
    async with house.open():
        assert house.paces["boiler"].every_s == 30
    house.paces["boiler"] = Pace(20)
    async with house.open():
        assert house.paces["boiler"].every_s == 20


async def test_a_thing_that_is_not_sampled_answers_unchanged(
    house: House, cloud: OtherSide
) -> None:
    """There is no negative answer to 30: the customer compares."""
    async with house.open() as link, served(link):
        echo = await answer(cloud, house, PUMP, tsmId=1500, tsmEv=30, measurementInterval=5)
    assert echo["measurementInterval"] == 300


async def test_a_hall_mode_silences_the_door(house: House, cloud: OtherSide) -> None:
    """Off is off; changes only are only those."""
    async with house.open() as link, served(link):
        before = await answer(cloud, house, BOILER, tsmId=12200, tsmEv=30)
        assert (before["hallMode"], before["weatherMode"], before["leakageMode"]) == (0, 0, 0)
        await answer(cloud, house, BOILER, tsmId=12200, tsmEv=30, hallMode=1, transactionId=1)
        for state in (True, True, False):
            house.clock.jump(1000)
            await link.send(house.batch(house.reading(DOOR, state)))
        await answer(cloud, house, BOILER, tsmId=12200, tsmEv=30, hallMode=-1, transactionId=2)
        await link.send(house.batch(house.reading(DOOR, True)))
        await link.send(house.batch(house.reading(T, 20.0)))
        await until(cloud, 12100)
    assert [each["hall"] for each in told(cloud) if each["tsmId"] == 12101] == [0, 1]


async def test_a_thing_without_such_settings_is_silent(house: House, cloud: OtherSide) -> None:
    """A boiler is no PIR sensor; it answers what comes next."""
    async with house.open() as link, served(link):
        ask(cloud, house, BOILER, tsmId=13200, tsmEv=30, threshold=100)
        await answer(cloud, house, BOILER, tsmId=1600, tsmEv=35)
        assert link.requests.ignored == {"no such settings": 1}
    assert not [each for each in told(cloud) if each["tsmId"] == 13200]


async def test_a_remote_command_moves_the_relay(house: House, cloud: OtherSide) -> None:
    """To the gateway or to the thing; the answer has the value read back."""
    request: dict[str, Any] = {"tsmId": 1402, "tsmEv": 35, "transactionId": 3, "command": "RELAY"}
    request["payload"] = '{"channel":"relay","state":1,"hold":30}'
    async with house.open() as link, served(link) as commands:
        echo = await answer(cloud, house, GW, **request)
        await answer(cloud, house, PUMP, **request)
    assert (echo["tsmEv"], echo["result"], echo["transactionId"]) == (36, 0, 3)
    assert json.loads(echo["payload"]) == {"channel": "relay", "state": 1, "verified": True}
    assert [(each.channel, each.value, each.hold_s) for each in commands] == [
        (RELAY, 1, 30.0),
        (RELAY, 1, 30.0),
    ]
    assert commands[0].issued_ms == house.now_s * 1000


async def test_a_refused_command_says_so(house: House, cloud: OtherSide) -> None:
    """With result -1 and the reason; what is not supported has -2."""
    refused = Outcome(Status.REFUSED, "interlocked", False)
    request: dict[str, Any] = {"tsmId": 1402, "tsmEv": 35, "command": "RELAY"}
    async with house.open() as link, served(link, refused) as commands:
        echo = await answer(cloud, house, GW, payload='{"channel":"relay","state":1}', **request)
        nobody = await answer(cloud, house, GW, payload='{"channel":"rely","state":1}', **request)
        nonsense = await answer(cloud, house, GW, payload="on!", **request)
        other = await answer(cloud, house, GW, tsmId=1402, tsmEv=35, command="FLY", payload="")
    assert len(commands) == 1
    assert [each["result"] for each in (echo, nobody, nonsense, other)] == [-1, -1, -1, -2]
    assert json.loads(echo["payload"])["message"] == "interlocked"
    assert "there are relay" in nobody["payload"]


async def test_a_repeated_transaction_acts_once_and_answers_the_same(
    house: House, cloud: OtherSide
) -> None:
    """Sent again with another time; the same number with another content is another request."""
    request: dict[str, Any] = {"tsmId": 1402, "tsmEv": 35, "transactionId": 3, "command": "RELAY"}
    on, off = '{"channel":"relay","state":1}', '{"channel":"relay","state":0}'
    async with house.open() as link, served(link) as commands:
        first = await answer(cloud, house, GW, payload=on, **request)
        again = await answer(cloud, house, GW, payload=on, tsmTs=house.now_s + 5, **request)
        await answer(cloud, house, GW, payload=off, **request)
    assert first == again
    assert len({each["tsmTs"] for each in told(cloud) if each["tsmId"] == 1402}) == 2
    assert [each.value for each in commands] == [1, 0]


async def test_a_repeat_under_way_is_answered_once(house: House, cloud: OtherSide) -> None:
    """It neither acts nor answers a second time."""
    request: dict[str, Any] = {"tsmId": 1402, "tsmEv": 35, "transactionId": 3, "command": "RELAY"}
    request["payload"] = '{"channel":"relay","state":1}'
    async with house.open() as link, served(link, None) as commands:
        ask(cloud, house, GW, **request)
        ask(cloud, house, GW, **request)
        await answer(cloud, house, GW, tsmId=1600, tsmEv=35)
        assert len(commands) == 1
        await link.reply(commands[0], DONE)
        await until(cloud, 1402)
        await answer(cloud, house, GW, tsmId=1600, tsmEv=35, transactionId=9)
    assert len([each for each in told(cloud) if each["tsmId"] == 1402]) == 1


async def test_a_led_command_pulses_the_output_that_stands_for_it(
    house: House, cloud: OtherSide
) -> None:
    """For its duration; without one nothing happens, and the echo says off."""
    outputs = {RELAY: OutputEntry(led="pulse")}
    async with house.open(actuators=outputs) as link, served(link) as commands:
        request: dict[str, Any] = {"tsmId": 1505, "tsmEv": 30, "profileId": 1}
        echo = await answer(cloud, house, PUMP, duration=20, **request)
        short = await answer(cloud, house, PUMP, **request)
        off = await answer(cloud, house, PUMP, tsmId=1505, tsmEv=30, profileId=0)
    assert (echo["tsmEv"], echo["profileId"], echo["duration"]) == (31, 1, 20)
    assert short["profileId"] == off["profileId"] == 0
    assert [(each.value, each.hold_s, each.blink_s) for each in commands] == [
        (True, 20, None),
        (False, None, None),
    ]


async def test_without_a_led_the_led_command_is_nobodys(house: House, cloud: OtherSide) -> None:
    """A relay is no LED unless its owner says so."""
    async with house.open() as link, served(link) as commands:
        ask(cloud, house, PUMP, tsmId=1505, tsmEv=30, profileId=1, duration=5)
        await answer(cloud, house, PUMP, tsmId=1600, tsmEv=35)
        assert not commands


async def test_ping_and_questions_are_answered(house: House, cloud: OtherSide) -> None:
    """From memory: what is known with its own time, beside its report, what is not with 1102."""
    measured_s = house.now_s
    house.reading(T, 61.5)
    house.clock.jump(5000)
    house.reading(P, None, Quality.FAULT)
    async with house.open() as link, served(link):
        ping = await answer(cloud, house, GW, tsmId=1600, tsmEv=35, transactionId=1)
        weather = await answer(
            cloud, house, BOILER, 12100, tsmId=1101, tsmEv=32, requestTsmId=12100, transactionId=2
        )
        nothing = await answer(cloud, house, BOILER, 1102, tsmId=1101, tsmEv=32, requestTsmId=24100)
        info = await answer(cloud, house, GW, 1100, tsmId=1000, tsmEv=32)
        diagnostics = await answer(cloud, house, GW, 1400, tsmId=1000, tsmEv=27)
        beats = await answer(cloud, house, GW, 11200, tsmId=11211, tsmEv=32)
    assert (ping["tsmEv"], ping["transactionId"]) == (36, 1)
    assert weather == {
        **{"tsmId": 12100, "tsmEv": 33, "tsmTs": measured_s + 0.0005, "tsmTuid": BOILER},
        "tsmGw": GW,
        **{"transactionId": 2, "temp": 61.5},
    }
    assert (nothing["tsmEv"], nothing["requestTsmId"]) == (33, 24100)
    assert (info["tsmEv"], info["swVersion"]) == (33, "1.2.3")
    assert (diagnostics["tsmEv"], diagnostics["diagGroup"]) == (28, 0)
    assert beats["heartbeats"] == [
        {"tuid": BOILER, "slotBits": 1},
        {"tuid": PUMP, "slotBits": 0},
    ]


async def test_nobodys_command_is_an_error_and_nonsense_is_counted(
    house: House, cloud: OtherSide
) -> None:
    """Neither ends the link."""
    async with house.open() as link, served(link):
        cloud.say(DOWN, b"\xff{")
        cloud.say(DOWN, b'[{"tsmId":1}]')
        error = await answer(cloud, house, "NOBODY", 1403, tsmId=1500, tsmEv=30)
        assert link.requests.ignored == {"malformed": 2}
    assert (error["tsmTuid"], error["errorType"]) == (GW, "unknown_destination")


async def test_a_reboot_needs_the_owners_leave(house: House, cloud: OtherSide) -> None:
    """Refused with -1; with leave it is answered first and done then."""
    request: dict[str, Any] = {"tsmId": 1402, "tsmEv": 35, "command": "REBOOT", "payload": ""}
    done = asyncio.Event()

    async def reboot() -> None:
        done.set()

    async with house.open() as link, served(link):
        assert (await answer(cloud, house, GW, **request))["result"] == -1
    house.manage["reboot"] = reboot
    async with house.open() as link, served(link):
        assert (await answer(cloud, house, GW, **request))["result"] == 0
        async with asyncio.timeout(5):
            await done.wait()


async def test_a_retained_command_is_nobodys(house: House, cloud: OtherSide) -> None:
    """It is of nobody knows when."""
    command = [{"tsmId": 1600, "tsmEv": 35, "tsmDstTuid": GW}]
    cloud.say(DOWN, json.dumps(command).encode(), is_retained=True)
    await cloud.wait(DOWN)
    async with house.open() as link, served(link):
        await answer(cloud, house, GW, tsmId=1600, tsmEv=35, transactionId=1)
    cloud.say(DOWN, b"", is_retained=True)
    assert [each.get("transactionId") for each in told(cloud) if each["tsmId"] == 1600] == [1]


# Messages of others.


def presence(house: House, state: int, **changes: object) -> dict[str, object]:
    header = {"tsmId": 2100, "tsmEv": 7, "tsmTs": house.now_s, "tsmTuid": PIR}
    return {**header, "deploymentGroupId": "prfi00sample", "state": state, **changes}


async def test_a_presence_sensor_switches_a_relay(house: House, cloud: OtherSide) -> None:
    """Out of the customer's stream, by a route, without anything answered."""
    topics = ("cloudext/json/pr/fi/prfi00sample/#",)
    settings: dict[str, Any] = {"reports": False, "stream_topics": topics}
    async with house.open(**settings) as link, served(link) as commands:
        cloud.say(STREAM, b"nonsense")
        cloud.say(STREAM, json.dumps(presence(house, 1)).encode())
        cloud.say(STREAM, json.dumps(presence(house, 1)).encode())
        cloud.say(STREAM, json.dumps(presence(house, 0, tsmTs=house.now_s - 30)).encode())
        cloud.say(STREAM, json.dumps(presence(house, 0, tsmTs=house.now_s + 1)).encode())
        await commands.wait(2)
        assert link.ear.malformed == 1
    assert [(each.channel, each.value, each.hold_s, each.origin) for each in commands] == [
        (RELAY, "on", 600, "up"),
        (RELAY, "off", 600, "up"),
    ]
    assert not told(cloud)


@asynccontextmanager
async def poster(port: int | None) -> AsyncIterator[Callable[..., Awaitable[tuple[int, Any]]]]:
    """Yield a function that pushes something and returns status and body."""
    async with aiohttp.ClientSession() as session:

        async def post(body: object, token: str = "", method: str = "POST") -> tuple[int, Any]:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            url = f"http://127.0.0.1:{port}/thingsee"
            stream = io.BytesIO(data)
            async with session.request(method, url, data=stream, headers=headers) as response:
                return response.status, await response.json()

        yield post


async def test_a_push_switches_a_relay_without_any_cloud(house: House) -> None:
    """An array by POST to the loopback, in a section of its own."""
    settings: dict[str, Any] = {"host": "", "reports": False, "push_listen": "127.0.0.1:0"}
    async with (
        house.open(**settings, push_token=Secret("t")) as link,
        served(link) as commands,
        poster(link.push_port) as post,
    ):
        array = [presence(house, 1), {"tsmId": "x"}]
        assert (await post(array))[0] == 401
        assert await post(array, "t") == (
            200,
            {
                **{"messages": 1, "repeats": 0, "late": 0, "commands": 1},
                "faults": ["tsmId is 'x', expected a whole number to 999999"],
            },
        )
        assert (await post(array, "t"))[1]["repeats"] == 1
        assert (await post(b"nonsense", "t"))[0] == 400
        assert (await post(b"[]", "t", "GET"))[0] == 405
        assert (await post(b" " * 1_100_000, "t"))[0] == 413
        await commands.wait(1)
    assert [(each.channel, each.value) for each in commands] == [(RELAY, "on")]


async def test_a_push_that_does_not_fit_may_come_again(house: House) -> None:
    """A full queue is a 503, and what was refused is not taken for a repeat."""
    settings: dict[str, Any] = {"host": "", "reports": False, "push_listen": "127.0.0.1:0"}
    async with house.open(**settings) as link, poster(link.push_port) as post:
        full = [presence(house, 1, tsmTs=house.now_s + n) for n in range(100)]
        assert (await post(full))[0] == 200
        one_more = [presence(house, 0, tsmTs=house.now_s + 100)]
        assert (await post(one_more))[0] == 503
        async with served(link) as commands:
            await commands.wait(100)
            assert (await post(one_more))[0] == 200


async def test_an_address_that_is_taken_is_told(house: House) -> None:
    """As a sentence for the owner."""
    settings: dict[str, Any] = {"host": "", "reports": False}
    async with house.open(**settings, push_listen="127.0.0.1:0") as link:
        with pytest.raises(ConfigError, match="cannot listen"):
            async with house.open(**settings, push_listen=f"127.0.0.1:{link.push_port}"):
                pass


# Reports by POST.


@asynccontextmanager
async def sink(statuses: Sequence[int]) -> AsyncIterator[tuple[str, list[tuple[Any, str]]]]:
    """Take posts, answering with these statuses in turn and then 200."""
    taken: list[tuple[Any, str]] = []
    left = list(statuses)

    async def take(request: web.Request) -> web.Response:
        taken.append((await request.json(), request.headers.get("X-Api-Key", "")))
        return web.Response(status=left.pop(0) if left else 200)

    app = web.Application()
    app.router.add_post("/in", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/in", taken
    finally:
        await runner.cleanup()


async def test_reports_by_post(house: House) -> None:
    """The same arrays, with the owner's headers; no broker needed."""
    async with sink([]) as (url, taken):
        headers = {"X-Api-Key": Secret("k")}
        async with house.open(host="", http_uplink_url=url, http_headers=headers) as link:
            await link.send(house.batch(house.reading(T, 20.0)))
    ids = [[each["tsmId"] for each in array] for array, _ in taken]
    assert ids == [[1100, 1312, 1313, 1000], [12100], [1000]]
    assert {key for _, key in taken} == {"k"}


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, LinkDenied), (429, Throttled), (500, LinkLost), (400, BatchRefused)],
)
async def test_a_post_that_is_refused(house: House, status: int, error: type[Exception]) -> None:
    """Each status has its turn."""
    async with sink([200, status]) as (url, _), house.open(host="", http_uplink_url=url) as link:
        with pytest.raises(error):
            await link.send(house.batch(house.reading(T, 20.0)))


def test_the_subscription_is_every_channel_that_reports() -> None:
    """All of them without a mapping; none for a section that only listens."""
    assert subscription(Config(host="h"), CHANNELS) == set(CHANNELS)
    assert not subscription(Config(host="h", reports=False), CHANNELS)
    with pytest.raises(ConfigError, match="push_listen"):
        subscription(Config(push_listen="0.0.0.0:8095", reports=False), CHANNELS)
