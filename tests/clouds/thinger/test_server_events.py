"""Server-sent events out of a stream that is cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thinger.server_events import EVENT_BYTES_MAX, EventBuffer
from gatewayd.errors import Malformed

STREAM = (
    b': hello\nevent: stats\ndata: {"a": 1}\n\r\ndata:one\r\ndata: two\n\n\n\nid: 5\n\ndata: cut'
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_events_are_found_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    """Comments, names and ids are dropped; several lines are one event; the last is unfinished."""
    places = [0, *sorted(cuts), len(STREAM)]
    events = EventBuffer()
    found = [data for begin, end in pairwise(places) for data in events.feed(STREAM[begin:end])]
    assert found == [b'{"a": 1}', b"one\ntwo"]


@pytest.mark.parametrize("line", [b"x", b"data: x\n"])
def test_an_event_without_end_is_given_up(line: bytes) -> None:
    """Whether it is one line or many."""
    events = EventBuffer()
    with pytest.raises(Malformed):
        for _ in range(EVENT_BYTES_MAX + 2):
            list(events.feed(line))


@given(st.binary(max_size=500))
def test_any_bytes_are_survived(data: bytes) -> None:
    """Nothing but events comes out."""
    assert all(isinstance(each, bytes) for each in EventBuffer().feed(data))
