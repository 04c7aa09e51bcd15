"""Who may do what, decided without a socket."""

from __future__ import annotations

import pytest

from gatewayd.console.roles import ANYBODY, PASSWORD, Caller, Role, find_rule, needed_role


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/status", Role.READ),
        ("HEAD", "/", Role.READ),
        ("GET", "/metrics", Role.READ),
        ("POST", "/api/logout", Role.READ),
        ("POST", "/api/outputs/pump/relay", Role.OPERATE),
        ("POST", "/thingplus/v2/controlActuator", Role.OPERATE),
        ("POST", "/api/outputs/pump/relay/x", Role.ADMINISTER),
        ("POST", "/api/anything/new", Role.ADMINISTER),
        ("DELETE", "/thinger/v1/users", Role.ADMINISTER),
        ("BREW", "/", Role.ADMINISTER),
    ],
)
def test_each_request_needs_its_role(method: str, path: str, expected: Role) -> None:
    """What no rule speaks of is for the highest alone: forgetting closes, it does not open."""
    assert needed_role(method, path) is expected


def test_what_no_rule_speaks_of_is_known_as_such() -> None:
    """So that a test can demand a rule for every path there is."""
    assert find_rule("PUT", "/api/anything") is None


def test_a_higher_role_may_all_that_a_lower_one_may() -> None:
    """They are one ladder."""
    assert Role.READ < Role.OPERATE < Role.ADMINISTER


def test_a_command_carries_who_asked() -> None:
    """The token's name; where nobody is asked, it is from this machine."""
    assert Caller("scada", Role.OPERATE).origin == "local:scada"
    assert Caller(PASSWORD, Role.READ).origin == "local:password"
    assert ANYBODY.origin == "local"
