"""What others write to a thing, as commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.board import Board
from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.handled import load_taken
from gatewayd.clouds.thethingsio.names import Rules, name_channels
from gatewayd.clouds.thethingsio.requests import (
    OPEN_MAX,
    PUSH_S,
    REPEAT_S,
    Requests,
    command_value,
    load_requests,
)
from gatewayd.model import Access, Channel, ChannelId, Command
from gatewayd.setpoint import TEXT_MAX
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.uplink import Premises

OUT = ChannelId("pump/relay")
CHANNELS = {OUT: Channel(OUT, "switch", access=Access.WRITE)}
NAMES = name_channels(CHANNELS, {}, {}, Rules())
ON, OFF = Entry("pump.relay", "ON"), Entry("pump.relay", "OFF")


class House:
    """A gateway with one output, and the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SimulatedClock()
        self.cloud_time = CloudTime(self.clock)

    async def connect(self) -> Requests:
        premises = Premises("up", "gw", "", "1", CHANNELS, Board(), self.clock, self.folder, {})
        return await load_requests(premises, NAMES, self.cloud_time)


async def taken(commands: AsyncIterator[Command], count: int) -> list[Command]:
    """Return the next commands; there must be no more of them now."""
    found = [await anext(commands) for _ in range(count)]
    return found


async def none_left(commands: AsyncIterator[Command]) -> bool:
    """Return whether nothing comes for an hour."""
    try:
        async with asyncio.timeout(3600):
            await anext(commands)
    except TimeoutError:
        return True
    return False


def test_a_push_becomes_a_command(tmp_path: Path) -> None:
    """Only of what commands an output: our own writes come back too."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        commands = requests.commands([])
        await requests.take([Entry("pump.relay_state", 1), Entry("x", 1), ON, OFF])
        first, second = await taken(commands, 2)
        assert (first.origin, first.channel, first.value, first.issued_ms) == (
            "up",
            OUT,
            "ON",
            None,
        )
        assert second.value == "OFF"
        assert await none_left(commands)

    run_simulated(main())


def test_a_repeat_is_equal_to_the_first(tmp_path: Path) -> None:
    """At once after it and with the same value; later, or with another between, it is new."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        commands = requests.commands([])
        found = []
        for entry, wait_s in ((ON, 0.1), (ON, REPEAT_S + 1), (ON, 0.1), (OFF, 0.1), (ON, 0)):
            await requests.take([entry])
            found += await taken(commands, 1)
            await asyncio.sleep(wait_s)
        first, again, later, off, after = found
        assert first == again
        assert len({each.request_id for each in (first, later, off, after)}) == 4

    run_simulated(main())


def test_a_dated_push_is_its_time(tmp_path: Path) -> None:
    """The same content and time is the same command, also after another and on another link."""

    async def main() -> None:
        house = House(tmp_path)
        dated = ON._replace(time_ms=START_MS + 5)
        found = []
        for _ in range(2):
            requests = await house.connect()
            commands = requests.commands([])
            await requests.take([dated, OFF, dated])
            found += await taken(commands, 3)
        assert found[0] == found[2] == found[3] == found[5]
        assert found[0].issued_ms == START_MS + 5

    run_simulated(main())


def test_ids_of_two_connections_differ(tmp_path: Path) -> None:
    """The desk remembers those of the first for ten minutes."""

    async def main() -> None:
        house, ids = House(tmp_path), set()
        for _ in range(3):
            requests = await house.connect()
            await requests.take([ON])
            ids |= {each.request_id for each in await taken(requests.commands([]), 1)}
            await asyncio.sleep(1)
        assert len(ids) == 3

    run_simulated(main())


def test_a_missed_command_comes_first(tmp_path: Path) -> None:
    """With its time; not again on the next connection."""

    async def main() -> None:
        house = House(tmp_path)
        row = ON._replace(time_ms=START_MS - 20_000)
        requests = await house.connect()
        commands = requests.commands([row, Entry("pump.relay_state", 1, START_MS)])
        (missed,) = await taken(commands, 1)
        assert (missed.value, missed.issued_ms) == ("ON", START_MS - 20_000)
        assert await none_left(commands)
        assert await none_left((await house.connect()).commands([row]))

    run_simulated(main())


def test_what_is_pushed_is_newer_than_what_was_missed(tmp_path: Path) -> None:
    """A row read back after a push arrived is that push, or older."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        await requests.take([OFF])
        commands = requests.commands([ON._replace(time_ms=START_MS)])
        assert [each.value for each in await taken(commands, 1)] == ["OFF"]
        assert await none_left(commands)

    run_simulated(main())


@pytest.mark.parametrize(
    ("push", "age_ms", "is_same"),
    [
        (ON, 100, True),
        (ON._replace(time_ms=START_MS - 100), 100, True),
        (ON, 20_000, False),
        (OFF, 100, False),
        (ON._replace(time_ms=START_MS - 50), 100, False),
    ],
)
def test_a_row_that_is_pushed_a_moment_later_is_one_command(
    tmp_path: Path, push: Entry, age_ms: int, *, is_same: bool
) -> None:
    """If it was written just now and says the same; an older row and a new push are two."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        commands = requests.commands([ON._replace(time_ms=START_MS - age_ms)])
        (row,) = await taken(commands, 1)
        await requests.take([push])
        (pushed,) = await taken(commands, 1)
        assert (pushed == row) is is_same

    run_simulated(main())


def test_a_row_whose_push_is_on_the_way_is_left_to_it(tmp_path: Path) -> None:
    """Two writes in the moment of connecting: in their order, none twice, no glitch."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        commands = requests.commands([ON._replace(time_ms=START_MS - 100)])
        waiting = asyncio.ensure_future(anext(commands))
        await asyncio.sleep(PUSH_S / 2)
        await requests.take([OFF, ON])
        found = [await waiting, *await taken(commands, 1)]
        assert [each.value for each in found] == ["OFF", "ON"]
        assert await none_left(commands)

    run_simulated(main())


def test_what_is_taken_is_kept_before_it_is_carried_out(tmp_path: Path) -> None:
    """A power cut by the very relay that is switched does not switch it again."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        await requests.take([ON])
        await taken(requests.commands([]), 1)
        assert set(load_taken(tmp_path)) == {"pump.relay"}

    run_simulated(main())


@pytest.mark.parametrize(
    ("row", "is_dated"),
    [
        (ON._replace(time_ms=START_MS + 60_000), True),
        (ON._replace(time_ms=START_MS - 2_500), True),
        (ON._replace(time_ms=START_MS - 20_000), False),
        (OFF._replace(time_ms=START_MS), False),
        (ON, False),
        (Entry("x", "ON", START_MS), False),
    ],
)
def test_a_command_gets_the_time_of_its_row(tmp_path: Path, row: Entry, *, is_dated: bool) -> None:
    """Whatever the cloud's clock says; not that of another row, nor of an old one."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        await requests.take([ON])
        await taken(requests.commands([]), 1)
        await asyncio.sleep(3)
        await requests.date(row)
        [kept] = load_taken(tmp_path).values()
        assert (kept.is_dated, kept.time_ms) == (is_dated, row.time_ms if is_dated else START_MS)

    run_simulated(main())


def test_commands_go_on_when_they_cannot_be_kept(tmp_path: Path) -> None:
    """A full card is no reason to leave a pump running."""

    async def main() -> None:
        (tmp_path / "file").write_text("")
        requests = await House(tmp_path / "file" / "below").connect()
        await requests.take([OFF])
        assert len(await taken(requests.commands([]), 1)) == 1

    run_simulated(main())


def test_a_flood_waits(tmp_path: Path) -> None:
    """No more than the limit is held; what comes then waits in the network."""

    async def main() -> None:
        requests = await House(tmp_path).connect()
        flood = asyncio.ensure_future(requests.take([ON, OFF] * OPEN_MAX))
        await asyncio.sleep(1)
        assert not flood.done()
        commands = requests.commands([])
        values = [each.value for each in await taken(commands, 2 * OPEN_MAX)]
        assert values == ["ON", "OFF"] * OPEN_MAX
        await flood

    run_simulated(main())


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("ON", "ON"),
        (True, True),
        (1, 1),
        (0.5, 0.5),
        ({"red": 255, "green": 0.5}, {"red": 255, "green": 0.5}),
        (None, "null"),
        ([1, 2], "[1,2]"),
        ({}, "{}"),
        ({"a": True}, '{"a":true}'),
        (["x" * 1000], '["' + "x" * (TEXT_MAX - 2)),
    ],
)
def test_any_value_is_something_to_answer(value: Any, found: object) -> None:
    """What no output takes reaches the desk as text, and its sentence reaches the app."""
    assert command_value(value) == found
