"""What the thethings.iO link writes over HTTP, against a small server that does what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thethingsio.link import subscription
from gatewayd.clouds.thethingsio.names import NameEntry
from gatewayd.errors import BatchRefused, ConfigError, LinkDenied, LinkLost, Throttled
from gatewayd.fields import Secret
from gatewayd.model import (
    Batch,
    ChannelId,
    Command,
    Quality,
    Reading,
    Value,
)
from tests.clouds.thethingsio.little_cloud import CODE, LittleCloud, Trouble, little_cloud
from tests.live.thing_house import CHANNELS, DI, DONE, GPS, RELAY, House, T, iso


@pytest.fixture
async def cloud() -> AsyncIterator[LittleCloud]:
    async with little_cloud() as cloud:
        yield cloud


@pytest.fixture
async def house(cloud: LittleCloud, tmp_path: Path) -> House:
    return House(tmp_path, cloud.url)


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
