"""The messages of all things: each once, the newest selected, bounded."""

from __future__ import annotations

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox.history import History

MANY = 10_000_000


def message(thing: str, time_s: int, id: int = 12100, **fields: int) -> Message:
    return Message(id=id, event=10, time_s=time_s, thing=thing, fields=dict(fields))


def test_a_message_is_kept_once() -> None:
    """Of the same thing, id and time; an answer to another request is another."""
    history = History(10, MANY)
    assert history.add(message("A", 1))
    assert not history.add(message("A", 1, temp=5))
    assert history.add(message("A", 1, 12101))
    assert history.add(message("B", 1))
    assert history.add(message("A", 1, 1402, transactionId=1))
    assert history.add(message("A", 1, 1402, transactionId=2))
    assert len(history) == 5


def test_the_oldest_arrival_goes_first() -> None:
    """By number; it may then come again."""
    history = History(3, MANY)
    for time_s in range(5):
        assert history.add(message("AB"[time_s % 2], time_s))
    assert [each.time_s for each in history.of("A", Selection())] == [4, 2]
    assert [each.time_s for each in history.of("B", Selection())] == [3]
    assert history.forgotten == 2
    assert history.add(message("A", 0))


def test_bytes_are_bounded_too() -> None:
    """A few long messages count as many short ones."""
    history = History(1000, 500)
    for time_s in range(100):
        history.add(message("A", time_s))
    assert 1 < len(history) < 12
    assert len(history) + history.forgotten == 100


def test_nobody_has_said_nothing() -> None:
    """An empty list, not an error."""
    assert History(1, 1).of("A", Selection()) == []
