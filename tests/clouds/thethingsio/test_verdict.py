"""What an answer of thethings.iO means for a link."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thethingsio.answers import encode_refused, encode_status
from gatewayd.clouds.thethingsio.verdict import ACTIVATION, THROTTLE_S, verdict, without_secrets
from gatewayd.errors import BatchRefused, LinkDenied, LinkLost, Throttled
from gatewayd.transports.http import Answer


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BatchRefused),
        (401, LinkDenied),
        (403, LinkDenied),
        (404, LinkDenied),
        (408, LinkLost),
        (410, LinkDenied),
        (413, BatchRefused),
        (429, Throttled),
        (500, LinkLost),
        (502, LinkLost),
        (503, LinkLost),
        (504, LinkLost),
        (302, LinkLost),
    ],
)
def test_a_status_says_whose_turn_it_is(status: int, error: type[Exception]) -> None:
    """The cloud's own words are in the sentence; also when the status stands in the body only."""
    body = encode_refused(status, "because of this")
    for answer in (Answer(status, {}, body), Answer(200, {}, body)):
        found = verdict(answer, "write")
        assert type(found) is error
        hint = " (is the token right, and its thing still there?)" if status in (401, 404) else ""
        assert str(found) == f"write: status {status}: because of this{hint}"
        assert "token" not in str(verdict(answer, ACTIVATION))


@pytest.mark.parametrize("status", ["created", "Success"])
def test_done_is_what_the_cloud_says_itself(status: str) -> None:
    """In its own words."""
    assert verdict(Answer(201, {}, encode_status(status, "m")), "write") is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'{"status":"maybe"}'])
def test_any_other_success_is_somebody_elses(body: bytes) -> None:
    """A proxy, a login page: nothing was taken."""
    assert type(verdict(Answer(200, {}, body), "write")) is LinkLost


def test_a_limit_says_how_long() -> None:
    """Retry-After, else a minute."""
    for headers, wait_s in (({"retry-after": "7"}, 7.0), ({}, THROTTLE_S)):
        error = verdict(Answer(429, headers, b""), "write")
        assert isinstance(error, Throttled)
        assert error.retry_after_s == wait_s


def test_tokens_are_not_repeated() -> None:
    """A cloud that shows the token in its message does not get it into our logs."""
    token = "Xr7-made_up_token_of_43_characters_exactly_A"
    assert without_secrets(f"Thing {token} not found") == "Thing *** not found"
    error = verdict(Answer(404, {}, encode_refused(404, token)), "write")
    assert token not in str(error)
