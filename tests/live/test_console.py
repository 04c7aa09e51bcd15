"""The console as a part of the daemon: an edge, which the gateway can do without."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp

from tests.live.daemon import House, until
from tests.peers.listening import free_port


def address_for(house: House) -> tuple[str, int]:
    """Give the house a console on a port that is free now."""
    place = ("127.0.0.1", free_port())
    house.sections["console"] = {"listen": f"{place[0]}:{place[1]}"}
    house.devices["hall"] = {"driver": "sim", "every": "100ms"}
    return place


async def get(place: tuple[str, int], path: str) -> Any:
    """Return the JSON that the console tells."""
    url = f"http://{place[0]}:{place[1]}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.json()


def libraries(pid: int) -> str:
    """Return what a process has mapped."""
    return Path(f"/proc/{pid}/maps").read_text()


async def test_a_taken_port_ends_nothing_and_is_tried_again(house: House) -> None:
    """A sentence in the log; once the port is free, the page is there."""
    place = address_for(house)
    with socket.create_server(place):
        async with house.daemon() as daemon:
            await daemon.wait_up("hall")
            await until(lambda: house.logged("task ended"), "the failure is told")
            (told,) = house.logged("task ended")
            assert told["task"] == "console"
            assert told["reason"].startswith(f"the console cannot listen on {place[0]}:{place[1]}")
            assert (await daemon.ask("status"))["health"]["is_ok"]


async def test_the_console_comes_up_once_its_port_is_free(house: House) -> None:
    """Without a restart of the daemon."""
    place = address_for(house)
    taken = socket.create_server(place)
    async with house.daemon():
        await until(lambda: house.logged("task ended"), "the failure is told")
        taken.close()
        await until(lambda: house.logged("console listens"), "it is tried again", 30.0)
        assert await get(place, "/healthz") == {"is_ok": True, "reason": None}


async def test_a_reload_brings_the_console_back(house: House) -> None:
    """On the same port, at once."""
    place = address_for(house)
    async with house.daemon() as daemon:
        await until(lambda: house.logged("console listens"), "it listens")
        daemon.send(signal.SIGHUP)
        await daemon.wait_ready(2)
        await until(lambda: len(house.logged("console listens")) == 2, "it listens again")
        assert (await get(place, "/api/status"))["gateway"]["name"] == "Live"


async def test_the_daemon_ends_in_time_with_pages_open(house: House) -> None:
    """Exit 0, whoever looks on."""
    place = address_for(house)
    async with house.daemon() as daemon:
        await until(lambda: house.logged("console listens"), "it listens")
        reader, writer = await asyncio.open_connection(*place)
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in await reader.readline()
        assert await daemon.stop() == 0
        writer.close()


async def test_without_a_console_nothing_of_it_is_loaded(house: House) -> None:
    """Neither the library nor a listener: who wants none pays for none."""
    house.devices["hall"] = {"driver": "sim", "every": "100ms"}
    async with house.daemon() as daemon:
        await daemon.wait_up("hall")
        loaded = libraries(daemon.process.pid)
        assert "aiohttp" not in loaded
        assert "orjson" in loaded  # So that the test can see what it looks for.
