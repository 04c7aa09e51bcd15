"""The table of endpoints is complete: against the sandbox's routes and the client's own words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from gatewayd.clouds.thinger.events import Kind
from gatewayd.clouds.thinger.messages import Signal
from gatewayd.clouds.thinger.rest_buckets import BucketQuery
from gatewayd.clouds.thinger.rest_errors import STATUSES
from gatewayd.clouds.thinger.sandbox.rest import TABLE

ROWS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("endpoints.toml").read_text(encoding="utf-8")
)


def test_every_endpoint_of_the_sandbox_is_in_the_table() -> None:
    """And the other way round."""
    assert set(ROWS["endpoint"]) == {f"{route.method} {route.path}" for route in TABLE.routes}


def test_every_kind_of_resource_is_in_the_table() -> None:
    """The number in a listing."""
    assert {f"kind {kind.name.lower()}" for kind in Kind} < set(ROWS["resource"])


def test_every_signal_is_in_the_table() -> None:
    """But the one that is never on the wire."""
    assert {signal.name for signal in Signal if signal} | {"KEEP_ALIVE"} == set(ROWS["socket"])


def test_every_parameter_of_a_query_is_in_the_table() -> None:
    """As the client can ask."""
    asked = set(BucketQuery(tags={"": [""]}).pairs())
    assert asked | {"ts"} == set(ROWS["bucket"])


def test_every_status_is_in_the_table() -> None:
    """That the client has a class for."""
    assert {int(name) for name in ROWS["status"]} == set(STATUSES)
