"""The Thinger.io link over an HTTP device's callback, against a small real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gatewayd.clouds.thinger.http_link import HttpLink
from gatewayd.clouds.thinger.link import Config, open_link
from gatewayd.errors import BatchRefused, LinkDenied, LinkError, LinkLost, Throttled
from gatewayd.fields import Secret
from tests.peers.house import DOOR, RELAY, H, House, Life, T, alive

PATH = "/v3/users/alice/devices/gw01/callback/data"
NOW_MS = 1_795_000_000_000


@dataclass
class Callback:
    """What the server answers, and what it has been told."""

    port: int = 0
    status: int = 200
    wishes: Any = None
    gets: int = 0
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer t0ken":
            return web.Response(status=401)
        if request.method == "GET":
            self.gets += 1
        else:
            self.posts.append((request.query["ts"], json.loads(await request.read())))
        self.changed.set()
        if self.status != 200:
            return web.Response(status=self.status)
        body = b"" if self.wishes is None else json.dumps(self.wishes).encode()
        return web.Response(body=body)


@pytest.fixture
async def server() -> AsyncIterator[Callback]:
    callback, app = Callback(), web.Application()
    app.router.add_route("*", PATH, callback.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    callback.port = runner.addresses[0][1]
    yield callback
    await runner.cleanup()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@asynccontextmanager
async def living(
    server: Callback, house: House, **changes: Any
) -> AsyncIterator[tuple[HttpLink, Life]]:
    config = Config(
        user="alice",
        credentials=Secret("s3cret-PW"),
        transport="http",
        callback_token=Secret("t0ken"),
        rest_url=f"http://127.0.0.1:{server.port}",
        timeout=5.0,
    )
    async with open_link(replace(config, **changes), house.premises) as link:
        assert isinstance(link, HttpLink)
        async with alive(link, house) as life:
            yield link, life


async def eventually(server: Callback, is_true: Any) -> None:
    async with asyncio.timeout(5):
        while not is_true():
            server.changed.clear()
            with_deadline = asyncio.wait_for(server.changed.wait(), 0.02)
            try:
                await with_deadline
            except TimeoutError:
                continue


async def test_an_instant_is_one_post(server: Callback, house: House) -> None:
    """The device stands in the member's name, for there is one bucket."""
    async with living(server, house) as (link, _):
        readings = house.reading(T, 21.5), house.reading(H, 50.5), house.reading(DOOR, True)
        await link.send(house.batch(*readings))
    assert server.posts == [
        (
            str(NOW_MS),
            {"ts": NOW_MS, "boiler_temperature": 21.5, "boiler_humidity": 50.5, "shed_door": True},
        )
    ]


async def test_a_wish_in_the_answer_is_a_command_once(server: Callback, house: House) -> None:
    """The same property comes with every answer until somebody changes it."""
    server.wishes = {"ts": NOW_MS, "pump/relay": True, "boiler/temperature": 5, "note": "x"}
    async with living(server, house, poll_interval=0.02) as (_, life):
        await eventually(server, lambda: server.gets >= 4)
        (command,) = life.commands
        assert (command.channel, command.value, command.issued_ms) == (RELAY, True, NOW_MS)
        server.wishes = {"ts": NOW_MS + 1, "pump/relay": {"value": False, "hold_s": 5}}
        await eventually(server, lambda: len(life.commands) == 2)
        assert (life.commands[1].value, life.commands[1].hold_s) == (False, 5.0)


async def test_a_wish_is_not_taken_again_over_a_restart(server: Callback, house: House) -> None:
    """It stands there still; a newer one is taken."""
    server.wishes = {"ts": NOW_MS, "pump/relay": True}
    async with living(server, house, poll_interval=0.02) as (_, life):
        await eventually(server, lambda: len(life.commands) == 1)
    async with living(server, house, poll_interval=0.02) as (_, life):
        await eventually(server, lambda: server.gets >= 6)
        assert not life.commands
        server.wishes = {"ts": NOW_MS + 1, "pump/relay": False}
        await eventually(server, lambda: len(life.commands) == 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BatchRefused),
        (401, LinkDenied),
        (403, LinkDenied),
        (404, LinkDenied),
        (408, LinkLost),
        (429, Throttled),
        (500, LinkLost),
        (504, LinkLost),
    ],
)
async def test_a_status_is_what_it_says(
    server: Callback, house: House, status: int, error: type[LinkError]
) -> None:
    """A device that is not known keeps its readings: somebody must make it first."""
    async with living(server, house) as (link, _):
        server.status = status
        with pytest.raises(error) as caught:
            await link.send(house.batch(house.reading(T, 21.5)))
        if isinstance(caught.value, BatchRefused):
            assert caught.value.seqs == (1,)


async def test_a_wrong_token_is_denied_at_once(server: Callback, house: House) -> None:
    """Opening asks, so that nobody waits for the first reading to learn it."""
    with pytest.raises(LinkDenied):
        async with living(server, house, callback_token=Secret("wrong")):
            pass


async def test_a_server_that_fails_while_polled_ends_the_link(
    server: Callback, house: House
) -> None:
    """There is no connection whose loss would tell."""
    async with living(server, house, poll_interval=0.02) as (_, life):
        server.status = 500
        await eventually(server, lambda: life.ended)
    assert isinstance(life.ended, LinkLost)
