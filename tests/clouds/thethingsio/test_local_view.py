"""What a board says in the words of the cloud, and to an app that reads it here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatewayd.board import HISTORY, Board
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.local_view import View
from gatewayd.clouds.thethingsio.names import NameEntry, Rules, name_channels
from gatewayd.clouds.thethingsio.rest_errors import NotFound
from gatewayd.model import Access, Channel, ChannelId, Quality, Reading
from tests.clouds.thethingsio.local_room import (
    DAMP,
    PASSWORD,
    PUMP,
    damp_cellar,
    opened,
    wait_posted,
)
from tests.gatewayd.console.rooms import WAIT_S

T, OUT, TEXT = ChannelId("a/t"), ChannelId("a/out"), ChannelId("a/text")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    OUT: Channel(OUT, "switch", access=Access.WRITE),
    TEXT: Channel(TEXT, "text"),
}
NAMES = name_channels(CHANNELS, {"a/t": NameEntry(unit="K")}, {}, Rules(quality="_q"))


@pytest.fixture
def board() -> Board:
    """One on which nothing stands yet."""
    return Board()


@pytest.fixture
def view(board: Board) -> View:
    """What it says."""
    return View(NAMES, board)


def silent(time_ms: int, quality: Quality = Quality.TIMEOUT) -> Reading:
    return Reading(T, time_ms, None, quality)


def test_values_are_the_links_own(view: View, board: Board) -> None:
    """Scaled, the newest first, each with its time; what has no value is none."""
    board.post([Reading(T, 1, 20.0), silent(2), Reading(T, 3, 21.0)])
    assert view.rows("a.t") == [Entry("a.t", 294.15, 3), Entry("a.t", 293.15, 1)]


def test_the_reason_is_told_where_it_changes(view: View, board: Board) -> None:
    """Not with every reading of the same quality."""
    board.post([Reading(T, 1, 20.0), Reading(T, 2, 20.0), silent(3), silent(4)])
    assert view.rows("a.t_q") == [Entry("a.t_q", "timeout", 3), Entry("a.t_q", "good", 1)]


def test_an_output_shows_its_state_under_both_names(view: View, board: Board) -> None:
    """What commands it says what is; what became of commands the board does not know."""
    board.post([Reading(OUT, 1, True)])
    assert view.rows("a.out") == [Entry("a.out", 1, 1)]
    assert view.rows("a.out_state") == [Entry("a.out_state", 1, 1)]
    assert view.rows("a.out_ack") == []


def test_what_is_no_resource_is_told_from_what_has_no_value(view: View) -> None:
    """An empty list is an answer too."""
    assert view.rows("a.t") == []
    with pytest.raises(KeyError):
        view.rows("a/t")


def test_the_last_value_outlives_a_long_silence(view: View, board: Board) -> None:
    """As the cloud has it: with its own time, so that nobody takes it for a fresh one."""
    board.post([Reading(T, 1, 20.0)])
    board.post(silent(time_ms) for time_ms in range(2, HISTORY + 10))
    assert view.rows("a.t") == [Entry("a.t", 293.15, 1)]
    assert view.rows("a.t_q")[0].value == "timeout"


def test_a_value_that_no_json_holds_is_left_out(view: View, board: Board) -> None:
    """The link refuses it too."""
    board.post([Reading(T, 1, float("inf")), Reading(TEXT, 2, "x" * 70_000)])
    assert view.rows("a.t") == view.rows("a.text") == []


def test_news_are_what_came_since(view: View, board: Board) -> None:
    """Every reading once, of all channels in the order of time, reasons where they change."""
    board.post([Reading(T, 1, 20.0)])
    seen = view.seen()
    assert view.news(seen) == []
    board.post([Reading(T, 3, 21.0), silent(4), Reading(OUT, 2, True)])
    assert view.news(seen) == [
        Entry("a.out_state", 1, 2),
        Entry("a.out_state_q", "good", 2),
        Entry("a.t", 294.15, 3),
        Entry("a.t_q", "timeout", 4),
    ]
    assert view.news(seen) == []


def test_who_looks_seldom_finds_what_is_left(view: View, board: Board) -> None:
    """The board's history is the limit; nothing is told twice."""
    board.post([Reading(T, 0, 1.0)])
    seen = view.seen()
    board.post(Reading(T, time_ms, 1.0) for time_ms in range(1, HISTORY + 50))
    times = [entry.time_ms for entry in view.news(seen)]
    assert times == list(range(50, HISTORY + 50))


# Read by an app.


async def test_a_sensor_is_read(tmp_path: Path) -> None:
    """Its newest values, the newest first; how good they are is a resource of its own."""
    async with opened(tmp_path) as (room, thing):
        await room.wait_reading()
        (row,) = await thing.rows("hall.temperature")
        latest = room.gateway.board.latest(ChannelId("hall/temperature"))
        assert latest is not None
        assert row.value == pytest.approx(21.0, abs=5)
        assert row.time_ms is not None
        assert 0 <= latest.time_ms - row.time_ms < WAIT_S * 1000
        (quality,) = await thing.rows("hall.temperature_quality")
        assert quality.value == "good"


async def test_rows_are_the_stretch_that_is_asked_for(tmp_path: Path) -> None:
    """The start included, the end not; one row where nobody says how many."""
    async with damp_cellar(tmp_path) as (_, thing, begin_ms):

        async def values(*asked: Any) -> list[Any]:
            return [row.value for row in await thing.rows("cellar.damp", *asked)]

        assert await values() == [5.0]
        assert await values(3) == [5.0, 4.0, 3.0]
        assert await values(1000, begin_ms) == [5.0, 4.0, 3.0, 2.0, 1.0]
        assert await values(1000, begin_ms + 1, begin_ms + 3) == [3.0, 2.0]
        assert await values(1000, begin_ms + 5) == []
        pages = [row.value async for row in thing.all_rows("cellar.damp", begin_ms)]
        assert pages == [5.0, 4.0, 3.0, 2.0, 1.0]


async def test_a_row_looks_like_the_clouds(tmp_path: Path) -> None:
    """Key, value, and an ISO time in milliseconds; dates may have any of the cloud's forms."""
    async with damp_cellar(tmp_path) as (room, _, _):
        room.gateway.board.post([Reading(DAMP, 2_600_000_000_123, 6.0)])
        place = f"thethingsio/v2/things/{PASSWORD}/resources/cellar.damp/"
        row = {"key": "cellar.damp", "value": 6.0, "datetime": "2052-05-22T14:13:20.123Z"}
        for date in ("20520522141320", "20520522T141320", "2052-05-22T14:13:20.123Z"):
            assert await room.get(f"{place}?limit=5&startDate={date}") == [row]
            (before,) = await room.get(f"{place}?endDate={date}")
            assert before["value"] == 5.0
        for wrong in ("limit=0", "limit=all", "startDate=x", "endDate=2017-01-16"):
            told = await room.get(f"{place}?{wrong}", 400)
            assert (told["status"], told["code"]) == ("error", 400)


async def test_an_old_value_is_never_a_fresh_one(tmp_path: Path) -> None:
    """A sensor that has fallen silent keeps its last row, and tells why."""
    async with damp_cellar(tmp_path) as (room, thing, begin_ms):
        room.gateway.board.post([Reading(DAMP, begin_ms + 60_000, None, Quality.TIMEOUT)])
        (row,) = await thing.rows("cellar.damp")
        assert (row.value, row.time_ms) == (5.0, begin_ms + 4)
        (reason,) = await thing.rows("cellar.damp_quality")
        assert (reason.value, reason.time_ms) == ("timeout", begin_ms + 60_000)


async def test_an_output_is_read_under_its_own_name(tmp_path: Path) -> None:
    """Both of its names say what is; a third what became of the last command."""
    async with opened(tmp_path) as (room, thing):
        await wait_posted(room, "pump/relay")
        assert (await thing.rows(PUMP))[0].value == 0
        assert await thing.rows(f"{PUMP}_ack") == []
        async with thing.listen() as pushes:
            await thing.write([Entry(PUMP, "on")])
            async with asyncio.timeout(WAIT_S):
                while (await thing.rows(PUMP))[0].value != 1:
                    await anext(pushes)
        (state,) = await thing.rows(f"{PUMP}_state")
        assert state.value == 1
        (ack,) = await thing.rows(f"{PUMP}_ack")
        assert ack.value == "done: goes off in 1h"
        assert ack.time_ms is not None
        assert await thing.rows(f"{PUMP}_ack", 1, ack.time_ms + 1) == []
        assert room.plant.relays()["relay"]


async def test_all_resources_have_their_last_values(tmp_path: Path) -> None:
    """Those that have any; what nobody knows is not found."""
    async with damp_cellar(tmp_path) as (_, thing, _):
        found = await thing.last_values(2)
        assert [row.value for row in found["cellar.damp"]] == [5.0, 4.0]
        assert found[PUMP][0].value == 0
        assert f"{PUMP}_ack" not in found
        assert set(found) <= set(await thing.keys())
        with pytest.raises(NotFound, match="Resource nothing not found"):
            await thing.rows("nothing")
