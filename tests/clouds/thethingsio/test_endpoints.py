"""The table of endpoints is complete: against the sandbox's routes and the client's own words."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from gatewayd.clouds.thethingsio.rest_errors import STATUSES
from gatewayd.clouds.thethingsio.sandbox.call import Auth
from gatewayd.clouds.thethingsio.sandbox.rest import TABLE

ROWS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("endpoints.toml").read_text(encoding="utf-8")
)

REFERENCE = """
POST /things
POST /things/{token}
GET /things/{token}/resources/{key}
GET /things/{token}
GET /things/{token}/resources
POST /things/{token}/tags
GET /things/{token}/tags
DELETE /things/{token}/tags/{tag}
POST /register
POST /login
POST /me/things
GET /me/resources
PUT /me/grant
GET /me/resources/{key}
PUT /me/resources/description/{id}
GET /me/settings
PUT /me/settings
GET /utils/date
POST /classes/{tree}/{path...}
DELETE /classes/{tree}/{path...}
PUT /classes/{tree}/{path...}
GET /classes/{tree}/{path...}
DELETE /me/things
GET /things/{token}/firmwares/download/{id}
GET /things/{token}/firmwares/latest
"""
"""The vendor's list of endpoints, in its order, each once. `PUT /things/ID_COLLECTION/…` of that
list is `PUT /classes/…` in the guide."""


def test_every_endpoint_of_the_sandbox_is_in_the_table() -> None:
    """And the other way round."""
    served = {f"{route.method} {route.path}" for route in TABLE.routes}
    assert set(ROWS["endpoint"]) == served


def test_every_endpoint_of_the_reference_is_served() -> None:
    """None is missing."""
    wanted = {line for line in REFERENCE.splitlines() if line}
    assert len(wanted) == 25
    assert wanted <= set(ROWS["endpoint"])


def test_a_token_in_the_path_is_all_that_a_thing_needs() -> None:
    """And nothing else is open but the doors."""
    by_auth = {route.path for route in TABLE.routes if route.auth is Auth.TOKEN}
    assert by_auth == {route.path for route in TABLE.routes if "{token}" in route.path}
    assert {route.path for route in TABLE.routes if route.auth is Auth.NONE} == {
        "/things",
        "/register",
        "/login",
    }


def test_every_status_is_in_the_table() -> None:
    """As the client knows them."""
    assert {int(name) for name in ROWS["status"]} == set(STATUSES)
