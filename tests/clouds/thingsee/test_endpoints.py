"""The table of endpoints is complete: against the sandbox's routes and the client's own words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from gatewayd.clouds.thingsee.adjusting import ALLOWED
from gatewayd.clouds.thingsee.rest_errors import STATUSES
from gatewayd.clouds.thingsee.rest_types import InstallationStatus
from gatewayd.clouds.thingsee.sandbox.rest import TABLE

ROWS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("endpoints.toml").read_text(encoding="utf-8")
)


def test_every_endpoint_of_the_sandbox_is_in_the_table() -> None:
    """And the other way round."""
    assert set(ROWS["endpoint"]) == {f"{route.method} {route.path}" for route in TABLE.routes}


def test_every_error_is_in_the_table() -> None:
    """As the client knows them."""
    assert {int(name) for name in ROWS["error"]} == set(STATUSES)


def test_every_command_that_the_vendor_allows_is_in_the_table() -> None:
    """Four of them."""
    assert {int(name) for name in ROWS["command"] if name.isdecimal()} == set(ALLOWED)


def test_every_installation_status_is_in_the_table() -> None:
    """Five of them."""
    [names] = ROWS["status"]
    assert names.split(", ") == [each.value for each in InstallationStatus]
