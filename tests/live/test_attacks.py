"""What a stranger may try at each door, at the real sockets: refused, soon and cheaply.

Other attacks have their tests where the door is: floods of connections and slow heads in
tests/gatewayd/console/test_http.py and test_http_listener.py, guessing in test_http_keys.py,
strangers' web pages in test_http_guard.py, firmware names in test_rest_firmwares.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gatewayd.clouds.thingplus.codec import INFLATED_BYTES_MAX, maybe_gunzip
from gatewayd.clouds.thingsee.inbound import Ear
from gatewayd.clouds.thingsee.pushed import Pushes
from gatewayd.console.client import NAME
from gatewayd.console.socket import CLIENTS_MAX, bind_control, serve_control
from gatewayd.errors import Malformed
from gatewayd.status import surface_of
from gatewayd.transports.http import HttpSettings, Request, open_http
from gatewayd.transports.http_inbox import open_inbox
from tests.gatewayd.console.rooms import Room, open_room

BOMB = gzip.compress(bytes(256 * 2**20), 9)
"""256 MiB of nothing in 250 kB."""

WAIT_S = 10.0
PEAK_BYTES_MAX = 24 * 2**20
"""What a request may cost for a moment: the whole gateway has 45 MiB."""

PUMP = "/api/outputs/pump/relay"

DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_OBJECT = b'{"a":' * 5000 + b"1" + b"}" * 5000
GIANT = b'{"value": %s}' % (b"9" * 5000)
FAR = b'{"value": 1e400}'
NOT_A_NUMBER = b'{"value": NaN}'
SHORT = b'{"value"'
NOT_UTF_8 = b'{"value": "\xff\xfe"}'
LONE = b'{"value": "\\ud800"}'
LONG_KEY = b'{"%s": 1}' % (b"k" * 10_000)
BODIES = [DEEP, DEEP_OBJECT, GIANT, FAR, NOT_A_NUMBER, SHORT, NOT_UTF_8, LONE, LONG_KEY, b"", b"[]"]
NAMES = [
    *("deep", "deep-object", "giant", "far", "nan", "short", "utf-8", "lone", "key"),
    *("empty", "list"),
]


@contextmanager
def costing_little() -> Iterator[None]:
    """Fail if more than `PEAK_BYTES_MAX` was ever held within the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < PEAK_BYTES_MAX
    finally:
        tracemalloc.stop()


async def ask(place: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    """Return the status and all of the answer to raw bytes; 0 where there is none."""
    reader, writer = await asyncio.open_connection(*place)
    try:
        async with asyncio.timeout(WAIT_S):
            writer.write(request)
            told = await reader.read()
    except ConnectionError:
        return 0, b""
    finally:
        writer.close()
    return int(told.split(b" ", 2)[1]) if told else 0, told


def post(path: str, body: bytes, *more: bytes) -> bytes:
    """Return a POST as bytes."""
    head = [
        b"POST %s HTTP/1.1" % path.encode(),
        b"Host: localhost",
        b"Connection: close",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *more,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


# The console


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as found:
        yield found


@pytest.mark.parametrize("body", BODIES, ids=NAMES)
async def test_no_body_is_too_much_for_the_console(room: Room, body: bytes) -> None:
    """A refusal with its sentence; nothing moves, and the next is answered."""
    status, told = await ask(room.place, post(PUMP, body))
    assert status in (400, 409, 413), told[:200]
    assert b'"error"' in told or b'"refused"' in told
    assert not room.plant.relays()["relay"]
    assert await room.get("healthz")


async def test_a_zip_bomb_is_not_unpacked_by_the_console(room: Room) -> None:
    """413 or a hang-up, before it is anywhere near its size."""
    with costing_little():
        status, _ = await ask(room.place, post(PUMP, BOMB, b"Content-Encoding: gzip"))
    assert status in (0, 400, 413)
    small = gzip.compress(b" " * 1_000_000)
    status, _ = await ask(room.place, post(PUMP, small, b"Content-Encoding: gzip"))
    assert status in (0, 400, 413)
    assert await room.get("healthz")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 100_000),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n" % (b"a" * 100_000),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 5\r\n\r\n0\r\n\r\n",
        b"\x00" * 100_000,
    ],
    ids=["path", "headers", "header", "giant", "two-lengths", "smuggled", "zeros"],
)
async def test_no_head_is_too_much_for_the_console(room: Room, head: bytes) -> None:
    """400 or a hang-up; never two meanings of where a request ends."""
    status, told = await ask(room.place, head)
    assert status in (0, 400), told[:200]
    assert await room.get("healthz")


@pytest.mark.parametrize(
    "path",
    [
        "/api/channels/a%0d%0aSet-Cookie:%20x=1/b/history",
        "/api/outputs/a%0d%0aX-Evil:%201/b",
        "/%0d%0aX-Evil:1",
    ],
)
async def test_no_header_is_put_into_an_answer(room: Room, path: str) -> None:
    """A name with a line's end in it stays a name."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    _, told = await ask(room.place, head.encode())
    headers = told.partition(b"\r\n\r\n")[0].lower()
    assert b"x-evil" not in headers
    assert b"set-cookie" not in headers


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/surface.py"),
        *("/static/..%2f..%2fsurface.py", "//etc/passwd", "/static/page.js%00.css"),
    ],
)
async def test_no_path_leads_out_of_the_page(room: Room, path: str) -> None:
    """The files are read once, by their names; a path from outside opens nothing."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, told = await ask(room.place, head.encode())
    assert status in (0, 400, 404), told[:200]
    assert b"root:" not in told


async def test_a_flood_of_commands_is_answered_each_and_leaves_the_gateway_well(
    room: Room,
) -> None:
    """Each with its outcome; what is remembered of them has an end."""
    answers = await asyncio.gather(
        *(
            ask(room.place, post(PUMP, b'{"value": %s}' % (b"true", b"false")[n % 2].lower()))
            for n in range(50)
        )
    )
    assert {status for status, _ in answers} <= {200, 409}
    assert await room.get("healthz")


# The push listener


@asynccontextmanager
async def pushed() -> AsyncIterator[int]:
    pushes = Pushes(Ear("x", (), ()), lambda commands: True, None)
    async with open_inbox("127.0.0.1", 0, pushes.take) as port:
        yield port


@pytest.mark.parametrize("body", BODIES, ids=NAMES)
async def test_no_body_is_too_much_for_the_push_listener(body: bytes) -> None:
    """200 with counts for what may be a list, else a refusal; never a failure of ours."""
    async with pushed() as port:
        status, told = await ask(("127.0.0.1", port), post("/", body))
        assert status in (200, 400, 413), told[:200]


async def test_a_zip_bomb_is_not_unpacked_by_the_push_listener() -> None:
    """Whatever it says of itself."""
    async with pushed() as port:
        with costing_little():
            request = post("/", BOMB, b"Content-Encoding: gzip")
            status, _ = await ask(("127.0.0.1", port), request)
        assert status in (0, 400, 413)
        assert (await ask(("127.0.0.1", port), post("/", b"[]")))[0] in (200, 400)


async def test_silent_strangers_do_not_take_every_place_of_the_push_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their number has an end and so has their time; then pushes are taken again."""
    from gatewayd.transports import http_inbox

    monkeypatch.setattr(http_inbox, "IDLE_S", 0.5)
    monkeypatch.setattr(http_inbox, "CONNECTIONS_MAX", 4)
    async with pushed() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        assert (await ask(("127.0.0.1", port), post("/", b"[]")))[0] == 0
        async with asyncio.timeout(WAIT_S):
            for reader, writer in silent:
                assert not await reader.read()
                writer.close()
        assert (await ask(("127.0.0.1", port), post("/", b"[]")))[0] in (200, 400)


# The control socket


@asynccontextmanager
async def controlled(folder: Path, room: Room) -> AsyncIterator[Path]:
    with bind_control(folder, [folder / NAME]) as listener:
        serving = asyncio.ensure_future(serve_control(listener, surface_of(room.gateway)))
        try:
            yield folder / NAME
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def tell(path: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2**24)
    try:
        writer.write(line + b"\n")
        async with asyncio.timeout(WAIT_S):
            return json.loads(await reader.readline())
    finally:
        writer.close()


@pytest.mark.parametrize(
    "line",
    [
        *(DEEP[:60_000], b'{"do":' * 5000, b'{"do": %s}' % (b"9" * 5000)),
        b'{"do":"set","channel":"pump/relay","request_id":"1","value":1e400}',
        b'{"do":"set","channel":"pump/relay","request_id":"1","value":true,"hold_s":1e308}',
        b'{"do":"set","channel":"pump/relay","request_id":"1","value":true,"hold_s":-1}',
        b'{"do":"set","channel":{},"request_id":[],"value":{}}',
        b'{"do":"read","channel":"%s"}' % (b"x" * 60_000),
        b'{"do":"record","device":"../../etc"}',
        *(b"\x00\xff" * 1000, b"null", b"[]", b"{}"),
    ],
)
async def test_no_line_is_too_much_for_the_control_socket(
    tmp_path: Path, room: Room, line: bytes
) -> None:
    """A sentence, and the pump stays as it was or falls back in bounded time."""
    async with controlled(tmp_path, room) as path:
        told = await tell(path, line)
        assert isinstance(told["ok"], bool)
        assert len(json.dumps(told)) < 1000, "what was sent is not sent back whole"
        assert (await tell(path, b'{"do":"hello"}'))["ok"]


async def test_a_flood_of_clients_at_the_control_socket_is_sent_away(
    tmp_path: Path, room: Room
) -> None:
    """With a sentence; who leaves makes room."""
    async with controlled(tmp_path, room) as path:
        opened = [await asyncio.open_unix_connection(str(path)) for _ in range(CLIENTS_MAX + 20)]
        async with asyncio.timeout(WAIT_S):
            for reader, writer in opened[CLIENTS_MAX:]:
                assert b"too many clients" in await reader.readline()
                writer.close()
        for _, writer in opened:
            writer.close()
        async with asyncio.timeout(WAIT_S):
            while not (await tell(path, b'{"do":"hello"}'))["ok"]:  # noqa: ASYNC110  # A place that is free tells nobody.
                await asyncio.sleep(0.01)


# What clouds answer


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def cloud(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/")).rstrip("/")
    finally:
        await server.close()


async def test_a_zip_bomb_from_a_cloud_is_not_unpacked() -> None:
    """Over HTTP: Malformed at the limit, whatever it would have become."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=BOMB, headers={"Content-Encoding": "gzip"})

    async with (
        cloud(answer) as url,
        open_http(HttpSettings(base_url=url, body_bytes_max=2**20)) as http,
    ):
        with costing_little(), pytest.raises(Malformed):
            await http.send(Request("GET", "/"))


def test_a_zip_bomb_in_a_message_is_not_unpacked() -> None:
    """Over MQTT: a payload inflates so far and no further."""
    with costing_little(), pytest.raises(Malformed, match=f"{INFLATED_BYTES_MAX}"):
        maybe_gunzip(BOMB)
