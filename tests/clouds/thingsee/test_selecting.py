"""Queries as the API has them."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.selecting import IDS_MAX, is_selected, newest, read_selection
from gatewayd.errors import Malformed


def test_a_query_is_read_back_as_it_was_asked() -> None:
    """By our own client; what it leaves out selects everything."""
    selection = Selection(message_ids=(1, 22), event_ids=(30,), from_s=5, to_s=9, limit=3)
    asked = {name: str(value) for name, value in selection.asked().items()}
    assert read_selection(asked) == selection
    assert read_selection({"messageid": " 1, ,22,"}).message_ids == (1, 22)
    assert read_selection({}) == Selection()


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": "x"},
        {"limit": "-1"},
        {"from": "1.5"},
        {"to": "9" * 16},
        {"limit": "²"},
        {"messageid": "1,x"},
        {"eventid": ",".join(["1"] * (IDS_MAX + 1))},
        {"messageid": "1" * 10},
    ],
)
def test_what_is_no_number_is_malformed(asked: dict[str, str]) -> None:
    """With the name of what it stands in."""
    with pytest.raises(Malformed, match=next(iter(asked))):
        read_selection(asked)


def test_both_ends_are_meant() -> None:
    """The last second wholly; of others the ids count."""
    message = Message(id=1, event=30, time_s=9.5)
    assert is_selected(message, Selection())
    assert is_selected(message, Selection(from_s=9, to_s=9, message_ids=(1,), event_ids=(30,)))
    others = (
        Selection(from_s=10),
        Selection(to_s=8),
        Selection(message_ids=(2,)),
        Selection(event_ids=(31,)),
    )
    assert not any(is_selected(message, each) for each in others)


def test_the_newest_are_the_last() -> None:
    """None and nought are all."""
    assert [newest([1, 2, 3], limit) for limit in (2, 9, 0, None)] == [[2, 3], *[[1, 2, 3]] * 3]
