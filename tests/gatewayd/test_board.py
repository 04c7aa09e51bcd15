"""The board: the latest of every channel, a short history, and who is told of a post."""

from __future__ import annotations

from gatewayd.board import HISTORY, Board
from gatewayd.model import ChannelId, Quality, Reading

T = ChannelId("boiler/temperature")


def test_a_fault_does_not_hide_the_last_value() -> None:
    """The latest is the reason; the latest good one is still there."""
    board = Board()
    board.post([Reading(T, 1, 20.5), Reading(T, 2, None, Quality.TIMEOUT)])
    panel = board.panel(T)
    assert board.latest(T) == Reading(T, 2, None, Quality.TIMEOUT)
    assert panel is not None
    assert panel.latest_good == Reading(T, 1, 20.5)


def test_the_history_is_bounded() -> None:
    """The oldest goes."""
    board = Board()
    board.post(Reading(T, time_ms, 1.0) for time_ms in range(HISTORY + 5))
    panel = board.panel(T)
    assert panel is not None
    assert [panel.history[0].time_ms, len(panel.history)] == [5, HISTORY]


def test_a_watcher_is_told_of_posts_while_it_watches() -> None:
    """Once a post, after the readings are there, and never again after the block."""
    board, seen = Board(), list[Reading | None]()
    with board.watched(lambda: seen.append(board.latest(T))):
        board.post([Reading(T, 1, 20.5), Reading(T, 2, 21.5)])
        with board.watched(lambda: seen.append(None)):
            board.post([Reading(T, 3, 22.5)])
    board.post([Reading(T, 4, 23.5)])
    assert seen == [Reading(T, 2, 21.5), Reading(T, 3, 22.5), None]


def test_what_is_only_seen_is_the_latest_and_no_history() -> None:
    """A value that a deadband holds back is fresh all the same, and no point of the chart."""
    board, told = Board(), list[int]()
    board.post([Reading(T, 1, 20.5)])
    with board.watched(lambda: told.append(1)):
        board.see([Reading(T, 2, 20.6), Reading(ChannelId("new/one"), 2, None, Quality.ABSENT)])
    panel = board.panel(T)
    assert panel is not None
    assert (panel.latest, panel.latest_good) == (Reading(T, 2, 20.6), Reading(T, 2, 20.6))
    assert list(panel.history) == [Reading(T, 1, 20.5)]
    assert told == [1]
    latest = board.latest(ChannelId("new/one"))
    assert latest is not None
    assert latest.quality is Quality.ABSENT
