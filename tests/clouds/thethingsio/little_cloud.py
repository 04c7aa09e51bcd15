"""A few square metres of thethings.iO: one thing, its writes, reads and subscription, by aiohttp.

It is written against the documents and shares nothing with the codec under test, so that a
mistake made twice does not hide. It does what it is told: refuses, hangs, cuts chunks, falls
silent, forgets its token.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

TOKEN = "Xr7-made_up_token_of_43_characters_exactly_A"
CODE = "AYko-made-up-activation-code-34-ch"
WAIT_S = 10.0


@dataclass
class Trouble:
    """What one write gets instead of being taken."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    is_taken: bool = False


@dataclass
class LittleCloud:
    """What the cloud has, and its moods.

    Attributes:
        writes: the `values` of every write that was taken.
        queries: the query of each of them.
        rows: the timeline of each resource, `(datetime, value)`, in the order of arrival.
        troubles: for the next writes, one each.
        cut: how many bytes a chunk has; 0 = a text each.
        is_silent: subscriptions get neither pushes nor keep-alives.
        is_hung: no write is answered.
        denial: status that everything with the token gets; 0 = none.
        activations: codes that were spent.
        poison: a value with which a write is refused.
    """

    writes: list[list[dict[str, Any]]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    rows: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    troubles: deque[Trouble] = field(default_factory=deque)
    cut: int = 0
    is_silent: bool = False
    is_hung: bool = False
    denial: int = 0
    activations: list[dict[str, str]] = field(default_factory=list)
    activation_trouble: Trouble | None = None
    poison: object = None
    subscribed: int = 0
    reads: int = 0
    first_text: str = '{"status":"success","message":"subscribed"}'
    date: str | None = None
    url: str = ""
    _streams: list[web.StreamResponse] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _mouth: asyncio.Lock = field(default_factory=asyncio.Lock)
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def values(self) -> list[dict[str, Any]]:
        """All entries taken, one after the other."""
        return [entry for write in self.writes for entry in write]

    def of(self, key: str) -> list[Any]:
        """Return the values taken for one resource."""
        return [entry["value"] for entry in self.values if entry["key"] == key]

    async def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to be true, asking after everything that happens."""
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(is_so)

    async def write(
        self, *entries: dict[str, Any], is_stored: bool = True, is_pushed: bool = True
    ) -> None:
        """Write as an app does."""
        for entry in entries:
            if is_stored:
                moment = datetime.now(UTC).isoformat(timespec="milliseconds")
                said = entry.get("datetime", moment.replace("+00:00", "Z"))
                self.rows.setdefault(entry["key"], []).append((said, entry["value"]))
        if is_pushed and not self.is_silent:
            await self.say(json.dumps(entries, separators=(",", ":")))

    async def say(self, text: str) -> None:
        """Send something to every subscription, cut as told."""
        data = text.encode()
        size = self.cut or len(data)
        async with self._mouth:
            for stream in list(self._streams):
                with contextlib.suppress(ConnectionError, RuntimeError):  # It has ended.
                    for at in range(0, len(data), size):
                        await stream.write(data[at : at + size])
                        await asyncio.sleep(0)

    def end_streams(self) -> None:
        """End every subscription properly."""
        self._end.set()
        self._end = asyncio.Event()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    # The API

    async def on_activate(self, request: web.Request) -> web.Response:
        body = await request.json()
        trouble = self.activation_trouble
        if trouble:
            return self._refusal(trouble)
        if body.get("activationCode") != CODE:
            return self._refusal(Trouble(404, body="Activation code not found"))
        self.activations.append(body)
        if len(self.activations) > 1:
            return self._refusal(Trouble(403, body="Activation code already used"))
        answer = {"status": "created", "message": "thing activated", "thingToken": TOKEN}
        return web.json_response(answer, status=201)

    async def on_write(self, request: web.Request) -> web.Response:
        denied = self._denied(request)
        if denied:
            return denied
        if self.is_hung:
            await asyncio.Event().wait()
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble and not trouble.is_taken:
            return self._refusal(trouble)
        entries = (await request.json())["values"]
        if self.poison is not None and self.poison in [entry["value"] for entry in entries]:
            return self._refusal(Trouble(400, body="bad value"))
        self.writes.append(entries)
        self.queries.append(dict(request.query))
        is_pushed = request.query.get("broadcast") != "false"
        await self.write(*entries, is_pushed=is_pushed)
        await self._tell()
        if trouble:
            return self._refusal(trouble)
        return web.json_response({"status": "created", "message": "created"}, status=201)

    async def on_read(self, request: web.Request) -> web.Response:
        denied = self._denied(request)
        if denied:
            return denied
        key = request.match_info["key"]
        self.reads += 1
        await self._tell()
        if key not in self.rows:
            return self._refusal(Trouble(404, body="no such resource"))
        rows = sorted(self.rows[key], key=lambda row: row[0], reverse=True)
        rows = rows[: int(request.query.get("limit", "1"))]
        found = [{"key": key, "value": value, "datetime": said} for said, value in rows]
        return web.json_response(found, headers={"Date": self.date} if self.date else None)

    async def on_subscribe(self, request: web.Request) -> web.StreamResponse:
        denied = self._denied(request)
        if denied:
            return denied
        end, keep_alive_s = self._end, int(request.query["keepAlive"]) / 1000
        stream = web.StreamResponse(headers={"Date": self.date} if self.date else None)
        stream.content_type = "application/json"
        await stream.prepare(request)
        await stream.write(self.first_text.encode())
        self._streams.append(stream)
        self.subscribed += 1
        await self._tell()
        try:
            while not end.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(keep_alive_s):
                        await end.wait()
                if not self.is_silent and not end.is_set():
                    async with self._mouth:
                        await stream.write(b"{}")
        finally:
            self._streams.remove(stream)
        return stream

    def _denied(self, request: web.Request) -> web.Response | None:
        status = self.denial or (0 if request.match_info["token"] == TOKEN else 404)
        body = f"Thing {request.match_info['token']} not found"
        return self._refusal(Trouble(status, body=body)) if status else None

    @staticmethod
    def _refusal(trouble: Trouble) -> web.Response:
        body = {"status": "error", "code": trouble.status, "message": trouble.body}
        return web.json_response(body, status=trouble.status, headers=trouble.headers)


@asynccontextmanager
async def little_cloud() -> AsyncIterator[LittleCloud]:
    """Serve it on a free port of the loopback."""
    cloud = LittleCloud()
    app = web.Application()
    app.router.add_post("/v2/things", cloud.on_activate)
    app.router.add_post("/v2/things/{token}", cloud.on_write)
    app.router.add_get("/v2/things/{token}", cloud.on_subscribe)
    app.router.add_get("/v2/things/{token}/resources/{key}", cloud.on_read)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    cloud.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2"
    try:
        yield cloud
    finally:
        cloud.end_streams()
        await runner.cleanup()
