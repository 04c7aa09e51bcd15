"""The Thing+ link against a real broker, with a raw client in the place of the cloud."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gatewayd.board import Board
from gatewayd.clouds.thingplus.codec import decode_status, decode_values
from gatewayd.clouds.thingplus.link import Config, ThingplusLink, open_link, subscription
from gatewayd.clouds.thingplus.names import NameEntry
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
from gatewayd.testing.clock import SimulatedClock
from gatewayd.uplink import Premises
from tests.mosquitto import Mosquitto, OtherSide, cuttable, make_certificates, other_side, running

GW = "b827eb000001"
BASE = f"v/a/g/{GW}"
KEY = "made-up-key="
USERS = {GW: KEY, "cloud": "cloud"}
LOGIN = ("cloud", "cloud")
T, DI, RELAY = ChannelId("boiler/temperature"), ChannelId("boiler/door"), ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    DI: Channel(DI, "door"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}
TEMP_ID, DOOR_ID, RELAY_ID = f"{GW}-0-temp", f"{GW}-boiler-door", f"{GW}-0-relay"


@dataclass
class House:
    """The gateway around a link: its board, its clock, its folder, and what it may be told."""

    folder: Path
    port: int
    board: Board = field(default_factory=Board)
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    manage: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    seq: int = 0

    @property
    def config(self) -> Config:
        return Config(
            host="127.0.0.1",
            port=self.port,
            tls=False,
            api_key=Secret(KEY),
            ack_timeout=5.0,
            sensors={T: NameEntry(id=TEMP_ID)},
            actuators={RELAY: NameEntry(id=RELAY_ID, type="powerSwitch")},
        )

    @property
    def premises(self) -> Premises:
        return Premises(
            uplink="up",
            gateway_id=GW,
            gateway_name="Boiler room 3",
            version="1.2.3",
            channels=CHANNELS,
            board=self.board,
            clock=self.clock,
            state_dir=self.folder,
            manage=self.manage,
        )

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[ThingplusLink]:
        async with open_link(replace(self.config, **changes), self.premises) as link:
            yield link

    def reading(
        self,
        channel: ChannelId,
        value: Value | None,
        quality: Quality = Quality.GOOD,
        age_ms: int = 0,
    ) -> Reading:
        """Return a reading of now, which the board has seen too."""
        reading = Reading(channel, self.clock.now_ms() - age_ms, value, quality)
        self.board.post([reading])
        return reading

    def batch(self, *readings: Reading) -> Batch:
        """Return the next rows of the outbox."""
        first, self.seq = self.seq + 1, self.seq + len(readings)
        return Batch("up", range(first, self.seq + 1), readings, self.seq)


@pytest.fixture(scope="module")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path_factory.mktemp("broker"), users=USERS)) as broker:
        yield broker


@pytest.fixture
async def house(shared_broker: Mosquitto, tmp_path: Path) -> House:
    return House(tmp_path, shared_broker.port)


@pytest.fixture
async def cloud(shared_broker: Mosquitto) -> AsyncIterator[OtherSide]:
    """Everything but what earlier tests left retained."""
    async with other_side(shared_broker.port, login=LOGIN) as cloud:
        cloud.heard[:] = [heard for heard in cloud.heard if not heard.is_retained]
        yield cloud


@asynccontextmanager
async def served(
    link: ThingplusLink, outcome: Outcome | None = None
) -> AsyncIterator[list[Command]]:
    """Take the link's commands, and answer each with the outcome if there is one."""
    commands: list[Command] = []

    async def serve() -> None:
        async for command in link.commands():
            commands.append(command)
            if outcome:
                await link.reply(command, outcome)

    task = asyncio.ensure_future(serve())
    try:
        yield commands
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ask(cloud: OtherSide, method: str, params: Any = None, id: str = "a1") -> dict[str, Any]:
    """Ask the gateway something and return its answer."""
    count = len(cloud.on(f"{BASE}/res"))
    cloud.say(f"{BASE}/req", json.dumps({"id": id, "method": method, "params": params}).encode())
    answer: dict[str, Any] = json.loads(await cloud.wait(f"{BASE}/res", count + 1))
    return answer


def statuses(payload: bytes) -> Mapping[str, tuple[str, int]]:
    return {item.sensor: (item.word, item.duration) for item in decode_status(payload)}


# Connection.


async def test_the_gateway_announces_itself_in_order(house: House, cloud: OtherSide) -> None:
    """After CONNACK: `on`, then the statuses of gateway, sensors and actuators."""
    house.reading(T, 20.5)
    house.reading(RELAY, True)
    async with house.open():
        await cloud.wait(f"{BASE}/status")
    assert [heard.topic for heard in cloud.heard[:2]] == [f"{BASE}/mqtt/status", f"{BASE}/status"]
    assert cloud.on(f"{BASE}/mqtt/status")[0] == b"on"
    assert statuses(cloud.on(f"{BASE}/status")[0]) == {
        "": ("on", 90),
        TEMP_ID: ("on", 90),
        DOOR_ID: ("off", -1),
        RELAY_ID: ("on", 90),
    }


async def test_on_and_off_are_retained(shared_broker: Mosquitto, house: House) -> None:
    """Who subscribes later sees the present state, not an old will."""
    topic = f"{BASE}/mqtt/status"
    async with house.open(), other_side(shared_broker.port, topic, LOGIN) as late:
        assert await late.wait(topic) == b"on"
        assert late.heard[0].is_retained
    async with other_side(shared_broker.port, topic, LOGIN) as later:
        assert await later.wait(topic) == b"off"


async def test_a_cut_connection_leaves_err_retained(
    shared_broker: Mosquitto, house: House, cloud: OtherSide
) -> None:
    """The will says what the gateway no longer can."""
    topic = f"{BASE}/mqtt/status"
    async with cuttable(shared_broker.port) as (port, cut):
        with pytest.raises(LinkLost):
            async with house.open(port=port) as link:
                cut()
                await asyncio.wait_for(link.tend(), 5)
    await cloud.wait_until(lambda: b"err" in cloud.on(topic))
    async with other_side(shared_broker.port, topic, LOGIN) as late:
        assert await late.wait(topic) == b"err"
    async with house.open():
        await cloud.wait_until(lambda: cloud.on(topic)[-1] == b"on")


async def test_a_wrong_key_is_denied(house: House) -> None:
    """And the key is not in the message."""
    with pytest.raises(LinkDenied) as caught:
        async with house.open(api_key=Secret("some-other-key")):
            pass
    assert "some-other-key" not in repr(caught.value)


async def test_a_restarted_broker_is_a_lost_link(tmp_path: Path) -> None:
    """Everything that waits ends; the next connection works."""
    with running(Mosquitto(tmp_path)) as broker:
        house = House(tmp_path, broker.port)
        with pytest.raises(LinkLost):
            async with house.open() as link:
                broker.restart()
                await asyncio.wait_for(link.tend(), 5)
        async with house.open() as link, other_side(broker.port, BASE) as cloud:
            await link.send(house.batch(house.reading(T, 1.0)))
            assert await cloud.wait(BASE)


async def test_a_withheld_puback_is_a_lost_link(tmp_path: Path) -> None:
    """No acknowledgement in time: the batch is not acknowledged, the link ends."""
    with running(Mosquitto(tmp_path)) as broker:
        house = House(tmp_path, broker.port)
        async with asyncio.timeout(10):
            with pytest.raises(LinkLost, match="no PUBACK within"):
                async with house.open(ack_timeout=0.5) as link:
                    broker.freeze()
                    await link.send(house.batch(house.reading(T, 1.0)))
        broker.thaw()


async def test_everything_goes_over_tls(tmp_path: Path) -> None:
    """With the authority's file the key travels encrypted."""
    certificates = make_certificates(tmp_path)
    broker = Mosquitto(tmp_path, users=USERS, certificates=certificates)
    with running(broker):
        house = House(tmp_path, broker.port)
        async with house.open(tls=True, ca_file=certificates.ca_file) as link:
            await link.send(house.batch(house.reading(T, 1.0)))
        with pytest.raises(LinkLost, match="certificate not trusted"):
            async with house.open(tls=True):
                pass


# Values.


async def test_values_are_sent_in_one_message(house: House, cloud: OtherSide) -> None:
    """Several sensors, several points, ascending; a door is 0 or 1; an output is no value."""
    async with house.open() as link:
        readings = [(T, 20.5), (T, 20.6), (DI, True), (RELAY, True)]
        await link.send(
            house.batch(*(Reading(channel, 1000, value) for channel, value in readings))
        )
        assert json.loads(await cloud.wait(BASE)) == {
            TEMP_ID: [1000, 20.5, 1001, 20.6],
            DOOR_ID: [1000, 1],
        }


async def test_a_large_batch_is_several_messages_in_order(house: House, cloud: OtherSide) -> None:
    """A full batch arrives whole, no message longer than 64 KiB, times ascending."""
    readings = [Reading(T, 1_790_000_000_000 + i, i * 0.25) for i in range(5000)]
    async with house.open() as link:
        await link.send(house.batch(*readings))
        await link.send(house.batch(Reading(T, 1_790_000_005_000, 1.0)))
        last = b'{"%b":[1790000005000,1.0]}' % TEMP_ID.encode()
        await cloud.wait_until(lambda: cloud.on(BASE)[-1:] == [last])
    messages = cloud.on(BASE)
    parts = [decode_values(message)[TEMP_ID] for message in messages]
    times = [time for part in parts for time in part.times_ms]
    assert times == list(range(1_790_000_000_000, 1_790_000_005_001))
    assert len(messages) > 2
    assert all(len(message) <= 64 * 1024 for message in messages)


@pytest.mark.parametrize(("gzip_above", "is_packed"), [(1024, True), (0, False), (100_000, False)])
async def test_compression_can_be_switched(
    house: House, cloud: OtherSide, gzip_above: int, is_packed: bool
) -> None:
    """Above the threshold a message is a gzip member; 0 switches it off."""
    async with house.open(gzip_above=gzip_above) as link:
        await link.send(house.batch(*(Reading(T, 1_790_000_000_000 + i, 1.5) for i in range(100))))
        payload = await cloud.wait(BASE)
    assert payload.startswith(b"\x1f\x8b") is is_packed
    plain = gzip.decompress(payload) if is_packed else payload
    assert len(json.loads(plain)[TEMP_ID]) == 200


async def test_an_older_reading_is_refused_and_the_rest_can_go(
    house: House, cloud: OtherSide
) -> None:
    """Thing+ would ignore it in silence; the outbox records it instead. Nothing is sent yet."""
    async with house.open() as link:
        await link.send(house.batch(Reading(T, 2000, 1.0)))
        late, good = Reading(T, 1000, 2.0), Reading(T, 3000, 3.0)
        batch = house.batch(late, good)
        with pytest.raises(BatchRefused, match="out of order") as caught:
            await link.send(batch)
        assert caught.value.seqs == (batch.seqs[0],)
        await link.send(Batch("up", batch.seqs[1:], [good], batch.through))
        await cloud.wait(BASE, 2)
    assert [json.loads(payload)[TEMP_ID] for payload in cloud.on(BASE)] == [[2000, 1], [3000, 3]]


async def test_when_values_are_due(house: House) -> None:
    """The first report at once, then at the interval; events, changes and backlogs at once."""
    async with house.open(series_interval=30.0) as link:
        series = house.batch(house.reading(T, 1.0))
        assert link.wait_s(series) == 0
        await link.send(series)
        assert 29 < link.wait_s(house.batch(house.reading(T, 2.0))) <= 30
        assert link.wait_s(house.batch(house.reading(T, 2.0, age_ms=30_000))) == 0
        assert link.wait_s(house.batch(house.reading(T, 2.0), house.reading(DI, False))) == 0
        failure = house.batch(house.reading(T, None, Quality.ABSENT))
        assert link.wait_s(failure) == 0
        await link.send(failure)
        assert link.wait_s(house.batch(house.reading(T, None, Quality.ABSENT))) > 29
        assert link.wait_s(house.batch(house.reading(T, 2.0))) == 0


async def test_series_can_go_as_they_come(house: House) -> None:
    """A series interval of nothing."""
    async with house.open(series_interval=0.0) as link:
        await link.send(house.batch(house.reading(T, 1.0)))
        assert link.wait_s(house.batch(house.reading(T, 2.0))) == 0


# Statuses.


async def test_a_failure_is_told_at_once_and_a_recovery_too(house: House, cloud: OtherSide) -> None:
    """A reading without a value is delivered as a status: err or off, for ever; then on again."""
    topic = f"{BASE}/s/{TEMP_ID}/status"
    house.reading(T, 20.0)
    async with house.open() as link:
        await link.send(house.batch(house.reading(T, None, Quality.TIMEOUT)))
        assert await cloud.wait(topic) == b"err,-1"
        await link.send(house.batch(house.reading(T, None, Quality.OFF)))
        assert await cloud.wait(topic, 2) == b"off,-1"
        await link.send(house.batch(house.reading(T, 21.0)))
        assert await cloud.wait(topic, 3) == b"on,90"
        await link.send(house.batch(house.reading(T, 22.0)))
        await cloud.wait(BASE, 2)
    assert len(cloud.on(topic)) == 3
    topics = [heard.topic for heard in cloud.heard if heard.topic in {topic, BASE}]
    assert topics == [topic, topic, topic, BASE, BASE]


async def test_statuses_are_told_again_every_interval(house: House, cloud: OtherSide) -> None:
    """The cycle runs until the connection dies, with one and a half intervals' validity."""
    house.reading(T, 20.0)
    async with house.open(report_interval=0.1, validity_factor=20.0) as link:
        task = asyncio.ensure_future(link.tend())
        await cloud.wait(f"{BASE}/status", 4)
        task.cancel()
    assert statuses(cloud.on(f"{BASE}/status")[3])[TEMP_ID] == ("on", 2)


async def test_a_value_that_nobody_renews_becomes_an_error(house: House, cloud: OtherSide) -> None:
    """An old value is never shown as fresh; an output and a door stay as they are."""
    for channel, value in ((T, 20.0), (DI, False), (RELAY, True)):
        house.reading(channel, value, age_ms=60_000)
    async with house.open(stale_after=59.0):
        told = statuses(await cloud.wait(f"{BASE}/status"))
    assert [told[name][0] for name in (TEMP_ID, DOOR_ID, RELAY_ID)] == ["err", "on", "on"]


# Requests.


async def test_time_sync_is_answered_and_compared(house: House, cloud: OtherSide) -> None:
    """The answer is empty; how far the clocks are apart is known, and nothing is set."""
    async with house.open() as link, served(link):
        time_ms = house.clock.now_ms() + 3_600_000
        assert await ask(cloud, "timeSync", {"time": time_ms}) == {"id": "a1", "result": ""}
        assert link.requests.clock_offset_ms == pytest.approx(3_600_000, abs=5000)
        refusal = await ask(cloud, "timeSync", {"time": 5}, "a2")
        assert refusal["error"] == {"code": -32000, "message": "invalid time"}


async def test_values_can_wait_for_the_clouds_time(house: House, cloud: OtherSide) -> None:
    """Until then the gateway is in error and sends no values; a wrong time does not free them."""
    async with house.open(wait_for_timesync=True) as link, served(link):
        assert statuses(await cloud.wait(f"{BASE}/status"))[""] == ("err", -1)
        batch = house.batch(house.reading(T, 1.0))
        assert link.wait_s(batch) > 0
        await ask(cloud, "timeSync", {"time": house.clock.now_ms() + 660_000})
        with pytest.raises(Throttled):
            await link.send(batch)
        await ask(cloud, "timeSync", {"time": house.clock.now_ms() + 60_000}, "a2")
        assert statuses(await cloud.wait(f"{BASE}/status", 2))[""] == ("on", 90)
        assert link.wait_s(batch) == 0
        await link.send(batch)
        assert await cloud.wait(BASE)


@pytest.mark.parametrize("interval", ["120000", 120_000])
async def test_the_report_interval_is_set_and_kept(
    house: House, cloud: OtherSide, interval: object
) -> None:
    """At once for durations, and again after a restart."""
    async with house.open() as link, served(link):
        answer = await ask(cloud, "setProperty", {"reportInterval": interval})
        assert answer == {"id": "a1", "result": ""}
        assert statuses(await cloud.wait(f"{BASE}/status", 2))[""] == ("on", 180)
    async with house.open():
        assert statuses(await cloud.wait(f"{BASE}/status", 3))[""] == ("on", 180)
    async with house.open(report_interval=300.0):
        assert statuses(await cloud.wait(f"{BASE}/status", 4))[""] == ("on", 450)


@pytest.mark.parametrize("interval", ["59999", 604_800_001, "often"])
async def test_an_impossible_interval_changes_nothing(
    house: House, cloud: OtherSide, interval: object
) -> None:
    """-32000 `invalid interval`."""
    async with house.open() as link, served(link):
        answer = await ask(cloud, "setProperty", {"reportInterval": interval})
        assert answer["error"] == {"code": -32000, "message": "invalid interval"}
        assert link.statuses.interval_s == 60
    assert list(house.folder.iterdir()) == []


async def test_an_interval_that_cannot_be_kept_is_refused(house: House, cloud: OtherSide) -> None:
    """-32603, and the old one stays."""
    (house.folder / "file").write_text("")
    house.folder = house.folder / "file" / "below"
    async with house.open() as link, served(link):
        answer = await ask(cloud, "setProperty", {"reportInterval": "120000"})
        assert answer["error"]["code"] == -32603
        assert link.statuses.interval_s == 60


async def test_a_command_is_answered_with_the_value_read_back(
    house: House, cloud: OtherSide
) -> None:
    """The command comes out of the link; its outcome goes back under the request's id."""
    done = Outcome(Status.DONE, "", True, is_verified=True)
    async with house.open() as link, served(link, done) as commands:
        params = {"id": RELAY_ID, "cmd": "on", "options": {"duration": 3000}}
        answer = await ask(cloud, "controlActuator", params, "c1a2b3c4d")
        assert answer == {"id": "c1a2b3c4d", "result": {"value": 1, "verified": True}}
        assert commands == [Command("up", "c1a2b3c4d", RELAY, True, 3.0)]


async def test_a_refused_command_is_answered_with_the_reason(
    house: House, cloud: OtherSide
) -> None:
    """-32000 and the desk's sentence."""
    refused = Outcome(Status.REFUSED, "interlocked with valve/relay")
    async with house.open() as link, served(link, refused):
        answer = await ask(cloud, "controlActuator", {"id": RELAY_ID, "cmd": "off"})
        assert answer["error"] == {"code": -32000, "message": "interlocked with valve/relay"}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("controlActuator", {"id": "nobody", "cmd": "on"}, -32000),
        ("controlActuator", {"id": TEMP_ID, "cmd": "on"}, -32000),
        ("controlActuator", {"id": RELAY_ID, "cmd": "explode"}, -32000),
        ("controlActuator", {"id": RELAY_ID, "cmd": "on", "options": {"duration": 1}}, -32000),
        ("controlActuator", {"id": RELAY_ID}, -32602),
        ("controlActuator", None, -32602),
        ("timeSync", {}, -32602),
        ("setProperty", {"wlan": {}}, -32602),
        ("shell", {"cmd": "id"}, -32601),
        ("reboot", None, -32601),
        ("", None, -32600),
        ("timeSync", 5, -32600),
    ],
)
async def test_a_bad_request_is_answered_without_the_desk(
    house: House, cloud: OtherSide, method: str, params: object, code: int
) -> None:
    """Each mistake has its code, and nothing moves."""
    async with house.open() as link, served(link) as commands:
        answer = await ask(cloud, method, params)
        assert (answer["id"], answer["error"]["code"]) == ("a1", code)
        assert commands == []


async def test_what_cannot_be_answered_is_counted(house: House, cloud: OtherSide) -> None:
    """Not JSON, or no id: no answer; the next request is served as ever."""
    async with house.open() as link, served(link):
        for junk in (b"\xff\x00", b"{}", b"\x1f\x8b\x08", b"[" * 5000):
            cloud.say(f"{BASE}/req", junk)
        assert (await ask(cloud, "swInfo"))["result"]["local"]["version"] == "1.2.3"
        assert link.requests.malformed == 4
        assert len(cloud.on(f"{BASE}/res")) == 1


async def test_a_repeated_request_is_answered_again_but_not_done_again(
    house: House, cloud: OtherSide
) -> None:
    """The same bytes are the same request; the same id with another content is not."""
    done = Outcome(Status.DONE, "", True)
    params = {"id": RELAY_ID, "cmd": "on"}
    async with house.open() as link, served(link, done) as commands:
        first = await ask(cloud, "controlActuator", params)
        assert await ask(cloud, "controlActuator", params) == first
        assert len(commands) == 1
        await ask(cloud, "controlActuator", {"id": RELAY_ID, "cmd": "off"})
        assert len(commands) == 2


async def test_a_request_that_is_under_way_is_not_started_twice(
    house: House, cloud: OtherSide
) -> None:
    """The copy is passed over; there is one command and one answer."""
    params = {"id": RELAY_ID, "cmd": "on"}
    request = json.dumps({"id": "c1", "method": "controlActuator", "params": params}).encode()
    async with house.open() as link, served(link) as commands:
        cloud.say(f"{BASE}/req", request)
        cloud.say(f"{BASE}/req", request)
        await ask(cloud, "swInfo")
        assert len(commands) == 1
        await link.reply(commands[0], Outcome(Status.DONE, "", True))
        await cloud.wait(f"{BASE}/res", 2)
        await ask(cloud, "swInfo", id="a2")
    assert len(cloud.on(f"{BASE}/res")) == 3


async def test_the_machine_is_managed_only_as_allowed(house: House, cloud: OtherSide) -> None:
    """The answer leaves before the deed; what is not allowed is an unknown method."""
    heard_before: list[int] = []

    async def restart() -> None:
        await cloud.wait(f"{BASE}/res")
        heard_before.append(len(cloud.on(f"{BASE}/res")))

    house.manage["restart"] = restart
    async with house.open() as link, served(link):
        assert await ask(cloud, "restart") == {"id": "a1", "result": ""}
        assert (await ask(cloud, "poweroff"))["error"]["code"] == -32601
    assert heard_before == [1]


async def test_a_retained_request_is_not_carried_out(house: House, cloud: OtherSide) -> None:
    """Nobody knows how old it is; yesterday's command is a hazard."""
    params = {"id": RELAY_ID, "cmd": "on"}
    old = json.dumps({"id": "old", "method": "controlActuator", "params": params}).encode()
    cloud.say(f"{BASE}/req", old, is_retained=True)
    await cloud.wait(f"{BASE}/req")
    async with house.open() as link, served(link) as commands:
        await ask(cloud, "swInfo")
        assert commands == []
    cloud.say(f"{BASE}/req", b"", is_retained=True)
    await cloud.wait(f"{BASE}/req", 3)


# Configuration.


async def test_every_channel_is_wanted_unless_skipped(house: House) -> None:
    """A technician who maps nothing sees everything."""
    assert subscription(replace(house.config, sensors={}, actuators={}), CHANNELS) == set(CHANNELS)
    skipping = replace(house.config, sensors={T: NameEntry(skip=True)})
    assert subscription(skipping, CHANNELS) == {DI, RELAY}


@pytest.mark.parametrize(
    "change",
    [
        {"sensors": {T: NameEntry(id="a b")}},
        {"gateway_id": "a/b"},
        {"report_interval": 0.0},
        {"validity_factor": 0.5},
        {"port": 0},
    ],
)
async def test_what_cannot_work_is_a_configuration_error(
    house: House, change: Mapping[str, Any]
) -> None:
    """Known before anything connects."""
    with pytest.raises(ConfigError):
        subscription(replace(house.config, **change), CHANNELS)
