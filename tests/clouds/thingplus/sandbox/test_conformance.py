"""The vendor's checks, one by one. In a running sandbox: see test_mqtt."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.sandbox.conformance import check_login, check_response
from gatewayd.clouds.thingplus.sandbox.records import Gateway
from gatewayd.transports.mqtt_packets import Connect, Message

WILL = Message("v/a/g/g1/mqtt/status", b"err", 1, is_retained=True)


def gateway(interval_ms: int) -> Gateway:
    return Gateway("g1", "G", "34", "1", "s", "u", 0, 0, report_interval_ms=interval_ms)


@pytest.mark.parametrize(
    ("interval_ms", "keep_alive_s"), [(60_000, 120), (299_000, 598), (300_000, 600), (600_000, 600)]
)
def test_the_keep_alive_is_twice_the_interval_up_to_ten_minutes(
    interval_ms: int, keep_alive_s: int
) -> None:
    """Exactly."""
    owner = gateway(interval_ms)
    good = Connect("g1", "3.1.1", True, True, keep_alive_s, WILL)
    bad = Connect("g1", "3.1.1", True, True, keep_alive_s + 1, WILL)
    assert check_login(good, owner) == []
    assert [rule for rule, _ in check_login(bad, owner)] == ["keep-alive"]


@pytest.mark.parametrize(
    ("response", "is_good"),
    [
        ({"id": "x", "result": ""}, True),
        ({"id": "x", "result": {"a": 1}}, True),
        ({"id": "x", "result": 1}, False),
        ({"id": "x", "result": None}, False),
        ({"id": "x"}, False),
        ({"id": "x", "error": {"code": -32000, "message": "m"}}, True),
        ({"id": "x", "error": {"code": "1", "message": "m"}}, False),
        ({"id": "x", "error": "m"}, False),
        ({"id": "x", "result": "", "error": {"code": 1, "message": ""}}, False),
    ],
)
def test_a_response_has_one_half_and_a_whole_one(
    response: dict[str, object], is_good: bool
) -> None:
    """A result of text or object, or an error with code and message."""
    assert (check_response(response) == []) is is_good
