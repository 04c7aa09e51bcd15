"""Where things are at thethings.iO."""

from __future__ import annotations

from gatewayd.clouds.thethingsio.addresses import (
    activation_topic,
    resource_path,
    thing_path,
    thing_topic,
)


def test_paths_are_encoded() -> None:
    """A dollar, a slash or a question mark in a name does not change the path."""
    assert thing_path("T") == "/things/T"
    assert thing_path("T", keepAlive="60000") == "/things/T?keepAlive=60000"
    assert resource_path("T", "$geo", limit="1") == "/things/T/resources/%24geo?limit=1"
    assert resource_path("a/b", "c?d") == "/things/a%2Fb/resources/c%3Fd"


def test_topics_have_no_leading_slash() -> None:
    """One for both directions."""
    assert thing_topic("T") == "v2/things/T"
    assert activation_topic("C", "7") == "v2/activations/C/7"
