"""Topic filters, by the examples of the standard (MQTT 3.1.1, 4.7)."""

from __future__ import annotations

import pytest

from gatewayd.transports.mqtt_topics import is_match, is_topic_filter


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "a/b", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/monitor", False),
        ("+/monitor", "$SYS/monitor", False),
        ("$SYS/#", "$SYS/monitor", True),
        ("a/b", "a/b/c", False),
        ("a/b/c", "a/b", False),
    ],
)
def test_a_filter_matches_as_the_standard_says(pattern: str, topic: str, fits: bool) -> None:
    """Each pair stands in its text."""
    assert is_match(pattern, topic) is fits


@pytest.mark.parametrize("pattern", ["", "a#", "a/#/b", "a+", "a/b+/c", "#/a", "a\0"])
def test_a_broken_filter_is_none(pattern: str) -> None:
    """Wildcards stand alone in their level, `#` in the last."""
    assert not is_topic_filter(pattern)


@pytest.mark.parametrize("pattern", ["#", "+", "a/+/b", "a/#", "/", "a//b"])
def test_a_sound_filter_is_one(pattern: str) -> None:
    """Empty levels are levels."""
    assert is_topic_filter(pattern)
