"""Statuses, codes and categories against the vendor's tables, and whose turn each one is."""

from __future__ import annotations

import pytest

from gatewayd.cli import FAILED, TRY_AGAIN, exit_code
from gatewayd.clouds.thingplus.rest_errors import (
    CATEGORIES,
    STATUSES,
    ActuatorTimeout,
    Busy,
    Conflict,
    Denied,
    GatewayAnsweredError,
    NotFound,
    PlanExceeded,
    ServerFailed,
    ThingPlusError,
    error_class,
)
from gatewayd.errors import LinkDenied, LinkError, LinkLost, Throttled

TABLE = {
    "REQUEST_ERROR": {
        "SCHEMA_VALIDATE",
        "NOT_FOUND",
        "MISMATCH_ERROR",
        "CONFLICT",
        "JSON_PARSING",
        "INVALID_INPUT",
    },
    "AUTHENTICATION_ERROR": {"NEED_LOGIN"},
    "AUTHORIZATION_ERROR": {"ACCESSGROUP_DENY", "ACL_DENY"},
    "SERVER_ERROR": {
        "USER_ERROR",
        "AUTH_ERROR",
        "ACL_ERROR",
        "LIBRARY_ERROR",
        "INTERNAL_ERROR",
    },
    "DB_ERROR": {
        "RELATION_ERROR",
        "QUERY_RESULT_EMPTY",
        "NOT_FOUND_IN_ITEM",
        "DB_INTERNAL_ERROR",
    },
    "BILLING_ERROR": {"BILLING"},
    "GATEWAY_ERROR": {"PROCESS_COMMAND_RESULT"},
}


def test_every_code_of_the_vendor_has_its_category() -> None:
    """The vendor's table, code by code."""
    assert {
        category: {code for code, own in CATEGORIES.items() if own == category}
        for category in TABLE
    } == TABLE


def test_a_code_that_nobody_documents_is_unknown() -> None:
    """UNKNOWN is the vendor's own word for it."""
    assert ThingPlusError(418, "TEAPOT").category == "UNKNOWN"


def test_every_status_of_the_vendor_is_known() -> None:
    """The vendor's table of statuses, its own inventions included."""
    documented = {200, 201, 204, 207, 400, 401, 403, 404, 409, 429, 444, 471, 500, 504, 600}
    assert set(STATUSES) == documented


@pytest.mark.parametrize(
    ("status", "code", "kind", "turn"),
    [
        (400, "SCHEMA_VALIDATE", ThingPlusError, LinkError),
        (401, "NEED_LOGIN", Denied, LinkDenied),
        (403, "ACL_DENY", Denied, LinkDenied),
        (404, "NOT_FOUND", NotFound, LinkError),
        (409, "CONFLICT", Conflict, LinkError),
        (429, "", Busy, Throttled),
        (444, "", ServerFailed, LinkLost),
        (471, "BILLING", PlanExceeded, LinkError),
        (500, "INTERNAL_ERROR", ServerFailed, LinkLost),
        (502, "", ServerFailed, LinkLost),
        (504, "PROCESS_COMMAND_RESULT", ActuatorTimeout, LinkError),
        (504, "", ServerFailed, LinkLost),
        (600, "PROCESS_COMMAND_RESULT", GatewayAnsweredError, LinkError),
    ],
)
def test_a_status_has_one_class(
    status: int, code: str, kind: type[ThingPlusError], turn: type[LinkError]
) -> None:
    """Who must act is the type; a proxy's 504 is not an actuator's."""
    assert error_class(status, code) is kind
    assert issubclass(kind, turn)


def test_an_error_says_what_happened_in_one_sentence() -> None:
    """Status, code and the cloud's words; the status' own words where there are none."""
    assert str(Conflict(409, "CONFLICT", "", "x exists")) == "Thing+ answers 409 CONFLICT: x exists"
    assert "the billing plan allows no more" in str(PlanExceeded(471))


def test_what_may_pass_by_itself_is_worth_another_try() -> None:
    """The exit code tells a script whether to come back."""
    assert exit_code(ServerFailed(500)) == exit_code(Busy(429)) == TRY_AGAIN
    assert exit_code(Denied(403)) == exit_code(Conflict(409)) == FAILED
