"""Request bodies checked: names, types, depth."""

from __future__ import annotations

import pytest

from gatewayd.sandbox.bodies import DEPTH_MAX, TEXT, WHOLE, check, one_of, optional, parse_body
from gatewayd.sandbox.errors import ApiError

SHAPE = {"name": TEXT, "count": optional(WHOLE), "kind": optional(one_of("a", "b"))}


@pytest.mark.parametrize("body", [{"name": "x"}, {"name": "", "count": 0, "kind": "b"}])
def test_what_fits_is_returned(body: dict[str, object]) -> None:
    """As it is."""
    assert check(body, SHAPE) is body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "not an object"),
        ({}, "no name"),
        ({"name": 1}, "not text"),
        ({"name": "x", "count": True}, "whole number"),
        ({"name": "x", "kind": "c"}, "a or b"),
        ({"name": "x", "other": 1}, "unknown member other"),
    ],
)
def test_what_does_not_fit_is_named(body: object, words: str) -> None:
    """400, with the member and what it should be."""
    with pytest.raises(ApiError, match=words) as caught:
        check(body, SHAPE)
    assert caught.value.status == 400


def test_an_open_shape_lets_others_through() -> None:
    """Members that nobody asked for."""
    assert check({"name": "x", "other": 1}, SHAPE, is_open=True)["other"] == 1


def test_an_empty_body_is_an_empty_object() -> None:
    """And nonsense is 400."""
    assert parse_body(b"") == {}
    with pytest.raises(ApiError, match="not JSON"):
        parse_body(b"{")


def test_a_body_has_an_end_downwards() -> None:
    """So deep and no deeper."""
    parse_body(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    with pytest.raises(ApiError, match="nested"):
        parse_body(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))
