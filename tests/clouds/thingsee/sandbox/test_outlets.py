"""Arrays pushed to targets by POST and WebSocket: tried again, given up, bounded; the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, web

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.sandbox import Sandbox
from gatewayd.clouds.thingsee.sandbox.outlets import TRIES, WAITING_MAX, Target
from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.serving import open_server
from tests.clouds.thingsee.sandbox.scene import GROUP, GW, SENSOR, T, until


class Receiver:
    """Somebody's server: keeps what comes, answers as it is told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.arrays: list[Any] = []
        self.headers: list[dict[str, str]] = []

    async def post(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.arrays.append(orjson.loads(await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        self.headers.append(dict(request.headers))
        async for frame in response:
            if frame.type is WSMsgType.TEXT:
                self.arrays.append(orjson.loads(frame.data))
                if self.statuses and self.statuses.pop(0) != 200:
                    break
        return response


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[str]:
    """Yield the receiver's authority."""
    app = web.Application()
    app.router.add_post("/in", receiver.post)
    app.router.add_get("/socket", receiver.socket)
    async with open_server(app, 0) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def place(receiver: Receiver) -> AsyncIterator[str]:
    async with listening(receiver) as found:
        yield found


def speak(sandbox: Sandbox, number: int = 0) -> None:
    """Have the sensor say two things."""
    sandbox.inject(
        [
            Message(id=id, event=10, time_s=T + number, thing=SENSOR, gateway=GW, fields={})
            for id in (12100, 12101)
        ],
        GW,
    )


def push(sandbox: Sandbox, url: str, **more: Any) -> None:
    sandbox.provision({"targets": [{"url": url, **more}]})


async def test_an_array_is_posted(sandbox: Sandbox, receiver: Receiver, place: str) -> None:
    """With the group, and the headers that the customer wants."""
    push(sandbox, f"http://{place}/in?a=b", headers={"Authorization": "Bearer word"})
    speak(sandbox)
    await until(lambda: bool(receiver.arrays))
    [[first, second]] = receiver.arrays
    assert (first["tsmId"], second["tsmId"]) == (12100, 12101)
    assert first["deploymentGroupId"] == GROUP
    assert receiver.headers[0]["Authorization"] == "Bearer word"
    assert receiver.headers[0]["Content-Type"] == "application/json"


async def test_arrays_go_over_a_socket(sandbox: Sandbox, receiver: Receiver, place: str) -> None:
    """The cloud is the client; one frame an array, all on one connection."""
    push(sandbox, f"ws://{place}/socket?token=word")
    for number in range(3):
        speak(sandbox, number)
    await until(lambda: len(receiver.arrays) == 3)
    assert [array[0]["tsmTs"] for array in receiver.arrays] == [T, T + 1, T + 2]
    assert len(receiver.headers) == 1


async def test_a_refused_push_is_tried_again(
    sandbox: Sandbox, receiver: Receiver, place: str
) -> None:
    """Until it is taken; what comes next waits."""
    receiver.statuses = [500, 503]
    push(sandbox, f"http://{place}/in")
    speak(sandbox)
    speak(sandbox, 1)
    await until(lambda: sandbox.journal.counts["pushes"] == 2)
    assert [array[0]["tsmTs"] for array in receiver.arrays] == [T, T, T, T + 1]


async def test_a_push_that_nobody_takes_is_given_up(
    sandbox: Sandbox, receiver: Receiver, place: str
) -> None:
    """After five tries, and counted."""
    receiver.statuses = [400] * TRIES
    push(sandbox, f"http://{place}/in")
    speak(sandbox)
    await until(lambda: sandbox.journal.counts["pushes_lost"] == 1)
    speak(sandbox, 1)
    await until(lambda: sandbox.journal.counts["pushes"] == 1)
    assert len(receiver.arrays) == TRIES + 1


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_receiver_that_is_away_costs_nobody_else_anything(
    sandbox: Sandbox, receiver: Receiver, place: str, scheme: str
) -> None:
    """Its arrays are lost, the others' are not."""
    push(sandbox, f"{scheme}://127.0.0.1:9/")
    push(sandbox, f"http://{place}/in")
    speak(sandbox)
    await until(lambda: sandbox.journal.counts["pushes_lost"] == 1)
    assert len(receiver.arrays) == 1


async def test_a_target_keeps_the_newest_arrays() -> None:
    """So many; the oldest goes."""
    target = Target("http://127.0.0.1:9/")
    assert not any(target.put(b"%d" % number) for number in range(WAITING_MAX))
    assert target.put(b"last")
    assert target.waiting.get_nowait() == b"1"


async def test_a_reset_pushes_to_nobody(sandbox: Sandbox, receiver: Receiver, place: str) -> None:
    """And waits for nobody."""
    push(sandbox, f"http://{place}/in")
    await sandbox.reset()
    speak(sandbox)
    assert sandbox.outlets.targets == []
    assert not receiver.arrays


@pytest.mark.parametrize(
    "target", [{"url": "ftp://x"}, {"url": "http://x", "headers": {"a": 1}}, {}, 1]
)
async def test_a_bad_target_is_refused(sandbox: Sandbox, target: object) -> None:
    """Before anything is pushed there."""
    with pytest.raises(ApiError) as caught:
        sandbox.provision({"targets": [target]})
    assert caught.value.status == 400
