"""Every error of the API by name, the throttle, the prefixes; and bodies are always objects."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.clouds.thingsee.rest import Rest
from gatewayd.clouds.thingsee.rest_errors import (
    STATUSES,
    Busy,
    Conflict,
    Denied,
    NotFound,
    ServerFailed,
    ThingseeError,
)
from gatewayd.clouds.thingsee.sandbox import Sandbox
from gatewayd.errors import LinkDenied, LinkLost, Throttled
from gatewayd.sandbox.faults import RateLimit, RestFault
from tests.clouds.thingsee.rest.scene import Api

CLASSES = {
    400: (ThingseeError, ThingseeError),
    401: (Denied, LinkDenied),
    403: (Denied, LinkDenied),
    404: (NotFound, ThingseeError),
    409: (Conflict, ThingseeError),
    429: (Busy, Throttled),
    500: (ServerFailed, LinkLost),
    504: (ServerFailed, LinkLost),
}


def test_every_error_has_a_class() -> None:
    """Those that the vendor's app knows, and the throttle."""
    assert set(CLASSES) == set(STATUSES)


@pytest.mark.parametrize("status", STATUSES)
async def test_an_error_says_whose_turn_it_is(api: Rest, sandbox: Sandbox, status: int) -> None:
    """Its class, its status, its words."""
    sandbox.rest_faults.add(RestFault(path="/groups", status=status, times=2, message="so there"))
    with pytest.raises(ThingseeError) as caught:
        await api.groups.all()
    own, turn = CLASSES[status]
    assert type(caught.value) is own
    assert isinstance(caught.value, turn)
    assert caught.value.status == status
    assert caught.value.message in ("so there", "Too Many Requests")


@pytest.mark.parametrize("status", STATUSES)
async def test_after_an_error_the_api_goes_on(api: Rest, sandbox: Sandbox, status: int) -> None:
    """Nothing of it sticks to the client."""
    sandbox.rest_faults.add(RestFault(path="/groups", status=status, times=2))
    with pytest.raises(ThingseeError):
        await api.groups.all()
    sandbox.rest_faults.clear()
    assert await api.groups.all()


async def test_too_many_requests_say_how_long_to_wait(
    api: Rest, raw: Api, sandbox: Sandbox
) -> None:
    """In the words of what stands before the API."""
    sandbox.rest_faults.rate_limit = RateLimit(count=1, window_s=20)
    reply = await raw.get("/groups")
    assert reply.status == 200
    reply = await raw.get("/groups")
    assert (reply.status, reply.body) == (429, {"message": "Too Many Requests"})
    with pytest.raises(Busy) as caught:
        await api.groups.all()
    assert 1 <= caught.value.retry_after_s <= 20


async def test_a_cut_connection_is_lost(api: Rest, sandbox: Sandbox) -> None:
    """Not an answer of the cloud."""
    sandbox.rest_faults.add(RestFault(path="/groups", cut=True, times=-1))
    with pytest.raises(LinkLost):
        await api.groups.all()


async def test_a_cloud_that_hangs_is_let_go_of(api: Rest, sandbox: Sandbox) -> None:
    """The call waits, and goes away when its caller does."""
    sandbox.rest_faults.add(RestFault(path="/groups", hang=True))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await api.groups.all()
    assert await api.groups.all()


@pytest.mark.parametrize("prefix", ["/prod/v1", "/v1"])
async def test_the_api_is_there_with_its_stage_and_without(
    raw: Api, sandbox: Sandbox, prefix: str
) -> None:
    """As in the vendor's addresses, and as in its guides."""
    found = Api(raw.session, sandbox.rest_url + prefix, raw.headers)
    assert (await found.get("/groups")).status == 200


@pytest.mark.parametrize("path", ["/groups", "/prod/v1/nowhere", "/prod/v1/things/a/b/c"])
async def test_what_is_not_there_is_an_object_too(raw: Api, sandbox: Sandbox, path: str) -> None:
    """The vendor's app reads every body as one before it looks at the status."""
    reply = await Api(raw.session, sandbox.rest_url, raw.headers).get(path)
    assert (reply.status, reply.body["statusCode"], reply.body["error"]) == (404, 404, "Not Found")
