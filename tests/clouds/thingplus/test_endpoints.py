"""The table of endpoints is complete: against the sandbox's routes and the client's own words."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from gatewayd.clouds.thingplus.envelope import Meta
from gatewayd.clouds.thingplus.query import SubFunc, TimeUnit
from gatewayd.clouds.thingplus.rest_errors import CATEGORIES, STATUSES, Category
from gatewayd.clouds.thingplus.sandbox.rest import TABLE
from gatewayd.clouds.thingplus.tokens import Scope

ROWS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("endpoints.toml").read_text(encoding="utf-8")
)
ALIASES = {"PUT /changePassword"}
"""What the sandbox takes as well, for want of a documented method."""


def test_every_endpoint_of_the_sandbox_is_in_the_table() -> None:
    """And the other way round."""
    served = {f"{route.method} {route.path}" for route in TABLE.routes}
    assert set(ROWS["endpoint"]) == served - ALIASES


def test_what_gateways_may_call_is_for_gateways() -> None:
    """Every row of the unprefixed face is a route that takes an API key."""
    served = {f"{route.method} {route.path}" for route in TABLE.routes if route.is_for_gateways}
    assert {name.partition("?")[0].rstrip("/") for name in ROWS["own"]} <= served


def test_every_scope_is_in_the_table() -> None:
    """And none besides."""
    assert set(ROWS["scope"]) == {scope.value for scope in Scope} | {"(no scope)"}


def test_every_status_code_and_category_is_in_the_table() -> None:
    """Statuses as the client knows them, codes with the vendor's `-`, categories."""
    assert {int(name) for name in ROWS["status"]} == set(STATUSES)
    assert set(ROWS["code"]) == {*CATEGORIES, "-"}
    assert set(ROWS["category"]) == {category.value for category in Category}


def test_every_function_and_unit_of_statistics_is_in_the_table() -> None:
    """As the client can ask for them."""
    asked = {f"subFunc={each}" for each in SubFunc} | {f"timeUnit={each}" for each in TimeUnit}
    assert asked < set(ROWS["statistics"])


def test_every_field_of_meta_is_in_the_table() -> None:
    """Twelve, as on the vendor's page."""
    assert len(ROWS["meta"]) == len(fields(Meta)) == 12
