"""Calls and collections: paths, pages, and the two bounded exceptions to "try once"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gatewayd.clouds.json_fields import Json, needed
from gatewayd.clouds.thingplus.envelope import Meta
from gatewayd.clouds.thingplus.query import COUNT_MAX, Query
from gatewayd.clouds.thingplus.rest_calls import (
    WAIT_MAX_S,
    WAITS_MAX,
    Calls,
    Shelf,
    is_last,
    patiently,
)
from gatewayd.clouds.thingplus.rest_errors import Busy, Denied
from gatewayd.transports.http import HttpSettings, open_http


class Key:
    """Credentials that are renewed as often as anybody asks, and count it."""

    def __init__(self) -> None:
        self.renewals = 0

    async def headers(self) -> Mapping[str, str]:
        return {"apikey": f"key-{self.renewals}"}

    async def renew(self, refused: Denied) -> None:
        self.renewals += 1


class Cloud:
    """A server that answers what it was told, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        key = request.headers.get("apikey", "")
        self.asked.append((request.method, request.raw_path, key))
        status, body = self.answers.pop(0)
        return web.json_response(body, status=status, headers={"Retry-After": "0"})


@asynccontextmanager
async def calling(cloud: Cloud, key: Key) -> AsyncIterator[Calls]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", cloud.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with open_http(HttpSettings(base_url=url)) as http:
            yield Calls(http, "/v2", key)
    finally:
        await runner.cleanup()


def id_of(record: Json) -> str:
    return needed(record, "id")


def page(*ids: str, **meta: int) -> tuple[int, object]:
    return 200, {"statusCode": 200, "data": [{"id": id} for id in ids], "_meta": meta}


async def test_a_refused_call_is_repeated_once_with_something_better() -> None:
    """One renewal; the second answer is the answer."""
    cloud, key = Cloud((401, "Access denied"), (200, {"id": "1"})), Key()
    async with calling(cloud, key) as calls:
        assert (await calls.get("/users/me")).record == {"id": "1"}
    assert cloud.asked == [("GET", "/v2/users/me", "key-0"), ("GET", "/v2/users/me", "key-1")]


async def test_a_call_refused_twice_is_refused() -> None:
    """No renewal follows a renewal."""
    cloud, key = Cloud((401, "Access denied"), (401, "Access denied")), Key()
    async with calling(cloud, key) as calls:
        with pytest.raises(Denied):
            await calls.get("/users/me")
    assert key.renewals == 1


async def test_every_page_of_a_collection_is_read() -> None:
    """As many requests as `total` and the size of a page make."""
    cloud = Cloud(page("a", "b", total=5), page("c", "d", total=5), page("e", total=5))
    async with calling(cloud, Key()) as calls:
        found = [each async for each in Shelf(calls, "/tags", id_of).all(Query(count=2))]
    assert found == ["a", "b", "c", "d", "e"]
    assert [path for _, path, _ in cloud.asked] == [
        f"/v2/tags?count=2&page={number}" for number in (0, 1, 2)
    ]


async def test_pages_are_as_large_as_they_can_be() -> None:
    """4000 records unless somebody wants fewer."""
    cloud = Cloud(page("a", total=4001), page("b", total=4001))
    async with calling(cloud, Key()) as calls:
        assert [each async for each in Shelf(calls, "/tags", id_of).all()] == ["a", "b"]
    assert cloud.asked[1][1] == "/v2/tags?count=4000&page=1"


async def test_reading_pages_waits_when_the_cloud_is_busy() -> None:
    """429 in the middle does not lose the pages before it."""
    cloud = Cloud(page("a", total=2), (429, {}), page("b", total=2))
    async with calling(cloud, Key()) as calls:
        assert [each async for each in Shelf(calls, "/tags", id_of).all(Query(count=1))] == [
            "a",
            "b",
        ]


async def test_waiting_has_an_end() -> None:
    """A cloud that is always busy is given back to the caller."""
    cloud = Cloud(*[(429, {})] * (WAITS_MAX + 1))
    async with calling(cloud, Key()) as calls:
        with pytest.raises(Busy):
            await patiently(Shelf(calls, "/tags", id_of).list)
    assert len(cloud.asked) == WAITS_MAX + 1


async def test_a_long_wait_is_not_waited() -> None:
    """An hour is for the caller to decide about."""
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        error = Busy(429)
        error.retry_after_s = WAIT_MAX_S + 1
        raise error

    with pytest.raises(Busy):
        await patiently(ask)
    assert asked == 1


@pytest.mark.parametrize(
    ("meta", "found", "query", "last"),
    [
        (Meta(), 0, Query(count=2, page=3), True),
        (Meta(), 1, Query(count=2, page=0), True),
        (Meta(), 2, Query(count=2, page=0), False),
        (Meta(total=4), 2, Query(count=2, page=0), False),
        (Meta(total=4), 2, Query(count=2, page=1), True),
        (Meta(total=5000), COUNT_MAX, Query(page=0), False),
        (Meta(total=30, max_count=10), 10, Query(count=20, page=1), False),
        (Meta(total=30, max_count=10), 10, Query(count=20, page=2), True),
    ],
)
def test_the_last_page_is_known(meta: Meta, found: int, query: Query, last: bool) -> None:
    """By the total where there is one, by a page that is not full otherwise."""
    assert is_last(meta, found, query) is last
