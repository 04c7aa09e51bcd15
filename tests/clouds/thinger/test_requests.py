"""Requests without a socket: floods, repeats, and whatever a broken server may ask."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import Answer, Event, Run, Sample
from gatewayd.clouds.thinger.events import Path as ResourcePath
from gatewayd.clouds.thinger.names import NameEntry, name_channels
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.clouds.thinger.requests import (
    ANSWER_S,
    WAITING_MAX,
    Desks,
    Requests,
)
from gatewayd.clouds.thinger.resources import list_nested, make_resources
from gatewayd.clouds.thinger.streams import Streams
from gatewayd.clouds.thinger.view import View
from gatewayd.errors import Malformed
from gatewayd.model import Command, Outcome, Status
from tests.frames.thinger.vectors import load_vectors, mutants
from tests.peers.house import CHANNELS, RELAY, House, T

RELAY_PATH: ResourcePath = ("relay",)
QUICK, SLOW = 3000, 100_000


class Desk:
    """Requests with what they say, and a house of which they tell."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder)
        sensors, actuators = {T: NameEntry(path="temperature")}, {RELAY: NameEntry(path="relay")}
        names = name_channels(CHANNELS, {str(T): sensors[T]}, {str(RELAY): actuators[RELAY]})
        resources = make_resources(names, {"restart"})
        self.streams = Streams(self.house.board)
        self.said: list[Event] = []
        self.requests = Requests(
            "up",
            "c1",
            resources,
            self.streams,
            Desks(
                self.said.append,
                lambda: View(self.house.board, names, self.house.clock.now_ms(), 0),
                lambda: list_nested(resources),
                lambda: None,
                0.5,
            ),
        )

    def ask(self, *events: Event) -> None:
        for event in events:
            self.requests.on_event(event)

    async def commands(self, count: int) -> list[Command]:
        taken = [await asyncio.wait_for(self.requests.next(), 1) for _ in range(count)]
        assert all(isinstance(item, Command) for item in taken)
        return [item for item in taken if isinstance(item, Command)]


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_flood_waits_only_so_far(desk: Desk) -> None:
    """The newest are refused at once, and nothing of them is kept."""
    desk.ask(*[Run(id, RELAY_PATH, id % 2 == 0) for id in range(1, 1001)])
    refused = [each for each in desk.said if isinstance(each, Answer) and not each.is_ok]
    assert len(refused) == 1000 - WAITING_MAX
    assert len(await desk.commands(WAITING_MAX)) == WAITING_MAX
    desk.requests.on_lost()
    assert await desk.requests.next() is None


async def test_a_repeat_has_the_same_id_only_for_a_while(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after, it is the same request; later the server has used its id again."""
    run = Run(5, RELAY_PATH, True)
    ids: list[str] = []
    for repeat_s in (5.0, 5.0, 0.0):
        monkeypatch.setattr("gatewayd.clouds.thinger.requests.REPEAT_S", repeat_s)
        desk.ask(run)
        (command,) = await desk.commands(1)
        ids.append(command.request_id)
        desk.requests.reply(command, Outcome(Status.DONE, value=True))
    assert ids[0] == ids[1] != ids[2]


async def test_requests_without_an_id_are_never_repeats(desk: Desk) -> None:
    """And never answered."""
    desk.ask(Run(0, RELAY_PATH, True), Run(0, RELAY_PATH, True))
    first, second = await desk.commands(2)
    assert first.request_id != second.request_id
    desk.requests.reply(first, Outcome(Status.DONE, value=True))
    assert desk.said == []


async def test_a_late_outcome_is_no_second_answer(desk: Desk) -> None:
    """The first said that nobody knew; the echo says how it ended."""
    desk.ask(Run(5, RELAY_PATH, True))
    (command,) = await desk.commands(1)
    now_s = asyncio.get_running_loop().time()
    due_s = desk.requests.next_s()
    assert due_s is not None
    assert now_s < due_s <= now_s + ANSWER_S
    desk.requests.expire(due_s - 0.001)
    assert desk.said == []
    desk.requests.expire(due_s)
    desk.requests.expire(due_s + 1)
    desk.requests.reply(command, Outcome(Status.DONE, value=True))
    (answer,) = desk.said
    assert isinstance(answer, Answer)
    assert not answer.is_ok
    assert desk.requests.next_s() is None


async def test_the_same_words_after_other_ones_are_a_new_command(desk: Desk) -> None:
    """On, off, on: the third is no repeat of the first, whatever its id."""
    desk.ask(Run(1, RELAY_PATH, True), Run(2, RELAY_PATH, False), Run(1, RELAY_PATH, True))
    assert [each.value for each in await desk.commands(3)] == [True, False, True]
    desk.ask(Run(1, (*RELAY_PATH, "blink")), Run(1, RELAY_PATH, True))
    ids = {each.request_id for each in await desk.commands(2)}
    assert len(ids) == 2


async def test_nothing_is_kept_of_what_is_answered(desk: Desk) -> None:
    """However many ids a server uses: one memory an output."""
    for id in range(1, 600):
        desk.ask(Run(id, RELAY_PATH, True))
        (command,) = await desk.commands(1)
        desk.requests.reply(command, Outcome(Status.REFUSED))
    assert len(desk.requests._last) == 1
    assert desk.requests._open == {}


async def test_a_write_through_a_stream_that_is_not_there_is_nothing(desk: Desk) -> None:
    """A stopped stream's last words may still be on the wire."""
    desk.ask(Sample(77, payload=True))
    desk.requests.on_lost()
    assert await desk.requests.next() is None
    assert desk.said == []


async def survive(desk: Desk, dialect: Dialect, count: int) -> None:
    """Ask everything that mutated frames mean, with hands that do it."""
    asked = 0
    for data in mutants(load_vectors(dialect.value, "server->device"), count):
        try:
            events = list(Codec(dialect).feed(data))
        except Malformed:
            continue
        asked += len(events)
        desk.ask(*events)
        while not desk.requests._waiting.empty():
            item = await desk.requests.next()
            if isinstance(item, Command):
                desk.requests.reply(item, Outcome(Status.DONE, value=item.value))
        view = desk.requests._desks.view()
        desk.said += desk.streams.due(view, asyncio.get_running_loop().time())
    assert asked > count / 20
    for event in desk.said:
        assert Codec(dialect).encode(event)
    assert all(each.payload is not UNSET for each in desk.said if isinstance(each, Sample))


@pytest.mark.parametrize("dialect", Dialect)
async def test_whatever_is_asked_is_answered_or_left(desk: Desk, dialect: Dialect) -> None:
    """Mutated frames that are still legal reach every corner; every answer has bytes."""
    await survive(desk, dialect, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", Dialect)
async def test_very_much_is_asked_and_survived(desk: Desk, dialect: Dialect) -> None:
    """As above, for longer."""
    await survive(desk, dialect, SLOW)
