"""Every status of the vendor's table, as the client tells it, over a real socket."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.rest_calls import Calls, Nobody
from gatewayd.clouds.thethingsio.rest_errors import (
    Busy,
    Denied,
    Forbidden,
    Invalid,
    NotFound,
    Retired,
    ServerFailed,
    ThethingsioError,
    content_of,
)
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.errors import LinkDenied, LinkError, LinkLost, Malformed, Throttled
from gatewayd.sandbox.faults import RateLimit, RestFault
from gatewayd.transports.http import Answer, HttpSettings, open_http
from tests.clouds.thethingsio.rest.scene import TOKEN


@pytest.mark.parametrize(
    ("status", "kind", "turn"),
    [
        (400, Invalid, LinkError),
        (401, Denied, LinkDenied),
        (403, Forbidden, LinkDenied),
        (404, NotFound, LinkError),
        (408, ServerFailed, LinkLost),
        (409, ThethingsioError, LinkError),
        (410, Retired, LinkDenied),
        (429, Busy, Throttled),
        (500, ServerFailed, LinkLost),
        (502, ServerFailed, LinkLost),
        (503, ServerFailed, LinkLost),
        (504, ServerFailed, LinkLost),
    ],
)
async def test_a_status_is_told_as_its_class(
    thing: Thing, sandbox: Sandbox, status: int, kind: type[Exception], turn: type[Exception]
) -> None:
    """And by whose turn it is."""
    sandbox.rest_faults.add(RestFault(status=status, message=f"because of {status}", times=-1))
    with pytest.raises(turn, match=f"{status}: because of {status}") as caught:
        await thing.keys()
    assert type(caught.value) is kind


async def test_success_has_two_statuses(thing: Thing, sandbox: Sandbox) -> None:
    """200 for a read, 201 for a write."""
    await thing.write([Entry("t", 1)])
    assert [row.value for row in await thing.rows("t")] == [1]
    assert sandbox.journal.counts["rest_requests"] == 2


async def test_nothing_new_is_an_empty_answer(thing: Thing, sandbox: Sandbox) -> None:
    """304 has no body."""
    sandbox.rest_faults.add(RestFault(status=304, times=2))
    assert await thing.rows("t") == []
    assert await thing.last_values() == {}


async def test_a_rate_limit_says_how_long_to_wait(thing: Thing, sandbox: Sandbox) -> None:
    """Retry-After; a minute where the cloud does not say."""
    sandbox.rest_faults.rate_limit = RateLimit(1, 30)
    await thing.keys()
    with pytest.raises(Busy) as caught:
        await thing.keys()
    assert 25 <= caught.value.retry_after_s <= 30
    sandbox.rest_faults.clear()
    sandbox.rest_faults.add(RestFault(status=429))
    with pytest.raises(Busy) as caught:
        await thing.keys()
    assert caught.value.retry_after_s == 60


async def test_a_lost_acknowledgement_is_a_lost_link(thing: Thing, sandbox: Sandbox) -> None:
    """The write was taken; nobody knows."""
    sandbox.rest_faults.add(RestFault(cut=True, after=True))
    with pytest.raises(LinkLost):
        await thing.write([Entry("t", 1)])
    assert sandbox.journal.counts["points_accepted"] == 1


async def test_a_hanging_cloud_is_a_lost_link(sandbox: Sandbox) -> None:
    """After the time that reading may take."""
    sandbox.rest_faults.add(RestFault(hang=True))
    async with open_http(HttpSettings(base_url=sandbox.rest_url, read_s=0.2)) as http:
        with pytest.raises(LinkLost, match="in time"):
            await Calls(http, Nobody()).call("GET", f"/things/{TOKEN}/resources")


async def test_a_late_answer_is_an_answer(thing: Thing, sandbox: Sandbox) -> None:
    """Delayed, not lost."""
    sandbox.rest_faults.add(RestFault(delay_s=0.1))
    assert await thing.keys() == ()


async def test_a_cloud_that_is_gone_is_a_lost_link() -> None:
    """Connection refused."""
    async with open_http(HttpSettings(base_url="http://127.0.0.1:9/v2")) as http:
        with pytest.raises(LinkLost):
            await Calls(http, Nobody()).call("GET", "/")


def test_an_error_body_counts_whatever_the_status() -> None:
    """The code in it is the status then."""
    answer = Answer(200, {}, b'{"status":"Error","code":404,"message":"gone"}')
    with pytest.raises(NotFound, match="gone"):
        content_of(answer)


def test_a_login_page_is_not_thethingsio() -> None:
    """A captive portal's 200 is malformed; its 503 is the status."""
    with pytest.raises(Malformed):
        content_of(Answer(200, {}, b"<html>"))
    with pytest.raises(ServerFailed):
        content_of(Answer(503, {}, b"<html>"))


def test_a_token_in_the_clouds_words_is_not_repeated() -> None:
    """It might be logged."""
    body = b'{"status":"error","code":404,"message":"no thing ' + TOKEN.encode() + b'"}'
    with pytest.raises(NotFound) as caught:
        content_of(Answer(404, {}, body))
    assert TOKEN not in str(caught.value)
