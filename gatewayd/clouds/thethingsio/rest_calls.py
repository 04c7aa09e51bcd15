"""Calls of the thethings.iO API: one request, one answer, what it says; streams; paging.

Tries once, with one exception: a session that the cloud refuses (401) is replaced once and the
call repeated. What was refused was not done, so nothing is done twice.

Source: thethings.iO API reference; App Development guide.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Protocol

import orjson

from gatewayd.clouds.json_fields import Json
from gatewayd.clouds.thethingsio.answers import Refused
from gatewayd.clouds.thethingsio.codec import Entry, decode_push, encode_time, parse_json
from gatewayd.clouds.thethingsio.queries import ROWS_MAX
from gatewayd.clouds.thethingsio.rest_errors import Denied, content_of, error_for
from gatewayd.clouds.thethingsio.stream import Subscribed, Texts, decode_event
from gatewayd.clouds.thethingsio.verdict import JSON, without_secrets
from gatewayd.errors import LinkLost, Malformed
from gatewayd.transports.http import Answer, Http, Request, Stream

PAGES_MAX = 10_000
"""Ten million values; a cloud that pages on for ever is stopped here."""

GRACE_S = 1.0
"""How much longer than `keepAlive` a stream may be silent; the vendor's own client waits so."""


class Credentials(Protocol):
    """What opens the door of the app plane."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the next request. Raises LinkDenied: there is nothing to show."""
        ...

    async def renew(self, refused: Denied) -> None:
        """Get something better than what was just refused. Raises LinkDenied."""
        ...


class Nobody:
    """The credentials of calls that have their token in the path."""

    async def headers(self) -> Mapping[str, str]:
        return {}

    async def renew(self, refused: Denied) -> None:
        raise refused


class Calls:
    """One plane of the API: the address, and what to show at the door."""

    def __init__(self, http: Http, credentials: Credentials) -> None:
        self.http = http
        self._credentials = credentials

    async def call(self, method: str, path: str, body: object = None) -> object:
        """Send a request and return what the answer says; None where there is nothing new.

        Raises:
            ThethingsioError: it was refused. Malformed: it was not understood.
            LinkLost: nobody answered; what was asked may have been done.
        """
        raw = None if body is None else orjson.dumps(body)
        try:
            return content_of(await self._send(method, path, raw))
        except Denied as refused:
            await self._credentials.renew(refused)
        return content_of(await self._send(method, path, raw))

    async def record(self, method: str, path: str, body: object = None) -> Json:
        """As `call`, for answers that are objects."""
        content = await self.call(method, path, body)
        if not isinstance(content, Mapping):
            raise Malformed("thethings.iO answers with something else than an object")
        return content

    async def records(self, path: str) -> tuple[Json, ...]:
        """Return the objects of an answer that is a list; nothing new is an empty one."""
        content = await self.call("GET", path)
        if content is None:
            return ()
        if not isinstance(content, list):
            raise Malformed("thethings.iO answers with something else than a list")
        return tuple(each for each in content if isinstance(each, Mapping))

    @asynccontextmanager
    async def stream(self, path: str, keep_alive_s: float) -> AsyncIterator[AsyncIterator[object]]:
        """Subscribe; the subscription stands when the block begins, and ends with it.

        Yields an iterator over the arrays that are pushed, for one consumer. It raises LinkLost
        when the cloud falls silent for longer than it promised, or ends.
        """
        asked = f"{path}{'&' if '?' in path else '?'}keepAlive={round(keep_alive_s * 1000)}"
        silence_s = keep_alive_s + GRACE_S
        async with AsyncExitStack() as stack:
            try:
                opening = self._subscribed(asked, silence_s)
                pushes = await stack.enter_async_context(opening)
            except Denied as refused:
                await self._credentials.renew(refused)
                opening = self._subscribed(asked, silence_s)
                pushes = await stack.enter_async_context(opening)
            yield pushes

    @asynccontextmanager
    async def _subscribed(
        self, path: str, silence_s: float
    ) -> AsyncIterator[AsyncIterator[object]]:
        request = Request("GET", path, {**JSON, **await self._credentials.headers()})
        async with AsyncExitStack() as stack:
            stream = await stack.enter_async_context(self.http.stream(request, silence_s))
            if stream.status != 200:
                content_of(await stream.whole())
                raise Malformed(f"thethings.iO answers a subscription with {stream.status}")
            texts = await stack.enter_async_context(aclosing(_texts(stream)))
            first = decode_event(await anext(texts, b"[]"))
            if isinstance(first, Refused):
                raise error_for(first.code, without_secrets(first.message))
            if not isinstance(first, Subscribed):
                raise LinkLost("the cloud did not confirm the subscription")
            yield _pushes(texts)

    async def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {**JSON, **await self._credentials.headers()}
        return await self.http.send(Request(method, path, headers, body))


async def _texts(stream: Stream) -> AsyncGenerator[bytes]:
    texts = Texts()
    async for chunk in stream.chunks():
        for text in texts.feed(chunk):
            yield text


async def _pushes(texts: AsyncIterator[bytes]) -> AsyncIterator[object]:
    async for text in texts:
        content = parse_json(text)
        if isinstance(content, list):
            yield content
    raise LinkLost("the cloud ended the subscription")


Fetch = Callable[[dict[str, str]], Awaitable[Sequence[Entry]]]
"""Reads values with these parameters, the newest first."""


def range_of(
    limit: int = 1, start_ms: int | None = None, end_ms: int | None = None
) -> dict[str, str]:
    """Return the parameters of a read: at most `limit` values from `start_ms` to before `end_ms`.

    Raises:
        ValueError: the cloud gives 1 to 1000 values at a time.
    """
    if not 1 <= limit <= ROWS_MAX:
        raise ValueError(f"{limit} values at a time are not between 1 and {ROWS_MAX}")
    asked = {"limit": str(limit)}
    if start_ms is not None:
        asked["startDate"] = encode_time(start_ms)
    if end_ms is not None:
        asked["endDate"] = encode_time(end_ms)
    return asked


async def all_rows(
    fetch: Fetch, start_ms: int | None = None, end_ms: int | None = None
) -> AsyncIterator[Entry]:
    """Yield values page by page, the newest first, each once.

    The guide pages with the last time as the next `endDate`, which leaves out all other values
    of that very millisecond. So the next page begins one later, and what was seen is skipped.
    """
    edge_ms: int | None = None
    at_edge = 0
    for _ in range(PAGES_MAX):
        until_ms = end_ms if edge_ms is None else edge_ms + 1
        rows = await fetch(range_of(ROWS_MAX, start_ms, until_ms))
        fresh = rows if edge_ms is None else _older(rows, edge_ms)[at_edge:]
        for row in fresh:
            yield row
        if len(rows) < ROWS_MAX or rows[-1].time_ms is None:
            return
        if fresh:
            last_ms = rows[-1].time_ms
            alike = sum(row.time_ms == last_ms for row in fresh)
            edge_ms, at_edge = last_ms, alike + (at_edge if last_ms == edge_ms else 0)
        else:  # More than a page in one millisecond: the rest of it cannot be reached.
            edge_ms, at_edge = (edge_ms or 0) - 1, 0


def _older(rows: Sequence[Entry], edge_ms: int) -> list[Entry]:
    return [row for row in rows if row.time_ms is not None and row.time_ms <= edge_ms]


def dated_rows(content: object, key: str = "") -> list[Entry]:
    """Return the rows of an answer; those without a name of their own are of `key`.

    Raises:
        Malformed: it is no list.
    """
    if content is None:
        return []
    if isinstance(content, list) and key:
        content = [{"key": key, **row} for row in content if isinstance(row, Mapping)]
    return decode_push(content)
