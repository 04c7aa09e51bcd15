"""REST: what a client hears by WebSocket: samples of resources, and the account's events.

Source: node-red-contrib-thinger (resources, events); what the messages hold besides `resource` and
`payload` is unknown, here it is `ts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

import orjson
from aiohttp import WSMsgType, web

from gatewayd.clouds.thinger.sandbox.call import Call, Route
from gatewayd.clouds.thinger.sandbox.hub import Listener
from gatewayd.clouds.thinger.sandbox.streams import Consumer

INTERVAL_S_MAX = 86_400.0
CONSUMERS_MAX = 100
"""Resources that one socket may ask for."""


def wants_socket(call: Call) -> bool:
    """Return whether the request opens a WebSocket."""
    return call.request.headers.get("Upgrade", "").lower() == "websocket"


async def live_resources(call: Call, resource: str) -> web.StreamResponse:
    """Send samples: of the resource of the path, else of those that the client asks for."""
    listener, consumers = Listener(), dict[str, ExitStack]()

    def consume(name: str, interval_s: float) -> None:
        stop(name)
        if len(consumers) >= CONSUMERS_MAX:
            return

        def tell(value: object) -> None:
            ts = call.world.clock.now_ms()
            listener.tell({"resource": name, "payload": value, "ts": ts})

        path, interval_ms = tuple(name.split("/")), round(interval_s * 1000)
        device = call.name("device")
        consumer = Consumer(call.account.id, device, path, interval_ms, tell)
        consumers[name] = ExitStack()
        consumers[name].enter_context(call.premises.streams.consuming(consumer))

    def stop(name: str) -> None:
        if name in consumers:
            consumers.pop(name).close()

    async def take(wish: object) -> None:
        name = wish.get("resource") if isinstance(wish, dict) else None
        if not isinstance(wish, dict) or not isinstance(name, str) or not name:
            return
        if wish.get("enabled", True):
            consume(name, _interval_s(wish.get("interval")))
        else:
            stop(name)

    try:
        if resource:
            consume(resource, _interval_s(call.whole("interval")))
        return await _converse(call, listener, take)
    finally:
        for name in tuple(consumers):
            stop(name)


async def events(call: Call) -> object:
    """Send the account's events that fit the filters which the client sends."""
    with call.premises.hub.listening(call.account.id) as listener:

        async def take(wish: object) -> None:
            if isinstance(wish, dict):
                listener.filters.append(wish)
                del listener.filters[:-CONSUMERS_MAX]

        return await _converse(call, listener, take)


async def _converse(
    call: Call, listener: Listener, take: Callable[[object], Awaitable[None]]
) -> web.StreamResponse:
    """Send a listener's news and take what the client says, until it leaves."""
    socket = web.WebSocketResponse(max_msg_size=64 * 1024)
    await socket.prepare(call.request)
    async with _sending(socket, listener):
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await take(orjson.loads(message.data))
            except orjson.JSONDecodeError:
                continue
    return socket


@asynccontextmanager
async def _sending(socket: web.WebSocketResponse, listener: Listener) -> AsyncIterator[None]:
    async def send() -> None:
        while not socket.closed:
            await socket.send_str(orjson.dumps(await listener.next()).decode())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(send())
        try:
            yield
        finally:
            task.cancel()


def _interval_s(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(float(value), INTERVAL_S_MAX) if is_number and value > 0 else 0.0  # type: ignore[arg-type,operator]  # A number by then.


ROUTES = tuple(
    Route("GET", f"/{version}/users/{{user}}/events", events, kind="Event", action="ReadEvents")
    for version in ("v1", "v2")
)
