"""What the owner says: defaults by transport, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from gatewayd.clouds.thinger.calls import CallEntry
from gatewayd.clouds.thinger.link import Config, subscription
from gatewayd.clouds.thinger.names import NameEntry
from gatewayd.clouds.thinger.resources import list_flat, list_nested
from gatewayd.clouds.thinger.settings import listing_of, mqtt_settings, stream_settings
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from tests.peers.house import CHANNELS, DOOR, RELAY, T


def config(**changes: Any) -> Config:
    given: dict[str, Any] = {"user": "alice", "credentials": Secret("s3cret-PW"), **changes}
    return Config(**given)


@pytest.mark.parametrize(
    ("changes", "port", "is_tls"),
    [
        ({}, 25202, True),
        ({"transport": "tcp"}, 25200, False),
        ({"protocol": "iotmp"}, 25206, True),
        ({"transport": "tcp", "protocol": "iotmp"}, 25204, False),
        ({"port": 443}, 443, True),
    ],
)
def test_each_protocol_has_its_port(changes: dict[str, Any], port: int, is_tls: bool) -> None:
    """The vendor's, unless the owner says another."""
    settings = stream_settings(config(**changes))
    assert (settings.host, settings.port) == ("iot.thinger.io", port)
    assert (settings.tls is not None) is is_tls


def test_each_protocol_has_its_listing() -> None:
    """Nested in the classic one, which also holds where there is no uplink; flat in the newer."""
    assert listing_of(config()) is listing_of(None) is list_nested
    assert listing_of(config(protocol="iotmp")) is list_flat


def test_the_broker_is_another_host() -> None:
    """With its own ports, TLS unless it is switched off."""
    settings = mqtt_settings(config(transport="mqtt"), "gw01")
    assert (settings.host, settings.port, settings.client_id) == (
        "backend.thinger.io",
        8883,
        "gw01",
    )
    plain = mqtt_settings(config(transport="mqtt", mqtt_tls=False), "gw01")
    assert (plain.port, plain.tls) == (1883, None)


def test_everything_is_subscribed_that_is_not_skipped() -> None:
    """Outputs too: their states are readings."""
    assert subscription(config(), CHANNELS) == frozenset(CHANNELS)
    skipped = config(sensors={str(T): NameEntry(skip=True)})
    assert subscription(skipped, CHANNELS) == frozenset(CHANNELS) - {T}


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "alice@example.org"},
        {"device": "x" * 33},
        {"keep_alive": 0.0},
        {"keep_alive": 61.0},
        {"timeout": 0.0},
        {"points_per_s_max": 0.0},
        {"port": 65536},
        {"bucket": "with-hyphen"},
        {"settings_property": "a b"},
        {"mqtt_prefix": "a/#"},
        {"transport": "http"},
        {"transport": "mqtt", "calls": {str(T): CallEntry(endpoint="e")}},
        {"calls": {"no/such": CallEntry(endpoint="e")}},
        {"calls": {str(T): CallEntry()}},
        {"calls": {str(T): CallEntry(endpoint="e", property="p")}},
        {"calls": {str(T): CallEntry(device="d")}},
        {"calls": {str(T): CallEntry(device="a b", resource="r")}},
        {"calls": {str(T): CallEntry(device="d", resource="r/")}},
        {"calls": {str(T): CallEntry(endpoint="a-b")}},
        {"calls": {str(T): CallEntry(endpoint="e", burst=0)}},
        {
            "protocol": "iotmp",
            "iotmp_calls": "embedded",
            "calls": {str(T): CallEntry(device="d", resource="r")},
        },
        {"sensors": {str(T): NameEntry(path="pump/relay")}},
        {"sensors": {str(T): NameEntry(path="pump/relay/blink")}},
        {"sensors": {str(RELAY): NameEntry()}},
        {"actuators": {str(DOOR): NameEntry()}},
    ],
    ids=str,
)
def test_what_cannot_be_is_a_mistake_of_the_file(changes: dict[str, Any]) -> None:
    """Found by `check`, before anything is connected."""
    with pytest.raises(ConfigError):
        subscription(config(**changes), CHANNELS)


def test_the_credentials_are_in_no_repr() -> None:
    """Nor is the callback's token."""
    shown = repr(config(callback_token=Secret("t0ken")))
    assert "s3cret" not in shown
    assert "t0ken" not in shown
