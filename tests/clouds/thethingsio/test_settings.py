"""What the owner may say about a thethings.iO uplink."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatewayd.clouds.thethingsio.settings import (
    Config,
    check_settings,
    find_position,
    http_settings,
    mqtt_settings,
    names_of,
)
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from gatewayd.model import Channel, ChannelId

TOKEN = "t" * 43
CONFIG = Config(token=Secret(TOKEN))
GPS, GPS2 = ChannelId("van/gps"), ChannelId("boat/gps")


def test_the_defaults_make_sense() -> None:
    """With a token, nothing else has to be said."""
    check_settings(CONFIG)


@pytest.mark.parametrize(
    "change",
    [
        {"token": None},
        {"activation_code": Secret("c")},
        {"keep_alive": 0.0},
        {"timeout": 0.0},
        {"batch_max": 0},
        {"batch_max": 1001},
        {"port": 0},
        {"store": False, "broadcast": False},
        {"transport": "mqtt", "store": False},
        {"transport": "mqtt", "broadcast": False},
        {"presence": "a b"},
    ],
)
def test_what_makes_no_sense_is_the_owners_mistake(change: dict[str, Any]) -> None:
    """Found by `check`, before anything connects."""
    with pytest.raises(ConfigError):
        check_settings(replace(CONFIG, **change))


def test_the_only_position_is_the_things_own() -> None:
    """With two, the owner says which; with none there is none."""
    one = {GPS: Channel(GPS, "location")}
    two = {**one, GPS2: Channel(GPS2, "location")}
    for channels, said, found in (
        ({}, "", None),
        (one, "", GPS),
        (two, "", None),
        (two, GPS2, GPS2),
    ):
        config = replace(CONFIG, position=said)
        assert find_position(config, names_of(config, channels), channels) == found


def test_a_session_hides_the_token() -> None:
    """The client id is the same for the same thing and tells nothing of it; the will is a write."""
    settings = mqtt_settings(replace(CONFIG, keep_alive=1e6), TOKEN)
    assert settings.client_id == mqtt_settings(CONFIG, TOKEN).client_id
    assert settings.client_id != mqtt_settings(CONFIG, "x" * 43).client_id
    assert TOKEN not in settings.client_id
    assert settings.keep_alive_s == 600
    assert settings.tls is not None
    assert settings.will is not None
    assert settings.will.payload == b'{"values":[{"key":"LWT","value":"offline"}]}'
    assert not settings.will.is_retained
    assert mqtt_settings(replace(CONFIG, presence="", tls=False), TOKEN).will is None


def test_the_api_is_reached_where_the_owner_says() -> None:
    """Address and patience."""
    settings = http_settings(replace(CONFIG, rest_url="http://127.0.0.1:1/v2", timeout=3.0))
    assert (settings.base_url, settings.read_s) == ("http://127.0.0.1:1/v2", 3.0)
