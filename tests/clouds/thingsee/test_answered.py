"""What was answered is known over restarts, for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.thingsee.answered import (
    FILE,
    KEPT_MAX,
    KEPT_MS,
    key_of,
    load_answered,
    store_answered,
)
from gatewayd.clouds.thingsee.codec import Message

NOW_MS = 1_795_000_000_000


def test_what_was_answered_lately_is_known(tmp_path: Path) -> None:
    """Not what was answered long ago, or by a clock that was far ahead."""
    answered = {"new": NOW_MS, "old": NOW_MS - KEPT_MS, "ahead": NOW_MS + KEPT_MS}
    store_answered(tmp_path / "made", answered)
    assert load_answered(tmp_path / "made", NOW_MS) == {"new": NOW_MS}


def test_the_newest_are_kept(tmp_path: Path) -> None:
    """The file has an end."""
    store_answered(tmp_path, {str(n): NOW_MS + n for n in range(KEPT_MAX + 5)})
    found = load_answered(tmp_path, NOW_MS)
    assert len(found) == KEPT_MAX
    assert "0" not in found


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "b"}', '{"a": null}'])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    """Nor is one that is not there."""
    assert load_answered(tmp_path, NOW_MS) == {}
    (tmp_path / FILE).write_text(text)
    assert load_answered(tmp_path, NOW_MS) == {}


def test_a_request_is_known_by_what_it_asks() -> None:
    """And by its transaction, or else its time; without both every one is new."""
    first = Message(id=1402, event=35, destination="P", fields={"transactionId": 1})
    other = Message(id=1402, event=35, destination="P", fields={"transactionId": 2})
    assert key_of(first) == key_of(first) != key_of(other)
    assert key_of(Message(id=1402, event=35, destination="P")) is None
