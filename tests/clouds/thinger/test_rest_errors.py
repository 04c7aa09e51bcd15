"""Answers that are no success, and those that are and make no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.rest_errors import (
    MESSAGE_CHARACTERS_MAX,
    NoAnswer,
    NotFound,
    ServerFailed,
    ThingerError,
    content_of,
    error_of,
)
from gatewayd.errors import Malformed
from gatewayd.transports.http import Answer


def test_the_clouds_words_are_kept_and_bounded() -> None:
    """`{"error": {"message": …}}`; a proxy's page says nothing."""
    error = error_of(Answer(404, {}, b'{"error":{"message":"device not found"}}'))
    assert (type(error), error.message) == (NotFound, "device not found")
    assert str(error) == "Thinger.io answers 404: device not found"
    page = error_of(Answer(502, {}, b"<html>Bad gateway</html>"))
    assert (type(page), page.message) == (ServerFailed, "no reason given")
    long = error_of(Answer(400, {}, b'{"error":{"message":"' + b"x" * 9999 + b'"}}'))
    assert len(long.message) == MESSAGE_CHARACTERS_MAX
    assert error_of(Answer(504, {}, b"")).message == "the device did not answer"
    assert isinstance(error_of(Answer(504, {}, b"")), NoAnswer)


def test_an_empty_answer_says_nothing() -> None:
    """None, like null."""
    assert content_of(Answer(200, {}, b"")) is None
    assert content_of(Answer(200, {}, b"21.5")) == 21.5


def test_a_success_that_is_no_json_is_malformed() -> None:
    """A login page of some proxy, say."""
    with pytest.raises(Malformed):
        content_of(Answer(200, {}, b"<html>"))


@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_refusal_is_an_error_with_a_sentence(status: int, body: bytes) -> None:
    """Whatever is in it."""
    error = error_of(Answer(status, {}, body))
    assert isinstance(error, ThingerError)
    assert str(status) in str(error)
