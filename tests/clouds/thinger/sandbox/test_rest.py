"""The app side as a whole: who gets in, and that nothing odd is ever more than a refusal."""

from __future__ import annotations

import io
import json
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.clouds.thinger.sandbox.call import Route
from gatewayd.clouds.thinger.sandbox.rest import TABLE
from tests.clouds.thinger.device import DEVICE

NAMES = {
    "user": "sandbox",
    "device": DEVICE,
    "bucket": "boiler",
    "endpoint": "none",
    "property": "p",
    "token": "none",
}
KEYS = [
    *("device", "device_id", "device_credentials", "credentials", "name", "type", "enabled"),
    *("bucket", "config", "tags", "endpoint", "token", "allow", "deny", "expire", "property"),
    *("value", "actions", "properties", "ts", "in", "token_name", "token_resources"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=10), inner, max_size=6)
    ),
    max_leaves=12,
)
WRITING = [each for each in TABLE.routes if each.method in ("POST", "PUT", "PATCH")]


def place(route: Route) -> str:
    path = route.path.replace("{resource...}", "relay")
    return path.format(**NAMES)


async def ask(sandbox: Sandbox, method: str, path: str, **more: Any) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, sandbox.rest_url + path, **more) as answer,
    ):
        body = await answer.read()
        if answer.status >= 400:
            assert json.loads(body)["error"]["message"]
        return answer.status


def headers(sandbox: Sandbox) -> dict[str, str]:
    token = sandbox.doors.pair(sandbox.world.account("sandbox"))["access_token"]
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    "route",
    [each for each in TABLE.routes if not each.is_open],
    ids=lambda route: f"{route.method} {route.path}",
)
async def test_every_door_is_locked(sandbox: Sandbox, route: Route) -> None:
    """401 without a token and with a bad one; 403 for somebody else's."""
    path = place(route)
    assert await ask(sandbox, route.method, path) == 401
    assert await ask(sandbox, route.method, path + "?authorization=a.b.c") == 401
    if "{user}" in route.path:
        foreign = sandbox.doors.pair(sandbox.world.account("ann"))["access_token"]
        assert await ask(sandbox, route.method, f"{path}?authorization={foreign}") == 403


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(route=st.sampled_from(WRITING), body=JSON)
async def test_any_body_is_taken_or_refused(sandbox: Sandbox, route: Route, body: object) -> None:
    """With a sentence; nothing breaks inside."""
    raw = json.dumps(body).encode()
    status = await ask(sandbox, route.method, place(route), data=raw, headers=headers(sandbox))
    assert status in (200, 400, 401, 404)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["items", "min_ts", "max_ts", "sort", "agg", "agg_type", "tz", "count"]),
    text=st.text(max_size=20),
)
async def test_any_query_is_taken_or_refused(sandbox: Sandbox, name: str, text: str) -> None:
    """With a sentence; nothing breaks inside."""
    for path in ("devices", "buckets/boiler/data"):
        status = await ask(
            sandbox,
            "GET",
            f"/v1/users/sandbox/{path}",
            params={"agg": "1d", "agg_type": "mean", name: text},
            headers=headers(sandbox),
        )
        assert status in (200, 400)


@pytest.mark.parametrize("path", ["/", "/v1", "/v9/users/sandbox/devices", "/v1/users"])
async def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    """404."""
    assert await ask(sandbox, "GET", path, headers=headers(sandbox)) == 404


async def test_a_body_that_is_too_large_is_refused(sandbox: Sandbox) -> None:
    """400, and it is not kept."""
    raw = io.BytesIO(b'"' + b"x" * (5 * 1024 * 1024) + b'"')
    path = "/v1/users/sandbox/buckets/boiler/data"
    assert await ask(sandbox, "POST", path, data=raw, headers=headers(sandbox)) == 400
