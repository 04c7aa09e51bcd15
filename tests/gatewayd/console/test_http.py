"""The gate before the console, over real sockets: passwords, strangers' pages, floods."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from pathlib import Path

import pytest
from aiohttp import web

from gatewayd.config.settings import Console
from gatewayd.console import http, http_listener
from gatewayd.console.http import COOKIE, address_of, open_console, serve_console
from gatewayd.console.http_guard import HEADERS
from gatewayd.console.http_keys import GUESSES_MAX
from gatewayd.console.http_listener import CONNECTIONS_MAX
from gatewayd.errors import GatewayError
from gatewayd.fields import Secret
from gatewayd.status import surface_of
from tests.gatewayd.console.rooms import PASSWORD, Room, bearer, open_room

PUMP = "api/outputs/pump/relay"
CLOSED = ("api/status", "api/ledger", "api/channels", "api/events", "metrics", "static/page.js")


async def test_without_a_password_the_loopback_is_open(tmp_path: Path) -> None:
    """Nobody but this machine is there."""
    async with open_room(tmp_path) as room:
        assert await room.ask("") == 200
        assert await room.ask("api/status") == 200
        assert await room.post("api/login", {"password": "any"}) == {"is_open": True}


async def test_with_a_password_everything_but_health_and_login_is_closed(tmp_path: Path) -> None:
    """A script is told 401, a person is led to the login."""
    async with open_room(tmp_path, PASSWORD) as room:
        assert [await room.ask(path) for path in CLOSED] == [401] * len(CLOSED)
        assert await room.post(PUMP, {"value": True}, 401)
        assert not room.gateway.desk.history
        assert await room.ask("") == 303
        for path in ("healthz", "login", "static/page.css", "static/login.js"):
            assert await room.ask(path) == 200


async def test_a_session_opens_everything_until_the_logout(tmp_path: Path) -> None:
    """By a cookie that no script in a page can read and no other page can send."""
    async with open_room(tmp_path, PASSWORD) as room:
        login = {"password": PASSWORD}
        async with room.session.post(room.address + "api/login", json=login) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert PASSWORD not in cookie
        assert (await room.get("api/status"))["health"]["is_ok"]
        assert (await room.post(PUMP, {"value": True}))["status"] == "done"
        stolen = {"Cookie": cookie.partition(";")[0]}
        await room.post("api/logout", {})
        assert await room.ask("api/status") == 401
        assert await room.ask("api/status", **stolen) == 401


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
async def test_scripts_bring_the_password_with_each_request(tmp_path: Path, scheme: str) -> None:
    """As a Bearer token, or as Basic with any user name."""
    basic = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"} if scheme == "basic" else bearer()
    async with open_room(tmp_path, PASSWORD) as room:
        assert await room.get("api/ledger", headers=headers)
        assert await room.post(PUMP, {"value": True}, headers=headers)
        assert await room.ask("api/ledger") == 401


@pytest.mark.parametrize(
    "headers",
    [
        bearer("wrong"),
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !"},
        {"Cookie": f"{COOKIE}=9999999999.00"},
        {"Cookie": f"{COOKIE}="},
    ],
)
async def test_what_is_not_the_password_opens_nothing(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    """Neither a wrong one, nor none, nor a cookie that somebody made up."""
    async with open_room(tmp_path, PASSWORD) as room:
        await room.get("api/status", 401, headers=headers)


async def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    """After five wrong ones 429 with the time to wait, for the form and for scripts alike."""
    async with open_room(tmp_path, PASSWORD) as room:
        for _ in range(GUESSES_MAX):
            await room.post("api/login", {"password": "guess"}, 401)
        login = {"password": PASSWORD}
        async with room.session.post(room.address + "api/login", json=login) as answer:
            assert answer.status == 429
            assert 0 < int(answer.headers["Retry-After"]) <= 61
        await room.get("api/status", 429, headers=bearer())


async def test_the_password_is_in_no_answer_and_no_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the right one nor what somebody tried: it may be that of something else."""
    async with open_room(tmp_path, PASSWORD) as room:
        told = [await room.post("api/login", {"password": "my other one"}, 401)]
        told += [await room.get(path, headers=bearer()) for path in ("api/status", "api/channels")]
    logged = capsys.readouterr()
    for text in (str(told), logged.out, logged.err):
        assert PASSWORD not in text
        assert "my other one" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
async def test_a_page_elsewhere_cannot_switch_a_pump(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    """Nor with a name made to point here; the browser on this machine is not to be trusted."""
    async with open_room(tmp_path) as room:
        assert "error" in await room.post(PUMP, {"value": True}, 403, headers=headers)
        assert not room.gateway.desk.history
        assert not room.plant.relays()["relay"]


async def test_every_answer_has_the_headers_of_caution(tmp_path: Path) -> None:
    """Errors too; and none tells what it is made with."""
    async with open_room(tmp_path) as room:
        for path in ("", "api/status", "nothing", "metrics"):
            async with room.session.get(room.address + path) as answer:
                assert HEADERS.items() <= dict(answer.headers).items()
                assert "aiohttp" not in str(answer.headers)


async def test_a_wrong_method_is_told_the_right_one(tmp_path: Path) -> None:
    """405 as JSON, with what is allowed."""
    async with open_room(tmp_path) as room, room.session.get(room.address + PUMP) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert (await answer.json())["error"]


async def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    """Worth trying again later; the rest of the gateway goes on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with open_room(tmp_path) as room:
            with pytest.raises(GatewayError, match=f"cannot listen on {listen}: .*in use"):
                await serve_console(Console(listen=listen), surface_of(room.gateway), {})
            assert await room.get("api/status")


async def test_a_flood_of_connections_ends_at_a_limit(tmp_path: Path) -> None:
    """Further ones are closed at once; when some leave, others get in."""
    async with open_room(tmp_path) as room:
        opened = [await asyncio.open_connection(*room.place) for _ in range(CONNECTIONS_MAX)]
        assert not await is_heard(room)
        for _, writer in opened:
            writer.close()
        async with asyncio.timeout(5):
            while not await is_heard(room):  # noqa: ASYNC110  # a place that is free tells nobody
                await asyncio.sleep(0.02)


async def is_heard(room: Room) -> bool:
    """Return whether a new connection is answered, and not closed unheard."""
    reader, writer = await asyncio.open_connection(*room.place)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        return bool(await reader.read(1))
    except ConnectionError:
        return False
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"\x16\x03\x01\x00\xa5\x01",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_a_connection_that_says_nothing_more_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Whether it began to say something or not."""
    monkeypatch.setattr(http, "IDLE_S", 0.1)
    async with open_room(tmp_path) as room:
        reader, writer = await asyncio.open_connection(*room.place)
        writer.write(sent)
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()


async def test_a_reader_that_takes_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the kernel, once nothing fits into its buffers any more; its place becomes free."""
    monkeypatch.setattr(http_listener, "STUCK_S", 0.3)
    monkeypatch.setattr(http_listener, "CONNECTIONS_MAX", 1)
    async with open_room(tmp_path) as room:
        loop = asyncio.get_running_loop()
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.setblocking(False)
            await loop.sock_connect(lazy, room.place)
            request = b"GET /static/page.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(1):  # It may be given up before it has sent it all.
                    await loop.sock_sendall(lazy, request * 2000)
            async with asyncio.timeout(8):
                while not await is_heard(room):  # noqa: ASYNC110  # a place that is free tells nobody
                    await asyncio.sleep(0.02)


async def test_closing_does_not_wait_for_open_streams(tmp_path: Path) -> None:
    """The gateway has ten seconds for everything; who looks on is let go at once."""
    began_s = 0.0
    async with open_room(tmp_path) as room:
        stream = await room.session.get(room.address + "api/events")
        await stream.content.readline()
        began_s = asyncio.get_running_loop().time()
    stream.close()
    assert asyncio.get_running_loop().time() - began_s < 3


async def test_other_applications_stand_behind_the_same_gate(tmp_path: Path) -> None:
    """What is mounted is asked for the password like everything else."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"from": request.path})

    mounted = web.Application()
    mounted.router.add_get("/v2/thing", answer)
    console = Console(listen="127.0.0.1:0", password=Secret(PASSWORD))
    async with open_room(tmp_path) as room:
        mounts = {"/cloud": mounted}
        async with open_console(console, surface_of(room.gateway), mounts) as room.address:
            told = await room.get("cloud/v2/thing", headers=bearer())
            assert told == {"from": "/cloud/v2/thing"}
            assert await room.ask("cloud/v2/thing") == 401


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("192.168.1.5", "192.168.1.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        (None, "None"),
    ],
)
def test_a_guesser_is_an_address_or_a_network(remote: str | None, expected: str) -> None:
    """One host has a whole IPv6 network to guess from."""
    assert address_of(remote) == expected
