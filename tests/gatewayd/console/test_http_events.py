"""Who looks is told what changed, without a socket, in time that jumps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gatewayd.app import crew
from gatewayd.board import Board
from gatewayd.console.http_events import (
    CLIENTS_MAX,
    COUNTS_S,
    FRAMES_MAX,
    HEARTBEAT_S,
    PAUSE_S,
    Client,
    Events,
    News,
    without_running,
)
from gatewayd.console.surface import ControlSurface, Json
from gatewayd.model import Channel, ChannelId, Command, Outcome, Quality, Reading
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

WARM, HUMID = ChannelId("boiler/temperature"), ChannelId("boiler/humidity")


@dataclass
class House:
    """A gateway whose status is what the test says."""

    outputs: list[Json] = field(default_factory=list)
    health: Json = field(default_factory=lambda: {"is_ok": True, "reason": None})
    board: Board = field(default_factory=Board)
    asked: int = 0

    def surface(self) -> ControlSurface:
        async def status() -> Json:
            self.asked += 1
            uptime: Json = {"uptime_s": asyncio.get_running_loop().time()}
            return {"gateway": uptime, "health": self.health, "outputs": list(self.outputs)}

        async def nothing(*_: object) -> Any:
            raise AssertionError("nobody asks for this")

        async def submit(command: Command) -> Outcome:
            raise AssertionError(command)

        clock = SimulatedClock(asyncio.get_running_loop())
        channels = {WARM: Channel("temperature", "temperature", "Cel"), HUMID: Channel("h", "h")}
        return ControlSurface(
            "/state", clock, self.board, channels, status, nothing, nothing, submit, nothing
        )

    def post(self, value: float | None, name: ChannelId = WARM) -> None:
        now_ms = round(asyncio.get_running_loop().time() * 1000)
        quality = Quality.TIMEOUT if value is None else Quality.GOOD
        self.board.post([Reading(name, now_ms, value, quality)])


@asynccontextmanager
async def looking(house: House) -> AsyncIterator[tuple[Events, Client]]:
    """One client, that has been told everything."""
    events = Events(house.surface())
    async with crew(events.run()):
        with events.joined() as client:
            assert client is not None
            assert await events.take(client)
            await asyncio.sleep(2 * PAUSE_S)  # What changed by its coming is old then.
            client.frames.clear()
            client.arrived.clear()
            yield events, client


def parse(told: bytes | None) -> list[tuple[str, Any]]:
    """Return the events in a text."""
    assert told is not None
    found = []
    for block in told.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


@simulated
async def test_who_comes_is_told_everything() -> None:
    """The latest of every channel, value or reason; the outputs; how the gateway is."""
    house = House(outputs=[{"channel": "pump/relay", "value": True}])
    house.post(21.5)
    house.post(None, HUMID)
    events = Events(house.surface())
    with events.joined() as client:
        assert client is not None
        (first, readings), (second, outputs), (third, health) = parse(await events.take(client))
    assert (first, second, third) == ("readings", "outputs", "health")
    assert [(each["value"], each["quality"]) for each in readings] == [
        (21.5, "good"),
        (None, "timeout"),
    ]
    assert outputs == house.outputs
    assert health["health"]["is_ok"]


@simulated
async def test_a_new_reading_is_told_and_only_that() -> None:
    """Within a pause, under its own name."""
    house = House()
    async with looking(house) as (events, client):
        house.post(22.0)
        ((name, readings),) = parse(await events.take(client))
        assert name == "readings"
        assert [(each["channel"], each["value"]) for each in readings] == [(WARM, 22.0)]


@simulated
async def test_a_flood_is_told_four_times_a_second() -> None:
    """Each time the newest value alone; the last one is told at the end."""
    house = House()
    async with looking(house) as (events, client):
        told = []

        async def listen() -> None:
            while True:
                told.extend(parse(await events.take(client)))

        async with crew(listen()):
            for n in range(1000):
                house.post(float(n))
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)
    values = [data[0]["value"] for name, data in told if name == "readings"]
    assert len(values) <= 11 / PAUSE_S
    assert values[-1] == 999


@simulated
async def test_a_change_of_an_output_is_told_within_a_second() -> None:
    """Whatever changed about it; nobody posts it to the board here."""
    house = House(outputs=[{"channel": "pump/relay", "value": False, "for_s": 1.0}])
    async with looking(house) as (events, client):
        began_s = asyncio.get_running_loop().time()
        house.outputs = [{"channel": "pump/relay", "value": True, "for_s": 0.0}]
        ((name, outputs),) = parse(await events.take(client))
        assert (name, outputs) == ("outputs", house.outputs)
        assert asyncio.get_running_loop().time() - began_s < 2


@simulated
async def test_an_ailment_is_told() -> None:
    """With its reason."""
    house = House()
    async with looking(house) as (events, client):
        house.health = {"is_ok": False, "reason": "the card is full"}
        ((name, told),) = parse(await events.take(client))
        assert (name, told["health"]["reason"]) == ("health", "the card is full")


def test_what_runs_by_itself_is_no_news() -> None:
    """Nor is it forgotten: after a while it is told all the same."""
    news = News()
    document = {"left_s": 9.0, "value": 1, "more": [{"uptime_s": 1.0, "is_up": True}]}
    assert without_running(document) == {"value": 1, "more": [{"is_up": True}]}
    assert news.is_new("outputs", document, 0.0)
    assert not news.is_new("outputs", document | {"left_s": 8.0}, 1.0)
    assert news.is_new("outputs", document | {"value": 2}, 2.0)
    assert news.is_new("outputs", document | {"value": 2}, 2.0 + COUNTS_S)


@simulated
async def test_in_silence_there_is_a_heartbeat() -> None:
    """A comment, so that the line is known to be alive."""
    house = House()
    events = Events(house.surface())
    with events.joined() as client:
        assert client is not None
        await events.take(client)
        began_s = asyncio.get_running_loop().time()
        assert await events.take(client) == b": still here\n\n"
        assert asyncio.get_running_loop().time() - began_s == HEARTBEAT_S


@simulated
async def test_a_client_that_does_not_read_is_told_everything_anew() -> None:
    """Its buffer stays small, and what it is told at last is the newest."""
    house = House()
    async with looking(house) as (events, client):
        for n in range(2 * FRAMES_MAX):
            house.post(float(n))
            await asyncio.sleep(PAUSE_S)
            assert len(client.frames) <= FRAMES_MAX
        assert client.is_behind
        told = dict(parse(await events.take(client)))
        assert told["readings"][0]["value"] == 2 * FRAMES_MAX - 1
        assert "outputs" in told


@simulated
async def test_there_is_an_end_to_clients() -> None:
    """One more is sent away, and taken when another left."""
    events = Events(House().surface())
    clients = [events.joined() for _ in range(CLIENTS_MAX)]
    for each in clients:
        each.__enter__()
    with events.joined() as refused:
        assert refused is None
    clients[0].__exit__(None, None, None)
    with events.joined() as taken:
        assert taken is not None


@simulated
async def test_without_anybody_looking_nothing_is_asked() -> None:
    """The status is not made for nobody."""
    house = House()
    events = Events(house.surface())
    async with crew(events.run()):
        for n in range(100):
            house.post(float(n))
            await asyncio.sleep(1)
    assert house.asked == 0


@simulated
async def test_closing_ends_every_stream() -> None:
    """At once, not at the next heartbeat."""
    house = House()
    async with looking(house) as (events, client):
        events.close()
        assert await events.take(client) is None
