"""Calls of the Thing+ REST API: one request, one answer, out of its envelope; and collections.

Tries once, with two bounded exceptions: a token that the cloud refuses is renewed once and the
call repeated, and reading page after page waits a few times when the cloud says 429.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Protocol, TypeVar

import orjson

from gatewayd.clouds.json_fields import Json
from gatewayd.clouds.places import place
from gatewayd.clouds.thingplus.envelope import Envelope, Meta, open_envelope
from gatewayd.clouds.thingplus.query import COUNT_MAX, Query, Renderable, render
from gatewayd.clouds.thingplus.rest_errors import Busy, Denied
from gatewayd.transports.http import Http, Request

PAGES_MAX = 1000
"""Four million records; a cloud that pages on for ever is stopped here."""

WAITS_MAX = 3
"""How often reading page after page waits because of 429 before it gives up."""

WAIT_MAX_S = 60.0
"""A longer wait than this is for the caller to decide about."""

T = TypeVar("T")


class HasBody(Protocol):
    """Whatever can be sent as an object."""

    def body(self) -> dict[str, object]:
        """Return the JSON object that the cloud takes."""
        ...


Body = Mapping[str, object] | list[dict[str, object]] | HasBody


class Credentials(Protocol):
    """What opens the door: a user's token, or a gateway's API key."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the next request.

        Raises:
            LinkDenied: there is nothing to show.
        """
        ...

    async def renew(self, refused: Denied) -> None:
        """Get something better than what was just refused, or raise `refused`."""
        ...


class Calls:
    """One face of the API: a prefix, and what to show at the door."""

    def __init__(self, http: Http, prefix: str, credentials: Credentials) -> None:
        self._http = http
        self._prefix = prefix
        self._credentials = credentials

    async def get(self, path: str, query: Renderable | None = None) -> Envelope:
        return await self.call("GET", path + render(query))

    async def post(self, path: str, body: Body) -> Envelope:
        return await self.call("POST", path, body)

    async def put(self, path: str, body: Body) -> Envelope:
        return await self.call("PUT", path, body)

    async def delete(self, path: str) -> None:
        await self.call("DELETE", path)

    async def call(self, method: str, path: str, body: Body | None = None) -> Envelope:
        """Send one request and return what was inside its answer.

        Raises:
            ThingPlusError: the cloud refused; its class says whose turn it is.
            LinkLost, LinkDenied, Malformed: see transports.http.
        """
        try:
            return await self._try(method, path, body)
        except Denied as refused:
            await self._credentials.renew(refused)
            return await self._try(method, path, body)

    async def open_call(self, method: str, path: str, body: Body) -> Envelope:
        """Send one request that needs no credentials."""
        return open_envelope(await self._http.send(self._request(method, path, {}, body)))

    async def _try(self, method: str, path: str, body: Body | None) -> Envelope:
        headers = await self._credentials.headers()
        return open_envelope(await self._http.send(self._request(method, path, headers, body)))

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: Body | None
    ) -> Request:
        place = self._prefix + path
        if body is None:
            return Request(method, place, headers)
        plain = body if isinstance(body, Mapping | list) else body.body()
        typed = {**headers, "Content-Type": "application/json"}
        return Request(method, place, typed, orjson.dumps(plain))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a collection, and what the cloud says about the whole."""

    items: tuple[T, ...]
    meta: Meta


class Shelf(Generic[T]):
    """A collection that is only read."""

    def __init__(self, calls: Calls, path: str, of: Callable[[Json], T]) -> None:
        self._calls = calls
        self._path = path
        self._of = of

    async def list(self, query: Query | None = None) -> Page[T]:
        """Return one page; without a query the first, as long as the cloud likes."""
        envelope = await self._calls.get(self._path, query)
        return Page(tuple(map(self._of, envelope.records)), envelope.meta)

    async def all(self, query: Query | None = None) -> AsyncIterator[T]:
        """Yield every record, page after page. `count` is the size of a page, `page` the first.

        Records made or deleted meanwhile may be missed or come twice.
        """
        asked = query or Query()
        count, first = asked.count or COUNT_MAX, asked.page or 0
        for page in range(first, first + PAGES_MAX):
            wanted = replace(asked, count=count, page=page)
            found = await patiently(partial(self.list, wanted))
            for item in found.items:
                yield item
            if is_last(found.meta, len(found.items), wanted):
                return

    async def get(self, id: str, query: Query | None = None) -> T:
        """Return one record.

        Raises:
            NotFound: there is none of that id.
        """
        envelope = await self._calls.get(self._path + place(id), query)
        return self._of(envelope.record)


class Collection(Shelf[T]):
    """A collection whose records can be made, changed and deleted."""

    async def create(self, new: Body) -> T:
        """Make a record.

        Raises:
            Conflict: its id is taken. PlanExceeded: the plan allows no more.
        """
        return self._of((await self._calls.post(self._path, new)).record)

    async def update(self, id: str, changes: Body) -> T:
        """Change some fields of a record; the others stay."""
        return self._of((await self._calls.put(self._path + place(id), changes)).record)

    async def delete(self, id: str) -> None:
        """Delete a record."""
        await self._calls.delete(self._path + place(id))


def is_last(meta: Meta, found: int, query: Query) -> bool:
    """Return whether this page was the last one: `found` records for the `query` with a page."""
    page, count = query.page or 0, query.count or COUNT_MAX
    if found == 0:
        return True
    if meta.total is not None:
        size = min(count, meta.max_count or count)
        return (page + 1) * size >= meta.total
    return found < count


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask; when the cloud says 429, wait as long as it says and ask again, a few times."""
    for _ in range(WAITS_MAX):
        try:
            return await ask()
        except Busy as error:
            if error.retry_after_s > WAIT_MAX_S:
                raise
            await asyncio.sleep(error.retry_after_s)
    return await ask()
