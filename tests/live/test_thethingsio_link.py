"""The thethings.iO link over HTTP, against a small server that does what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.board import Board
from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.link import Config, ThethingsioLink, open_link, subscription
from gatewayd.clouds.thethingsio.names import NameEntry
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
from gatewayd.uplink import Premises
from tests.clouds.thethingsio.little_cloud import CODE, TOKEN, LittleCloud, Trouble, little_cloud

T, DI, GPS = ChannelId("boiler/temp"), ChannelId("boiler/door"), ChannelId("van/position")
RELAY = ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    DI: Channel(DI, "door"),
    GPS: Channel(GPS, "location"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}
ON = {"key": "pump.relay", "value": "ON"}
OFF = {"key": "pump.relay", "value": "OFF"}
DONE = Outcome(Status.DONE, "", True, is_verified=True)


def iso(time_ms: float) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class House:
    """The gateway around a link."""

    folder: Path
    url: str
    board: Board = field(default_factory=Board)
    clock: SystemClock = field(default_factory=SystemClock)
    seq: int = 0

    @property
    def config(self) -> Config:
        return Config(
            token=Secret(TOKEN),
            rest_url=self.url,
            keep_alive=5.0,
            timeout=5.0,
            report_interval=0.0,
            describe=False,
            quality="",
        )

    @property
    def premises(self) -> Premises:
        return Premises(
            uplink="up",
            gateway_id="b827eb000001",
            gateway_name="Boiler room 3",
            version="1.2.3",
            channels=CHANNELS,
            board=self.board,
            clock=self.clock,
            state_dir=self.folder,
            manage={},
        )

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[ThethingsioLink]:
        async with open_link(replace(self.config, **changes), self.premises) as link:
            yield link

    def reading(
        self, channel: ChannelId, value: Value | None, quality: Quality = Quality.GOOD
    ) -> Reading:
        reading = Reading(channel, self.clock.now_ms(), value, quality)
        self.board.post([reading])
        return reading

    def batch(self, *readings: Reading) -> Batch:
        """Return the next rows of the outbox."""
        first, self.seq = self.seq + 1, self.seq + len(readings)
        return Batch("up", range(first, self.seq + 1), readings, self.seq)


@pytest.fixture
async def cloud() -> AsyncIterator[LittleCloud]:
    async with little_cloud() as cloud:
        yield cloud


@pytest.fixture
async def house(cloud: LittleCloud, tmp_path: Path) -> House:
    return House(tmp_path, cloud.url)


@dataclass
class Served:
    """The commands that came out of a link; the link's end is in `tasks`."""

    commands: list[Command] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, count: int) -> list[Command]:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: len(self.commands) >= count)
        return self.commands


@asynccontextmanager
async def served(link: ThethingsioLink, outcome: Outcome | None = None) -> AsyncIterator[Served]:
    """Tend a link and take its commands, and answer each with the outcome if there is one."""
    got = Served()

    async def serve() -> None:
        async for command in link.commands():
            async with got.news:
                got.commands.append(command)
                got.news.notify_all()
            if outcome:
                await link.reply(command, outcome)

    tasks = [asyncio.ensure_future(serve()), asyncio.ensure_future(link.tend())]
    try:
        yield got
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, LinkLost, LinkDenied):
                await task


# Writes.


async def test_values_are_written_with_their_times(house: House, cloud: LittleCloud) -> None:
    """One write a batch: a switch is a number, a position has its place, an output its state."""
    rows: list[tuple[ChannelId, Value]] = [
        (T, 20.5),
        (DI, True),
        (GPS, {"lat": 60.2, "lng": 24.9}),
        (RELAY, False),
    ]
    async with house.open() as link:
        readings = [Reading(channel, 1000 + i, value) for i, (channel, value) in enumerate(rows)]
        await link.send(house.batch(*readings))
    place = {"lat": 60.2, "long": 24.9}
    assert cloud.writes[0] == [
        {"key": "boiler.temp", "value": 20.5, "datetime": iso(1000)},
        {"key": "boiler.door", "value": 1, "datetime": iso(1001)},
        {"key": "van.position", "value": rows[2][1], "datetime": iso(1002), "geo": place},
        {"key": "pump.relay_state", "value": 0, "datetime": iso(1003)},
    ]


async def test_the_thing_is_where_its_position_is(house: House, cloud: LittleCloud) -> None:
    """`$geo` is written alone, longitude first, and only when it has changed."""
    async with house.open() as link:
        for time_ms, lat in ((1000, 60.0), (2000, 60.0), (3000, 61.0)):
            await link.send(house.batch(Reading(GPS, time_ms, {"lat": lat, "lng": 24.9})))
    told = [write for write in cloud.writes if write[0]["key"] == "$geo"]
    assert told == [
        [{"key": "$geo", "value": {"type": "Point", "coordinates": [24.9, 60.0]}}],
        [{"key": "$geo", "value": {"type": "Point", "coordinates": [24.9, 61.0]}}],
    ]


async def test_a_refused_position_is_no_refused_reading(house: House, cloud: LittleCloud) -> None:
    """The value itself was taken before."""
    async with house.open() as link:
        batch = house.batch(Reading(GPS, 1000, {"lat": 60.0, "lng": 24.9}))
        sending = asyncio.ensure_future(link.send(batch))
        await cloud.wait_until(lambda: len(cloud.writes) == 1)
        cloud.troubles.append(Trouble(400))
        await sending
    assert [write[0]["key"] for write in cloud.writes] == ["van.position"]


async def test_the_thing_knows_who_writes(house: House, cloud: LittleCloud) -> None:
    """In a corner of its settings; a cloud that does not want it is no reason to stop."""
    async with house.open(describe=True):
        pass
    about = {"id": "b827eb000001", "name": "Boiler room 3", "version": "1.2.3"}
    assert cloud.writes == [[{"key": "$settings.gatewayd", "value": about}]]
    cloud.troubles.append(Trouble(400))
    async with house.open(describe=True) as link:
        await link.send(house.batch(house.reading(T, 1.0)))


@pytest.mark.parametrize(
    ("changes", "query"),
    [
        ({}, {}),
        ({"store": False}, {"store": "false"}),
        ({"broadcast": False}, {"broadcast": "false"}),
    ],
)
async def test_store_and_broadcast_are_the_owners(
    house: House, cloud: LittleCloud, changes: dict[str, bool], query: dict[str, str]
) -> None:
    """For reports; what became of a command is always shown."""
    async with house.open(**changes) as link:
        await link.send(house.batch(house.reading(T, 1.0)))
        await link.reply(Command("up", "1", RELAY, True), DONE)
    assert cloud.queries == [query, {}]


async def test_faults_are_told_when_they_change(house: House, cloud: LittleCloud) -> None:
    """Beside the value, once, with the time of the reading that said so."""
    qualities = [Quality.GOOD, Quality.GOOD, Quality.ABSENT, Quality.ABSENT, Quality.GOOD]
    async with house.open(quality="_quality") as link:
        for i, quality in enumerate(qualities):
            value = 1.0 if quality.has_value else None
            await link.send(house.batch(Reading(T, 1000 + i, value, quality)))
    told = [(e["datetime"], e["value"]) for e in cloud.values if e["key"] == "boiler.temp_quality"]
    assert told == [(iso(1000), "good"), (iso(1002), "absent"), (iso(1004), "good")]
    assert len(cloud.of("boiler.temp")) == 3


async def test_a_batch_is_several_writes_of_limited_size(house: House, cloud: LittleCloud) -> None:
    """None longer than 64 KiB, in order, and nothing twice."""
    texts = [Reading(DI, 1000 + i, f"{i:04}" + "x" * 1000) for i in range(150)]
    async with house.open(batch_max=150) as link:
        await link.send(house.batch(*texts))
    assert len(cloud.writes) == 3
    assert all(len(json.dumps({"values": write})) < 70_000 for write in cloud.writes)
    assert cloud.of("boiler.door") == [text.value for text in texts]


async def test_what_was_acknowledged_is_not_sent_again(house: House, cloud: LittleCloud) -> None:
    """A batch that is refused in its second write comes again in halves."""
    texts = [Reading(DI, 1000 + i, f"{i}" + "x" * 1000) for i in range(100)]
    batch = house.batch(*texts)
    async with house.open() as link:
        sending = asyncio.ensure_future(link.send(batch))
        await cloud.wait_until(lambda: len(cloud.writes) == 1)
        cloud.troubles.append(Trouble(400))
        with pytest.raises(BatchRefused) as caught:
            await sending
        assert caught.value.seqs == ()
        half = Batch("up", batch.seqs[:50], batch.readings[:50], batch.seqs[49])
        await link.send(half)
        rest = Batch("up", batch.seqs[50:], batch.readings[50:], batch.through)
        await link.send(rest)
    assert cloud.of("boiler.door") == [text.value for text in texts]


async def test_values_that_json_cannot_hold_are_refused_by_name(house: House) -> None:
    """Before anything is sent."""
    batch = house.batch(Reading(T, 1000, 1.0), Reading(T, 1001, float("nan")))
    async with house.open() as link:
        with pytest.raises(BatchRefused, match="finite") as caught:
            await link.send(batch)
    assert caught.value.seqs == (batch.seqs[1],)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Trouble(400, body="bad key"), BatchRefused),
        (Trouble(413), BatchRefused),
        (Trouble(401), LinkDenied),
        (Trouble(404), LinkDenied),
        (Trouble(410), LinkDenied),
        (Trouble(429), Throttled),
        (Trouble(408), LinkLost),
        (Trouble(500), LinkLost),
        (Trouble(503), LinkLost),
        (Trouble(302), LinkLost),
    ],
)
async def test_each_refusal_is_one_error(
    house: House, cloud: LittleCloud, trouble: Trouble, error: type[Exception]
) -> None:
    """And the next try is taken whole."""
    batch = house.batch(house.reading(T, 1.0))
    async with house.open() as link:
        cloud.troubles.append(trouble)
        with pytest.raises(error):
            await link.send(batch)
        await link.send(batch)
    assert cloud.of("boiler.temp") == [1.0]


async def test_a_throttled_write_waits_as_told(house: House, cloud: LittleCloud) -> None:
    """Retry-After if there is one, else a minute, doubled each time, until a write is taken."""
    waits = []
    cloud_says = [Trouble(429, {"Retry-After": "7"}), Trouble(429), Trouble(429)]
    batch = house.batch(house.reading(T, 1.0))
    async with house.open() as link:
        for _ in range(2):
            cloud.troubles.extend(cloud_says)
            for _ in cloud_says:
                with pytest.raises(Throttled) as caught:
                    await link.send(batch)
                waits.append(caught.value.retry_after_s)
            await link.send(batch)
    assert waits == [7, 120, 240] * 2


async def test_forbidden_is_a_limit_at_first_and_then_a_matter_of_rights(
    house: House, cloud: LittleCloud
) -> None:
    """The reference uses 403 for both."""
    batch = house.batch(house.reading(T, 1.0))
    async with house.open() as link:
        cloud.troubles.extend([Trouble(403)] * 3)
        for error in (Throttled, Throttled, LinkDenied):
            with pytest.raises(error):
                await link.send(batch)


async def test_a_hotels_login_page_takes_no_readings(house: House, cloud: LittleCloud) -> None:
    """200 without the cloud's own words is not success."""
    batch = house.batch(house.reading(T, 1.0))
    async with house.open() as link:
        cloud.troubles.append(Trouble(200))
        with pytest.raises(LinkLost):
            await link.send(batch)


async def test_a_hanging_write_is_a_lost_link(house: House, cloud: LittleCloud) -> None:
    """After the owner's timeout."""
    async with house.open(timeout=0.3) as link:
        cloud.is_hung = True
        with pytest.raises(LinkLost, match="in time"):
            await link.send(house.batch(house.reading(T, 1.0)))


async def test_when_values_are_due(house: House) -> None:
    """The first report at once, then at the interval; events, faults and backlogs at once."""
    async with house.open(report_interval=30.0, quality="_q") as link:
        first = house.batch(house.reading(T, 1.0))
        assert link.wait_s(first) == 0
        await link.send(first)
        assert 29 < link.wait_s(house.batch(house.reading(T, 2.0))) <= 30
        assert link.wait_s(house.batch(house.reading(T, 2.0), house.reading(DI, False))) == 0
        assert link.wait_s(house.batch(house.reading(RELAY, False))) == 0
        assert link.wait_s(house.batch(house.reading(T, None, Quality.FAULT))) == 0
        old = Reading(T, house.clock.now_ms() - 30_000, 2.0)
        assert link.wait_s(house.batch(old)) == 0


# Commands.


@pytest.mark.parametrize("cut", [0, 1, 2, 7])
async def test_a_push_is_a_command_however_it_is_cut(
    house: House, cloud: LittleCloud, cut: int
) -> None:
    """One write is one command, also byte by byte; what became of it is told."""
    cloud.cut = cut
    async with house.open() as link, served(link, DONE) as got:
        await cloud.write(ON)
        (command,) = await got.wait(1)
        assert (command.origin, command.channel, command.value) == ("up", RELAY, "ON")
        await cloud.wait_until(lambda: bool(cloud.of("pump.relay_ack")))
        await cloud.write(OFF)
        assert [each.value for each in await got.wait(2)] == ["ON", "OFF"]
    assert cloud.of("pump.relay_state")[0] == 1
    assert cloud.of("pump.relay_ack")[0] == "done"


async def test_joined_pushes_are_taken_apart(house: House, cloud: LittleCloud) -> None:
    """Several texts in one chunk, with space between, and several values in one text."""
    async with house.open() as link, served(link) as got:
        await cloud.say(f"{json.dumps([ON, OFF])} \n{{}}{json.dumps([ON])}")
        assert [each.value for each in await got.wait(3)] == ["ON", "OFF", "ON"]


async def test_our_own_writes_are_no_commands(house: House, cloud: LittleCloud) -> None:
    """Everything we write comes back; none of it, nor any other resource, moves anything."""
    cloud.cut = 3
    async with house.open(quality="_q") as link, served(link, DONE) as got:
        for value in (True, False):
            readings = [(T, 1.0), (DI, value), (RELAY, value)]
            await link.send(house.batch(*(house.reading(*each) for each in readings)))
        await cloud.write({"key": "somebody", "value": "ON"}, {"key": "pump.relay_x", "value": 1})
        await cloud.write(ON)
        assert len(await got.wait(1)) == 1
        await cloud.wait_until(lambda: bool(cloud.of("pump.relay_ack")))
        await cloud.write({**OFF, "key": "pump_relay"})
        await cloud.write(OFF)
        assert [each.value for each in await got.wait(2)] == ["ON", "OFF"]


async def test_a_repeated_push_is_the_same_command(house: House, cloud: LittleCloud) -> None:
    """Undated at once after the first, or with the same time: equal, so the desk does it once."""
    dated = {**OFF, "datetime": iso(house.clock.now_ms())}
    async with house.open() as link, served(link) as got:
        for entry in (ON, ON, dated, dated, ON):
            await cloud.write(entry)
        first, second, third, fourth, fifth = await got.wait(5)
        assert first == second
        assert third == fourth
        assert third.issued_ms is not None
        assert fifth.request_id not in (first.request_id, third.request_id)


async def test_nonsense_on_the_stream_is_passed_over(house: House, cloud: LittleCloud) -> None:
    """As long as it is JSON: whatever else it says, the next command is heard."""
    async with house.open() as link, served(link) as got:
        for text in ('[1,null,{"key":5}]', '{"a":1}', '[{"key":"pump.relay"}]', '{"values":3}'):
            await cloud.say(text)
        await cloud.write(ON)
        assert len(await got.wait(1)) == 1


@pytest.mark.parametrize("text", ["<html>", "]", "nul"])
async def test_what_is_no_json_ends_the_link(house: House, cloud: LittleCloud, text: str) -> None:
    """Nobody knows where the next text would begin."""
    async with house.open() as link:
        await cloud.say(text)
        with pytest.raises(LinkLost, match="no JSON"):
            await asyncio.wait_for(link.tend(), 5)


async def test_a_late_keep_alive_ends_the_link(house: House, cloud: LittleCloud) -> None:
    """Silence is not a quiet cloud: the keep-alive was promised."""
    async with house.open(keep_alive=0.1) as link:
        cloud.is_silent = True
        with pytest.raises(LinkLost, match="said nothing for"):
            await asyncio.wait_for(link.tend(), 5)


async def test_keep_alives_keep_the_link(house: House, cloud: LittleCloud) -> None:
    """A quiet hour is no reason to subscribe again."""
    async with house.open(keep_alive=0.05) as link, served(link) as got:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(got.wait(1), 1.5)  # Silence ends it after 1.1.
        await cloud.write(ON)
        await got.wait(1)
    assert cloud.subscribed == 1


async def test_an_ended_subscription_ends_the_link(house: House, cloud: LittleCloud) -> None:
    """The server may close it as it likes; the next link subscribes again."""
    async with house.open() as link:
        cloud.end_streams()
        with pytest.raises(LinkLost, match="ended"):
            await asyncio.wait_for(link.tend(), 5)


async def test_a_missed_command_is_read_back_once(house: House, cloud: LittleCloud) -> None:
    """What was written while nobody listened comes with its time; after that it is known."""
    async with house.open() as link, served(link) as got:
        await cloud.write(OFF)
        await got.wait(1)
    await cloud.write(ON)
    async with house.open() as link, served(link) as got:
        (command,) = await got.wait(1)
        assert (command.value, command.channel) == ("ON", RELAY)
        assert command.issued_ms == pytest.approx(house.clock.now_ms(), abs=5000)
    async with house.open() as link, served(link) as got:
        await cloud.write({"key": "pump.relay", "value": "LAST"})
        assert [each.value for each in await got.wait(1)] == ["LAST"]


@pytest.mark.parametrize("is_dated", [False, True])
async def test_what_was_pushed_is_not_read_back(
    house: House, cloud: LittleCloud, *, is_dated: bool
) -> None:
    """The next connection finds the row of what was done already: no second command."""
    entry = {**ON, "datetime": iso(house.clock.now_ms())} if is_dated else ON
    async with house.open() as link, served(link) as got:
        await cloud.write(entry)
        await got.wait(1)
    for _ in range(2):
        async with house.open() as link, served(link) as got:
            await cloud.write({"key": "pump.relay", "value": "NEXT"}, is_stored=False)
            assert [each.value for each in await got.wait(1)] == ["NEXT"]


async def test_a_row_that_is_pushed_too_is_one_command(house: House, cloud: LittleCloud) -> None:
    """Written in the moment of connecting, it comes both ways."""
    await cloud.write(ON)
    async with house.open() as link, served(link) as got:
        await got.wait(1)
        await cloud.say(json.dumps([ON]))
        await cloud.write(OFF)
        assert [each.value for each in await got.wait(2)] == ["ON", "OFF"]


async def test_a_clock_that_is_off_brings_no_command_twice(
    house: House, cloud: LittleCloud
) -> None:
    """Whether a row is the one that was pushed is asked of the cloud's own clock."""
    cloud.date = "Fri, 20 Nov 2026 11:00:00 GMT"
    async with house.open() as link, served(link) as got:
        await cloud.write(ON, is_stored=False)
        cloud.rows["pump.relay"] = [("2026-11-20T11:00:00.700Z", "ON")]
        await got.wait(1)
    async with house.open() as link, served(link) as got:
        await cloud.write(OFF)
        assert [each.value for each in await got.wait(1)] == ["OFF"]


async def test_a_refused_command_is_told_with_its_reason(house: House, cloud: LittleCloud) -> None:
    """And with the value that stands, so that the app's switch goes back."""
    house.reading(RELAY, False)
    refused = Outcome(Status.REFUSED, "pump/relay and valve/relay must never be on together")
    async with house.open() as link, served(link, refused):
        await cloud.write(ON)
        await cloud.wait_until(lambda: bool(cloud.of("pump.relay_ack")))
    assert cloud.of("pump.relay_ack") == [f"refused: {refused.detail}"]
    assert cloud.of("pump.relay_state") == [0]


@pytest.mark.parametrize("value", [None, [1, 2], {"a": "b"}, {"red": 255}, 10**15, "x" * 5000])
async def test_any_value_reaches_the_desk_somehow(
    house: House, cloud: LittleCloud, value: object
) -> None:
    """Which says to the app what is wrong with it."""
    async with house.open() as link, served(link) as got:
        await cloud.write({"key": "pump.relay", "value": value})
        (command,) = await got.wait(1)
        assert isinstance(command.value, str | int | dict)


# Credentials.


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_revoked_token_loses_no_reading_and_doubles_no_command(
    house: House, cloud: LittleCloud, status: int
) -> None:
    """In the middle of the run: LinkDenied, the batch stays; once it is good again all goes on."""
    batch = house.batch(house.reading(T, 1.0))
    async with house.open() as link, served(link) as got:
        await cloud.write(ON)
        await got.wait(1)
        cloud.denial = status
        for _ in range(2 if status == 403 else 0):
            with pytest.raises(Throttled):
                await link.send(batch)
        with pytest.raises(LinkDenied) as caught:
            await link.send(batch)
        assert TOKEN not in str(caught.value)
    with pytest.raises(LinkDenied) as caught:
        async with house.open():
            pass
    assert TOKEN not in str(caught.value)
    cloud.denial = 0
    async with house.open() as link, served(link) as got:
        await link.send(batch)
        await cloud.write(OFF)
        assert [each.value for each in await got.wait(1)] == ["OFF"]
    assert cloud.of("boiler.temp") == [1.0]


async def test_a_refusal_on_the_stream_denies_the_link(house: House, cloud: LittleCloud) -> None:
    """The status of such an answer is 200; its first text says otherwise."""
    cloud.first_text = '{"status":"error","code":401,"message":"bad token"}'
    with pytest.raises(LinkDenied, match="bad token"):
        async with house.open():
            pass


async def test_a_subscription_that_is_not_confirmed_is_a_lost_link(
    house: House, cloud: LittleCloud
) -> None:
    """A proxy that answers 200 and nothing else."""
    cloud.first_text = " "
    with pytest.raises(LinkLost, match="confirm"):
        async with house.open(timeout=0.2):
            pass


async def test_a_throttled_subscription_says_how_long(house: House, cloud: LittleCloud) -> None:
    """The supervisor waits for it."""
    cloud.denial = 429
    with pytest.raises(Throttled):
        async with house.open():
            pass


async def test_a_thing_is_activated_once(house: House, cloud: LittleCloud) -> None:
    """The token is kept for its owner only, before it is used, and used from then on."""
    changes = {"token": None, "activation_code": Secret(CODE), "product_id": "p1"}
    for _ in range(3):
        async with house.open(**changes) as link:
            await link.send(house.batch(house.reading(T, 1.0)))
    assert cloud.activations == [{"activationCode": CODE, "productId": "p1"}]
    (file,) = house.folder.glob("thing-*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {"thingToken": TOKEN}


# Configuration.


async def test_every_channel_is_wanted_unless_skipped(house: House) -> None:
    """A technician who maps nothing sees everything."""
    assert subscription(house.config, CHANNELS) == set(CHANNELS)
    skipping = replace(house.config, sensors={T: NameEntry(skip=True)})
    assert subscription(skipping, CHANNELS) == {DI, GPS, RELAY}
    assert subscription(replace(house.config, devices=["pump"]), CHANNELS) == {RELAY}


@pytest.mark.parametrize(
    "change",
    [
        {"token": None},
        {"activation_code": Secret(CODE)},
        {"sensors": {T: NameEntry(key="a b")}},
        {"sensors": {T: NameEntry(key="pump.relay")}},
        {"position": "boiler/temp"},
        {"position": "nobody/there"},
    ],
)
async def test_what_cannot_work_is_a_configuration_error(
    house: House, change: dict[str, Any]
) -> None:
    """Known before anything connects."""
    with pytest.raises(ConfigError):
        subscription(replace(house.config, **change), CHANNELS)
