"""Typed looks at JSON objects: what is said, and what counts as not said."""

from __future__ import annotations

import pytest

from gatewayd.clouds.json_fields import (
    flag,
    inner,
    needed,
    objects,
    text,
    texts,
    whole,
)
from gatewayd.errors import Malformed


@pytest.mark.parametrize(
    ("value", "seen"),
    [("a", "a"), (7, "7"), (1.5, "1.5"), (True, ""), (None, ""), ([], "")],
)
def test_a_text_is_a_text_or_a_number(value: object, seen: str) -> None:
    """Ids come as either."""
    assert text({"k": value}, "k") == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("60000", 60000),
        (60000, 60000),
        (6e4, 60000),
        ("-1", -1),
        (1.5, None),
        ("soon", None),
        ("²", None),
        ("9" * 30, None),
        (True, None),
        (None, None),
    ],
)
def test_a_whole_number_may_be_written_as_text(value: object, seen: int | None) -> None:
    """The cloud answers its own numbers as texts; what is no whole number is not said."""
    assert whole({"k": value}, "k") == seen


@pytest.mark.parametrize(
    ("value", "seen"),
    [("y", True), ("n", False), ("true", True), ("false", False), (True, True), (1, None)],
)
def test_a_flag_has_three_spellings(value: object, seen: bool | None) -> None:
    """y and n, true and false as text, and booleans."""
    assert flag({"k": value}, "k") is seen


def test_lists_are_sorted_by_what_is_in_them() -> None:
    """The same field holds ids or, when embedded, objects."""
    record = {"k": ["a", {"id": "b"}, 3]}
    assert texts(record, "k") == ("a",)
    assert objects(record, "k") == ({"id": "b"},)


def test_what_is_missing_is_not_said() -> None:
    """No field is an error by its absence."""
    assert (text({}, "k"), whole({}, "k"), flag({}, "k")) == ("", None, None)
    assert (texts({}, "k"), objects({}, "k"), inner({"k": "id"}, "k")) == ((), (), None)


def test_what_must_be_there_is_missed() -> None:
    """A record without an id is no record."""
    assert needed({"id": 5}, "id") == "5"
    with pytest.raises(Malformed, match="'id'"):
        needed({}, "id")
