"""Subscriptions: when a sample is due, what is news, and what is only an echo."""

from __future__ import annotations

import pytest

from gatewayd.board import Board
from gatewayd.clouds.thinger.events import Sample, StartStream, StopStream
from gatewayd.clouds.thinger.names import name_channels
from gatewayd.clouds.thinger.resources import make_resources
from gatewayd.clouds.thinger.streams import Streams
from gatewayd.clouds.thinger.view import View
from gatewayd.model import Access, Channel, ChannelId, Reading, Value

T, RELAY = ChannelId("d/t"), ChannelId("d/relay")
CHANNELS = {T: Channel(T, "temperature"), RELAY: Channel(RELAY, "switch", access=Access.WRITE)}
NAMES = name_channels(CHANNELS, {}, {})
RESOURCES = make_resources(NAMES)
RELAY_PATH, T_PATH = ("d", "relay"), ("d", "t")


class Scene:
    """A board and its subscriptions."""

    def __init__(self) -> None:
        self.board = Board()
        self.streams = Streams(self.board)
        self.time_ms = 1000
        self.now_s = 0.0

    def post(self, channel: ChannelId, value: Value) -> None:
        self.time_ms += 1
        self.board.post([Reading(channel, self.time_ms, value)])

    def start(self, path: tuple[str, ...], interval_ms: int = 0, now_s: float = 0.0) -> None:
        self.streams.start(StartStream(7, path, interval_ms), RESOURCES[path], now_s)

    def view(self) -> View:
        return View(self.board, NAMES, self.time_ms, 0)

    def due(self, now_s: float | None = None) -> list[Sample]:
        """Return what is due then, or one second after the last look."""
        self.now_s = self.now_s + 1.0 if now_s is None else now_s
        return list(self.streams.due(self.view(), self.now_s))


def test_samples_keep_their_beat() -> None:
    """The first at once; a late one does not make a burst."""
    scene = Scene()
    scene.start(T_PATH, 1000, now_s=5.0)
    times = [now_s for now_s in (5.0, 5.5, 6.0, 9.5, 9.9, 10.0) if scene.due(now_s)]
    assert times == [5.0, 6.0, 9.5, 10.0]
    assert scene.streams.next_s() == 11.0


def test_the_interval_has_a_floor() -> None:
    """Ten a second are enough for anybody."""
    scene = Scene()
    scene.start(T_PATH, 1)
    assert scene.due(0.0)
    assert scene.streams.next_s() == 0.1


def test_each_reading_of_a_sensor_is_an_event() -> None:
    """Also one of the same value; several between two looks are one."""
    scene = Scene()
    scene.post(T, 1.5)
    scene.start(T_PATH)
    assert scene.due() == []
    scene.post(T, 1.5)
    assert scene.due() == [Sample(7, {"out": 1.5}, is_event=True)]
    scene.post(T, 2.5)
    scene.post(T, 3.5)
    assert scene.due() == [Sample(7, {"out": 3.5}, is_event=True)]
    assert scene.due() == []


def test_news_that_come_too_fast_are_told_later() -> None:
    """The first at once, then the newest when its time has come; nothing is queued."""
    scene = Scene()
    scene.start(T_PATH)
    told: list[tuple[int, object]] = []
    for step in range(25):
        scene.post(T, step + 0.5)
        told += [(step, sample.payload) for sample in scene.due(5.0 + step / 100)]
    assert [step for step, _ in told] == [0, 10, 20]
    assert scene.streams.next_s() == pytest.approx(5.3)
    assert scene.due(5.31) == [Sample(7, {"out": 24.5}, is_event=True)]
    assert scene.streams.next_s() is None


def test_only_changes_of_an_output_are_events() -> None:
    """Its keeper may tell the same state often."""
    scene = Scene()
    scene.post(RELAY, False)
    scene.start(RELAY_PATH)
    scene.post(RELAY, False)
    assert scene.due() == []
    scene.post(RELAY, True)
    assert scene.due() == [Sample(7, {"in": True}, is_event=True)]


def test_news_wait_for_the_answer_of_the_command_that_makes_them() -> None:
    """Then they are told once, with what the keeper has read back."""
    scene = Scene()
    scene.post(RELAY, False)
    scene.start(RELAY_PATH)
    scene.streams.hold(RELAY_PATH)
    scene.post(RELAY, True)
    assert scene.due() == []
    scene.streams.release(RELAY_PATH)
    echo = scene.streams.event(RELAY_PATH, scene.view(), value=True)
    assert echo == Sample(7, {"in": True}, is_event=True)
    assert scene.due() == []


def test_an_echo_that_is_ahead_of_the_board_is_not_taken_back() -> None:
    """The old state is not news; what comes after the new one is."""
    scene = Scene()
    scene.post(RELAY, False)
    scene.start(RELAY_PATH)
    scene.streams.event(RELAY_PATH, scene.view(), value=True)
    assert scene.due() == []
    scene.post(RELAY, True)
    assert scene.due() == []
    scene.post(RELAY, False)
    assert scene.due() == [Sample(7, {"in": False}, is_event=True)]


def test_an_output_that_fell_back_before_the_board_knew_is_news() -> None:
    """A new reading of the old value is not the old reading."""
    scene = Scene()
    scene.post(RELAY, False)
    scene.start(RELAY_PATH)
    scene.streams.event(RELAY_PATH, scene.view(), value=True)
    scene.post(RELAY, False)
    assert scene.due() == [Sample(7, {"in": False}, is_event=True)]


def test_two_commands_hold_until_both_are_answered() -> None:
    """The first answer does not let the second's news out."""
    scene = Scene()
    scene.start(RELAY_PATH)
    scene.streams.hold(RELAY_PATH)
    scene.streams.hold(RELAY_PATH)
    scene.streams.release(RELAY_PATH)
    scene.post(RELAY, True)
    assert scene.due() == []
    scene.streams.release(RELAY_PATH)
    assert len(scene.due()) == 1


def test_a_stream_is_stopped_by_path_or_by_id() -> None:
    """Whatever the other one says."""
    for stop in (StopStream(99, T_PATH), StopStream(7)):
        scene = Scene()
        scene.start(T_PATH, 1000)
        assert scene.streams.path_of(7) == T_PATH
        scene.streams.stop(stop)
        assert scene.due(100.0) == []
        assert not scene.streams.waits_for_news


def test_what_has_no_value_has_no_stream() -> None:
    """A subscription to `blink` is accepted and says nothing."""
    scene = Scene()
    scene.start((*RELAY_PATH, "blink"), 1000)
    assert scene.due(100.0) == []
    assert scene.streams.event(RELAY_PATH, scene.view()) is None
