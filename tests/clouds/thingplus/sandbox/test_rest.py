"""Faults of the REST side, the rate limit, and what every answer has in common."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.answers import CATEGORIES
from gatewayd.clouds.thingplus.sandbox.rest import TABLE, split_face
from gatewayd.sandbox.bodies import BODY_BYTES_MAX
from gatewayd.sandbox.faults import RateLimit, RestFault, RestFaults
from tests.clouds.thingplus.sandbox.scene import GW, TEMP, Api

NONSENSE: tuple[object, ...] = (None, {}, [], "text", 5, {"id": [], "params": 5}, [{}], [[]])
CODES = [(category, code) for category, codes in CATEGORIES.items() for code in codes]


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 444, 471, 500, 504, 600])
async def test_any_status_can_be_had_for_the_next_requests(
    sandbox: Sandbox, api: Api, status: int
) -> None:
    """For as many as asked for, on the paths asked for, in the envelope."""
    sandbox.rest_faults.add(RestFault(path="/gateways", times=2, status=status, retry_after_s=7))
    for _ in range(2):
        reply = await api.get("/v2/gateways")
        assert reply.status == reply.body["statusCode"] == status
        assert reply.headers["Retry-After"] == "7"
        assert (await api.get("/v2/users/me")).status == 200
    assert (await api.get("/v2/gateways")).status == 200


@pytest.mark.parametrize(("category", "code"), CODES)
async def test_any_error_code_can_be_had(
    sandbox: Sandbox, api: Api, category: str, code: str
) -> None:
    """With its category, as the vendor's table has it."""
    sandbox.rest_faults.add(RestFault(status=500, code=code))
    error = (await api.get("/v2/gateways")).body["errors"][0]
    assert (error["category"], error["code"]) == (category, code)


async def test_a_delayed_answer_comes_late(sandbox: Sandbox, api: Api) -> None:
    """And is otherwise the usual one."""
    sandbox.rest_faults.add(RestFault(delay_s=0.1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await api.get("/v2/users/me")
    sandbox.rest_faults.add(RestFault(delay_s=0.05))
    assert (await api.get("/v2/users/me")).status == 200


async def test_a_lost_answer_is_of_a_request_that_was_carried_out(
    sandbox: Sandbox, api: Api
) -> None:
    """`after` with `cut`: the value is stored, the client never hears of it."""
    sandbox.rest_faults.add(RestFault(method="POST", after=True, cut=True))
    with pytest.raises(aiohttp.ClientError):
        await api.post("/v2/loadSeries", {TEMP: [{"value": "1", "time": 1000}]})
    assert sandbox.world.sensors[TEMP].series.total == 1


async def test_a_cut_connection_carries_nothing_out(sandbox: Sandbox, api: Api) -> None:
    """Without `after` the request was for nothing."""
    sandbox.rest_faults.add(RestFault(method="POST", cut=True))
    with pytest.raises(aiohttp.ClientError):
        await api.post("/v2/loadSeries", {TEMP: [{"value": "1", "time": 1000}]})
    assert sandbox.world.sensors[TEMP].series.total == 0


async def test_a_request_that_hangs_is_let_go_with_the_faults(sandbox: Sandbox, api: Api) -> None:
    """It waits as long as the fault stands."""
    sandbox.rest_faults.add(RestFault(hang=True))
    waiting = asyncio.create_task(api.get("/v2/users/me"))
    done, _ = await asyncio.wait((waiting,), timeout=0.1)
    assert not done
    await sandbox.clear_faults()
    assert (await waiting).status == 500


async def test_too_many_requests_are_told_when_to_come_back(sandbox: Sandbox, api: Api) -> None:
    """429 with Retry-After, until the limit is lifted."""
    sandbox.rest_faults.rate_limit = RateLimit(count=3, window_s=60)
    statuses = [(await api.get("/v2/users/me")).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    reply = await api.get("/v2/users/me")
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    await sandbox.clear_faults()
    assert (await api.get("/v2/users/me")).status == 200


def test_a_window_moves_on() -> None:
    """What was asked a window ago does not count."""
    faults = RestFaults()
    faults.rate_limit = RateLimit(count=1, window_s=10)
    assert [faults.retry_after_s(now_s) for now_s in (0, 5, 10, 19)] == [None, 5, None, 1]


async def test_a_body_too_large_is_invalid(api: Api) -> None:
    """400, not a crash."""
    reply = await api.call("POST", "/v2/tags", data=io.BytesIO(bytes(BODY_BYTES_MAX + 1)))
    assert (reply.status, reply.code) == (400, "INVALID_INPUT")


async def test_the_sticky_cookie_is_handed_out_once(api: Api) -> None:
    """And not again to who returns it."""
    assert "dwTPlus=" in (await api.get("/v2/users/me")).headers["Set-Cookie"]
    again = await api.get("/v2/users/me", headers={"Cookie": "dwTPlus=sandbox"})
    assert "Set-Cookie" not in again.headers


async def test_every_endpoint_that_needs_a_login_says_so(anonymous: Api) -> None:
    """The whole table, on both faces of apps: 401 without credentials, nothing but 401."""
    for route in TABLE.routes:
        if route.is_open:
            continue
        path = route.path.replace("{gateway}", GW).replace("{sensor}", TEMP)
        for face in ("/v2", "/v1", ""):
            reply = await anonymous.call(
                route.method, face + path.replace("{", "").replace("}", "")
            )
            assert (reply.status, reply.text) == (401, "Access denied"), route


async def test_no_endpoint_crashes_on_nonsense(api: Api) -> None:
    """Every route with bodies of every JSON kind, and a query that is none."""
    for route in TABLE.routes:
        if route.path in ("/logout", "/changePassword") or route.method == "DELETE":
            continue
        path = route.path.replace("{gateway}", GW).replace("{sensor}", TEMP)
        path = path.replace("{device}", f"{GW}-0").replace("{id}", "1")
        for body in NONSENSE:
            reply = await api.call(route.method, f"/v2{path}?a[=1&dataStart=x", body)
            assert reply.status < 500 or reply.status == 501, (route, body, reply.text)


async def test_the_page_shows_no_key(sandbox: Sandbox, anonymous: Api) -> None:
    """Accounts, gateways and endpoints, escaped."""
    sandbox.world.gateways[GW].name = "<b>"
    page = await anonymous.get("/")
    assert page.status == 200
    assert "&lt;b&gt;" in page.text
    assert sandbox.world.keys[GW].key not in page.text


def test_a_path_has_one_of_three_faces() -> None:
    """`/v2/…`, `/v1/…`, and everything else."""
    assert [split_face(path)[0].value for path in ("/v2/x", "/v1/x", "/x", "/v2x")] == [
        "/v2",
        "/v1",
        "",
        "",
    ]
