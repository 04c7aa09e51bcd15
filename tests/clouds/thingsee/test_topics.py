"""Topics of the gateway's link and of the customer's stream."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.topics import (
    encode_stream_topic,
    fill_topic,
    parse_stream_topic,
    places_in,
)
from gatewayd.errors import Malformed

TOPIC = "cloudext/json/pr/fi/prfi00samplegroup/TSEN01ABC12345678/12100"


def test_a_stream_topic_there_and_back() -> None:
    """The vendor's own sample."""
    parsed = parse_stream_topic(TOPIC)
    assert parsed == ("pr", "fi", "prfi00samplegroup", "TSEN01ABC12345678", 12100)
    assert encode_stream_topic(parsed.group, parsed.thing, parsed.message) == TOPIC


def test_a_group_without_a_country_is_finnish() -> None:
    """As the vendor's demonstration is."""
    assert encode_stream_topic("office", "T", 1) == "cloudext/json/pr/fi/office/T/1"


@pytest.mark.parametrize("topic", ["", "a/b", TOPIC + "/x", TOPIC[:-5] + "x", TOPIC.lower()])
def test_a_foreign_topic_is_malformed(topic: str) -> None:
    """Also one that only looks like it."""
    with pytest.raises(Malformed):
        parse_stream_topic(topic)


def test_a_template_is_filled_in() -> None:
    """With gateway and group, and what a message says; what is unknown stays."""
    message = Message(id=12100, event=10, thing="T")
    assert fill_topic("{gw}/{group}/{tuid}/{tsmId}/{x}", "G", "g", message) == "G/g/T/12100/{x}"
    assert fill_topic("{gw}/{tuid}", "G", "g") == "G/{tuid}"
    assert places_in("a/{gw}/{}") == {"gw", ""}
