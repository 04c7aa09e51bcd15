"""When a message is said to have happened."""

from __future__ import annotations

from gatewayd.clouds.thingsee.dating import ASIDE_US, rank_channels, report_s, seconds_of
from gatewayd.clouds.thingsee.names import Place
from gatewayd.model import ChannelId

PLACES = {
    ChannelId(name): Place(ChannelId(name), thing, message, "field", "kind")
    for name, thing, message in (
        ("a/temp", "A", 12100),
        ("a/humd", "A", 12100),
        ("a/move", "A", 13100),
        ("a/here", "A", 2100),
        ("b/temp", "B", 12100),
    )
}


def test_channels_are_counted_where_their_times_could_meet() -> None:
    """By thing and message, what settings can turn into one another together; from the end."""
    ranks = rank_channels(PLACES)
    assert [ranks.by_message[name] for name in PLACES] == [1, 0, 1, 0, 0]
    assert [ranks.by_thing[name] for name in PLACES] == [3, 2, 1, 0, 0]


def test_every_channel_and_millisecond_has_a_time_of_its_own() -> None:
    """A day of this century, to the microsecond; none is where answers are put aside."""
    start_ms = 1_795_000_000_000
    found = {report_s(start_ms + ms, rank) for ms in range(200) for rank in range(500)}
    assert len(found) == 200 * 500
    assert ASIDE_US not in {round(time_s * 1_000_000) % 1000 for time_s in found}


def test_seconds_are_whole_where_they_can_be() -> None:
    """And exact where they cannot."""
    assert isinstance(seconds_of(5_000_000), int)
    assert seconds_of(5_250_000) == 5.25
