"""Who listens to this gateway's own things: texts, their order, their size."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from gatewayd.board import Board
from gatewayd.clouds.thethingsio.codec import WRITE_BYTES_MAX, Entry, encode_time
from gatewayd.clouds.thethingsio.commanding import command_own
from gatewayd.clouds.thethingsio.local import KEEP_ALIVE_MS_MIN
from gatewayd.clouds.thethingsio.local_stream import WAITING_MAX, Subscriptions, texts_of
from gatewayd.clouds.thethingsio.local_view import View
from gatewayd.clouds.thethingsio.names import Resource, Rules, name_channels
from gatewayd.clouds.thethingsio.rest_errors import Invalid
from gatewayd.clouds.thethingsio.stream import (
    KEEP_ALIVE,
    SUBSCRIBED,
    KeepAlive,
    Subscribed,
    Written,
    decode_event,
)
from gatewayd.model import Channel, ChannelId, Reading
from tests.clouds.thethingsio.local_room import (
    LAMP,
    PASSWORD,
    PUMP,
    UPLINK,
    VALVE,
    opened,
    wait_posted,
)
from tests.gatewayd.console.rooms import WAIT_S, open_room

T = ChannelId("a/t")
NAMES = name_channels({T: Channel(T, "temperature", "Cel")}, {}, {}, Rules())
OUTPUT = Resource(ChannelId("pump/relay"), f"{PUMP}_state", "", PUMP, f"{PUMP}_ack")
ROW = {"key": "a.t", "value": 2.0, "datetime": "1970-01-01T00:00:00.002Z"}


class Watched(Board):
    """A board that tells how many look at it."""

    @property
    def watchers(self) -> int:
        return len(self._watchers)


@pytest.fixture
def board() -> Watched:
    """One with a value from before anybody listened."""
    board = Watched()
    board.post([Reading(T, 1, 1.0)])
    return board


@pytest.fixture
def subscriptions(board: Board) -> Subscriptions:
    """Everybody who listens: nobody yet."""
    return Subscriptions(View(NAMES, board), board)


async def next_of(texts: AsyncIterator[bytes]) -> object:
    return json.loads(await anext(texts))


async def test_a_listener_hears_what_comes_and_not_what_was(
    subscriptions: Subscriptions, board: Board
) -> None:
    """The confirmation first; several readings at once are one text."""
    async with aclosing(subscriptions.listen(60.0)) as texts:
        assert await anext(texts) == SUBSCRIBED
        board.post([Reading(T, 2, 2.0)])
        assert await next_of(texts) == [ROW]
        board.post([Reading(T, 3, 3.0)])
        board.post([Reading(T, 4, 4.0)])
        told = await next_of(texts)
        assert isinstance(told, list)
        assert [row["value"] for row in told] == [3.0, 4.0]


async def test_silence_is_filled_although_the_board_stirs(
    subscriptions: Subscriptions, board: Board
) -> None:
    """What is seen and no news wakes a listener and is no sign of life."""

    async def stir() -> None:
        while True:
            board.see([Reading(T, 2, 1.0)])
            await asyncio.sleep(0.01)

    async with aclosing(subscriptions.listen(0.3)) as texts, asyncio.TaskGroup() as tasks:
        await anext(texts)
        stirring = tasks.create_task(stir())
        async with asyncio.timeout(WAIT_S):
            assert await anext(texts) == KEEP_ALIVE
            assert await anext(texts) == KEEP_ALIVE
        stirring.cancel()


async def test_a_write_is_one_text_and_comes_before_its_effect(
    subscriptions: Subscriptions, board: Board
) -> None:
    """As it was written: no time where the writer gave none."""
    async with aclosing(subscriptions.listen(60.0)) as texts:
        await anext(texts)
        board.post([Reading(T, 2, 2.0)])
        subscriptions.tell([Entry("LED", "ON")])
        assert await anext(texts) == b'[{"key":"LED","value":"ON"}]'
        assert await next_of(texts) == [ROW]


async def test_who_does_not_read_fills_no_memory(subscriptions: Subscriptions) -> None:
    """The oldest writes go."""
    async with aclosing(subscriptions.listen(60.0)) as texts:
        await anext(texts)
        for number in range(WAITING_MAX + 5):
            subscriptions.tell([Entry("LED", number)])
        assert await next_of(texts) == [{"key": "LED", "value": 5}]


async def test_who_has_left_is_forgotten(subscriptions: Subscriptions, board: Watched) -> None:
    """The board tells nobody then."""
    async with aclosing(subscriptions.listen(60.0)) as texts:
        await anext(texts)
        assert board.watchers == 1
    assert board.watchers == 0


def test_texts_are_bounded_and_leave_nothing_out() -> None:
    """A client gives up on one that is too long; one value alone may be as long as it is."""
    entries = [Entry("a", "x" * 1000, number) for number in range(200)]
    entries.insert(7, Entry("a", "x" * WRITE_BYTES_MAX, 7))
    texts = list(texts_of(entries))
    assert sorted(map(len, texts))[-2] < 1.1 * WRITE_BYTES_MAX
    assert sum(len(json.loads(text)) for text in texts) == len(entries)
    assert list(texts_of([])) == []


def _rows(push: object) -> list[dict[str, object]]:
    assert isinstance(push, list)
    return push


# Heard by an app.


async def test_a_listener_hears_a_sensor(tmp_path: Path) -> None:
    """Every value with its time, as the link would have written it."""
    async with opened(tmp_path) as (room, thing), thing.listen() as pushes:
        readings: list[dict[str, object]] = []
        async with asyncio.timeout(WAIT_S):
            while not readings:
                push = _rows(await anext(pushes))
                readings = [row for row in push if row["key"] == "hall.temperature"]
        known = room.gateway.board.panel(ChannelId("hall/temperature"))
        assert known is not None
        values = {encode_time(each.time_ms): each.value for each in known.history}
        assert all(values[str(row["datetime"])] == row["value"] for row in readings)


async def test_each_text_is_a_chunk_and_silence_is_filled(tmp_path: Path) -> None:
    """The vendor's own client parses chunk by chunk, and compares the two bytes of the last."""
    more = 'devices = ["pump"]'
    async with open_room(tmp_path, None, UPLINK.format(more=more)) as room:
        await wait_posted(room, "pump/relay", "pump/lamp")
        url = f"{room.address}thethingsio/v2/things/any"
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        async with asyncio.timeout(WAIT_S), room.session.get(f"{url}?keepAlive=1") as told:
            assert (told.status, told.content_type) == (200, "application/json")
            chunks = told.content.iter_chunks()

            async def text() -> bytes:
                data, is_whole = await anext(chunks)
                assert is_whole
                return data

            first = await text()
            assert first == b'{"status":"success","message":"subscribed"}'
            assert isinstance(decode_event(first), Subscribed)
            assert isinstance(decode_event(await text()), KeepAlive)
            assert loop.time() - begun_s >= KEEP_ALIVE_MS_MIN / 1000
            body = {"values": [{"key": "big-pump", "value": "ON"}]}
            await room.post("thethingsio/v2/things/any", body, 201)
            pushed: dict[str, object] = {}
            while "pump-runs" not in pushed or "big-pump_ack" not in pushed:
                event = decode_event(await text())
                if isinstance(event, Written):
                    pushed |= {entry.key: entry.value for entry in event.entries}
            assert pushed == {
                "big-pump": "ON",
                "pump-runs": 1,
                "big-pump_ack": "done: goes off in 1h",
            }


async def test_whoever_moves_an_output_listeners_see_it(tmp_path: Path) -> None:
    """The console's own page, a cloud, or the end of a hold."""
    async with opened(tmp_path) as (room, thing), thing.listen() as pushes:
        bearer = {"Authorization": f"Bearer {PASSWORD}"}
        await room.post("api/outputs/pump/lamp", {"value": True}, headers=bearer)
        async with asyncio.timeout(WAIT_S):
            while not any(_is_lamp_on(row) for row in _rows(await anext(pushes))):
                pass


def _is_lamp_on(row: dict[str, object]) -> bool:
    return (row["key"], row["value"]) == (f"{LAMP}_state", 1)


async def test_an_app_that_waits_for_the_gateways_word_gets_it(tmp_path: Path) -> None:
    """As `gatewayd cloud thethingsio control` does, at the cloud or here."""
    async with opened(tmp_path) as (room, thing):
        told = await command_own(thing, OUTPUT, "on", WAIT_S)
        assert (told.is_done, told.words) == (True, "done: goes off in 1h")
        assert room.plant.relays()["relay"]


async def test_a_refused_write_is_not_shown_as_written(tmp_path: Path) -> None:
    """Listeners hear why, and nothing that an app could take for the output's value."""
    async with opened(tmp_path) as (_, thing):
        await thing.write([Entry(PUMP, "on")])
        async with thing.listen() as pushes:
            with pytest.raises(Invalid):
                await thing.write([Entry(VALVE, "on")])
            seen: dict[str, object] = {}
            async with asyncio.timeout(WAIT_S):
                while f"{VALVE}_ack" not in seen:
                    seen |= {str(row["key"]): row["value"] for row in _rows(await anext(pushes))}
            assert str(seen[f"{VALVE}_ack"]).startswith("refused: ")
            assert VALVE not in seen
            assert seen.get(f"{VALVE}_state", 0) == 0


async def test_a_keep_alive_is_a_number(tmp_path: Path) -> None:
    """Refused before a stream is opened."""
    async with open_room(tmp_path) as room:
        told = await room.get("thethingsio/v2/things/any?keepAlive=often", 400)
        assert told == {"status": "error", "code": 400, "message": "keepAlive is not a number"}
