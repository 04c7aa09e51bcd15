"""What the owner says about a Thingsee uplink, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.clouds.thingsee.settings import (
    Config,
    check_settings,
    mqtt_settings,
    push_address,
)
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret


@pytest.mark.parametrize(
    "keys",
    [
        {"host": "h"},
        {"http_uplink_url": "https://h/in"},
        {"push_listen": "127.0.0.1:8095", "reports": False},
        {"host": "h", "reports": False, "stream_topics": ("cloudext/json/pr/fi/office/#",)},
        {"host": "h", "uplink_topic": "x/{tuid}/{tsmId}", "single_object": True},
        {
            **{"http_uplink_url": "https://h", "rest_url": "https://r/", "poll_interval": 15.0},
            **{"client_id": "c", "client_secret": Secret("s")},
        },
    ],
)
def test_sections_that_make_sense(keys: dict[str, Any]) -> None:
    """Each part alone, and together."""
    check_settings(Config(**keys))


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({}, "reports need a host"),
        ({"reports": False}, "nothing to connect to"),
        ({"host": "h", "port": 0}, "port is 0; ports are 1 to 65535"),
        ({"host": "h", "ack_timeout": 0.0}, "ack_timeout"),
        ({"http_uplink_url": "u", "stream_topics": ("a",)}, "stream_topics need a host"),
        ({"host": "h", "stream_topics": ("a/#/b",)}, "no MQTT topic filter"),
        ({"host": "h", "stream_topics": ("a",) * 33}, "more than 32"),
        ({"host": "h", "poll_interval": 15.0}, "needs rest_url"),
        ({"host": "h", "poll_interval": 0.1}, "poll_interval 1 s"),
        ({"host": "h", "uplink_topic": "x/{tuid}"}, "need single_object"),
        ({"host": "h", "uplink_topic": "x/{group}"}, "there is no group"),
        ({"host": "h", "uplink_topic": "x/{tuit}"}, "known are gw, group, tuid, tsmId"),
        ({"host": "h", "uplink_topic": "x/#"}, "no MQTT topic"),
        ({"host": "h", "downlink_topic": "x/{tuid}"}, "is one topic"),
        ({"host": "h", "push_listen": "0.0.0.0:8095"}, "expected the loopback"),
        ({"host": "h", "push_listen": "8095"}, "expected the loopback"),
        ({"host": "h", "push_listen": "127.0.0.1:x"}, "expected the loopback"),
    ],
)
def test_sections_that_cannot_be(keys: dict[str, Any], why: str) -> None:
    """Told by `gatewayd check`, with what would be right."""
    with pytest.raises(ConfigError, match=why):
        check_settings(Config(**keys))


@pytest.mark.parametrize("place", ["127.0.0.1:1", "[::1]:1", "localhost:1"])
def test_the_loopback_has_three_names(place: str) -> None:
    """All others can be reached by somebody else."""
    assert push_address(Config(push_listen=place))[1] == 1


def test_a_listener_does_not_evict_the_gateway() -> None:
    """Two connections of one client id would throw each other out for ever."""
    sends = mqtt_settings(Config(host="h"), "GW", None)
    hears = mqtt_settings(Config(host="h", reports=False), "GW", None)
    named = mqtt_settings(Config(host="h", mqtt_client_id="x", tls=False), "GW", None)
    assert (sends.client_id, hears.client_id, named.client_id) == ("GW", "GW-stream", "x")
    assert sends.tls is not None
    assert named.tls is None
