"""What the thethings.iO link hears over HTTP: pushes, echoes, repeats, silence, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.errors import LinkDenied, LinkLost, Throttled
from gatewayd.fields import Secret
from gatewayd.model import (
    Outcome,
    Status,
)
from tests.clouds.thethingsio.little_cloud import CODE, TOKEN, LittleCloud, little_cloud
from tests.live.thing_house import DI, DONE, OFF, ON, RELAY, House, T, iso, served


@pytest.fixture
async def cloud() -> AsyncIterator[LittleCloud]:
    async with little_cloud() as cloud:
        yield cloud


@pytest.fixture
async def house(cloud: LittleCloud, tmp_path: Path) -> House:
    return House(tmp_path, cloud.url)


# Commands.


@pytest.mark.parametrize("cut", [0, 1, 2, 7])
async def test_a_push_is_a_command_however_it_is_cut(
    house: House, cloud: LittleCloud, cut: int
) -> None:
    """One write is one command, also byte by byte; what became of it is told."""
    cloud.cut = cut
    async with house.open() as link, served(link, DONE) as got:
        await cloud.wait_until(lambda: cloud.reads > 0)
        await cloud.write(ON)
        command = (await got.wait(1))[0]
        assert (command.origin, command.channel, command.value) == ("up", RELAY, "ON")
        await cloud.wait_until(lambda: bool(cloud.of("pump.relay_ack")))
        await cloud.write(OFF)
        assert [each.value for each in await got.wait(2)] == ["ON", "OFF"]
    assert cloud.of("pump.relay_state")[0] == 1
    assert cloud.of("pump.relay_ack")[0] == "done"


async def test_joined_pushes_are_taken_apart(house: House, cloud: LittleCloud) -> None:
    """Several texts in one chunk, with space between, and several values in one text."""
    async with house.open() as link, served(link) as got:
        await cloud.wait_until(lambda: cloud.reads > 0)
        await cloud.say(f"{json.dumps([ON, OFF])} \n{{}}{json.dumps([ON])}")
        assert [each.value for each in await got.wait(3)] == ["ON", "OFF", "ON"]


async def test_our_own_writes_are_no_commands(house: House, cloud: LittleCloud) -> None:
    """Everything we write comes back; none of it, nor any other resource, moves anything."""
    cloud.cut = 3
    async with house.open(quality="_q") as link, served(link, DONE) as got:
        await cloud.wait_until(lambda: cloud.reads > 0)
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
        await cloud.wait_until(lambda: cloud.reads > 0)
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
        first, second = await got.wait(2)
        assert first == second


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
        async with house.open(timeout=0.2, keep_alive=0.1):
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
