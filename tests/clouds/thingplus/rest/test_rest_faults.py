"""Every status and every error code that the vendor's page names, as the client tells them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from gatewayd.clouds.thingplus.query import Query
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import (
    CATEGORIES,
    ActuatorTimeout,
    Busy,
    Conflict,
    Denied,
    GatewayAnsweredError,
    NotFound,
    PlanExceeded,
    ServerFailed,
    ThingPlusError,
)
from gatewayd.clouds.thingplus.rest_series import Point
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.tokens import PasswordGrant
from gatewayd.errors import LinkDenied, LinkError, LinkLost, Throttled
from gatewayd.fields import Secret
from gatewayd.sandbox.faults import RateLimit, RestFault
from gatewayd.transports.http import HttpSettings, Request, open_http

Opened = Callable[..., AbstractAsyncContextManager[Rest]]
GATEWAY = "b827eb000001"


@pytest.mark.parametrize(
    ("status", "kind", "turn"),
    [
        (400, ThingPlusError, LinkError),
        (401, Denied, LinkDenied),
        (403, Denied, LinkDenied),
        (404, NotFound, LinkError),
        (409, Conflict, LinkError),
        (429, Busy, Throttled),
        (444, ServerFailed, LinkLost),
        (471, PlanExceeded, LinkError),
        (500, ServerFailed, LinkLost),
        (504, ActuatorTimeout, LinkError),
        (600, GatewayAnsweredError, LinkError),
    ],
)
async def test_a_status_is_told_as_its_class(
    api: Rest, sandbox: Sandbox, status: int, kind: type[Exception], turn: type[Exception]
) -> None:
    """Each status of the vendor's page, its own inventions included, over a real socket."""
    await api.me()
    sandbox.rest_faults.add(RestFault(path="/gateways", status=status, times=-1))
    with pytest.raises(kind) as caught:
        await api.gateways.list()
    assert isinstance(caught.value, turn)
    assert isinstance(caught.value, ThingPlusError)
    assert caught.value.status == status
    sandbox.rest_faults.clear()
    await api.gateways.list()


@pytest.mark.parametrize("code", list(CATEGORIES))
async def test_a_code_is_told_with_its_category(api: Rest, sandbox: Sandbox, code: str) -> None:
    """Each error code of the vendor's page."""
    await api.me()
    sandbox.rest_faults.add(RestFault(path="/gateways", status=400, code=code))
    with pytest.raises(ThingPlusError) as caught:
        await api.gateways.list()
    assert (caught.value.code, caught.value.category) == (code, CATEGORIES[code])


async def test_an_unknown_code_is_unknown(api: Rest, sandbox: Sandbox) -> None:
    """The vendor's own last row."""
    await api.me()
    sandbox.rest_faults.add(RestFault(path="/gateways", status=444, code="-"))
    with pytest.raises(ThingPlusError) as caught:
        await api.gateways.list()
    assert caught.value.category == "UNKNOWN"


async def test_a_busy_cloud_says_when_to_come_back(api: Rest, sandbox: Sandbox) -> None:
    """429 with Retry-After; a single call does not wait for it."""
    await api.me()
    sandbox.rest_faults.add(RestFault(path="/gateways", status=429, retry_after_s=7))
    with pytest.raises(Busy) as caught:
        await api.gateways.list()
    assert caught.value.retry_after_s == 7.0


async def test_reading_all_pages_waits_for_a_busy_cloud(api: Rest, sandbox: Sandbox) -> None:
    """The rate limit of the sandbox, and the pages in spite of it."""
    await api.me()
    sandbox.rest_faults.rate_limit = RateLimit(count=1, window_s=0.3)
    before = sandbox.journal.counts["rest_requests"]
    assert len([each async for each in api.gateways.all(Query(count=1))]) == 2
    assert sandbox.journal.counts["rest_requests"] - before == 3


async def test_a_cut_connection_is_a_lost_link(api: Rest, sandbox: Sandbox) -> None:
    """And nothing is asked twice: a command may have been carried out."""
    await api.me()
    sandbox.rest_faults.add(RestFault(path="/controlActuator", cut=True))
    before = sandbox.journal.counts["rest_requests"]
    with pytest.raises(LinkLost):
        await api.control.control(GATEWAY, "relay", "on")
    assert sandbox.journal.counts["rest_requests"] == before + 1


async def test_values_whose_answer_was_lost_are_stored(api: Rest, sandbox: Sandbox) -> None:
    """The request was carried out; sending again says so with INVALID_INPUT."""
    sensors = api.gateways.sensors(GATEWAY)
    await api.me()
    sandbox.rest_faults.add(RestFault(path="/series", method="PUT", status=500, after=True))
    with pytest.raises(ServerFailed):
        await sensors.put_series("temp", [Point(1000, 1.5)])
    assert await sensors.latest("temp") == Point(1000, "1.5")
    with pytest.raises(ThingPlusError, match="INVALID_INPUT"):
        await sensors.put_series("temp", [Point(1000, 1.5)])


async def test_a_body_that_is_no_json_is_said_to_be_none(sandbox: Sandbox, api: Rest) -> None:
    """400 JSON_PARSING; the client never sends one, so it is sent past it."""
    token = await api.sign_in(
        PasswordGrant("sandbox", Secret("sandbox"), "sandbox", Secret("sandbox"))
    )
    headers = {"Authorization": token.authorization}
    async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
        answer = await http.send(Request("POST", "/v2/tags", headers, b"{"))
    assert answer.status == 400
    assert b"JSON_PARSING" in answer.body


async def test_the_first_version_speaks_without_envelopes(
    sandbox: Sandbox, open_as: Opened
) -> None:
    """/v1: raw records, pages only when asked for, errors with their code at the top."""
    async with open_as(prefix="/v1") as api:
        assert (await api.gateways.get(GATEWAY)).name == "Boiler room"
        assert len((await api.gateways.list()).items) == 2
        assert (await api.gateways.list(Query(count=1))).meta.total == 2
        await api.gateways.sensors(GATEWAY).put_series("temp", [Point(1000, 1.5)])
        with pytest.raises(NotFound) as caught:
            await api.gateways.get("none")
    assert caught.value.code == "NOT_FOUND"
