"""What thethings.iO answers."""

from __future__ import annotations

import json

import pytest

from gatewayd.clouds.thethingsio.answers import (
    MESSAGE_MAX,
    Refused,
    decode_activated,
    encode_activated,
    encode_activation,
    encode_refused,
    encode_status,
    find_refused,
    is_success,
)
from gatewayd.clouds.thethingsio.codec import parse_json
from gatewayd.errors import Malformed

TOKEN = "t" * 43


def test_an_activation_is_what_the_reference_shows() -> None:
    """The product only where there is one."""
    assert json.loads(encode_activation("c1")) == {"activationCode": "c1"}
    assert json.loads(encode_activation("c1", "p")) == {"activationCode": "c1", "productId": "p"}
    assert json.loads(encode_activated(TOKEN))["status"] == "created"
    assert decode_activated(encode_activated(TOKEN)) == TOKEN


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b'{"thingToken":5}', encode_activated("a/b?c=1234"), b"<html>"]
)
def test_an_activation_without_a_token_is_malformed(payload: bytes) -> None:
    """And so is one that could not stand in a path."""
    with pytest.raises(Malformed):
        decode_activated(payload)


def test_refusals_are_recognised() -> None:
    """By their status, whatever the case; what else they say is taken as far as it makes sense."""
    assert find_refused(parse_json(encode_refused(404, "Thing not found"))) == Refused(
        404, "Thing not found"
    )
    assert find_refused({"status": "ERROR", "code": "x", "message": 5}) == Refused(0, "")
    assert find_refused({"status": "error", "code": True}) == Refused(0, "")
    assert find_refused({"status": "error", "message": "x" * 999}) == Refused(0, "x" * MESSAGE_MAX)
    others: list[object] = [None, [], {}, {"status": "created"}]
    for content in others:
        assert find_refused(content) is None


@pytest.mark.parametrize("status", ["created", "Created", "success", "SUCCESS"])
def test_success_is_recognised(status: str) -> None:
    """The documents vary the case."""
    assert is_success(parse_json(encode_status(status, "m")))


@pytest.mark.parametrize("content", [None, [], {}, {"status": "error"}, {"status": 1}, "created"])
def test_nothing_else_is_success(content: object) -> None:
    """A captive portal is not."""
    assert not is_success(content)
