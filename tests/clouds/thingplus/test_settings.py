"""What the owner says, as the session that Thing+ expects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.settings import Config, check_numbers, mqtt_settings
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret

CONFIG = Config(host="mqtt.example.net", api_key=Secret("made-up-key="))


def test_the_session_is_what_the_vendors_tester_checks() -> None:
    """User name and client id are the gateway id, clean session, the will is a retained err."""
    session = mqtt_settings(CONFIG, "b827eb000001", 60.0)
    assert (session.client_id, session.username) == ("b827eb000001", "b827eb000001")
    assert session.password == CONFIG.api_key
    assert session.is_clean
    assert session.will is not None
    assert (session.will.topic, session.will.payload) == (
        "v/a/g/b827eb000001/mqtt/status",
        b"err",
    )
    assert (session.will.qos, session.will.is_retained) == (1, True)


@pytest.mark.parametrize(("interval_s", "keep_alive_s"), [(60, 120), (300, 600), (3600, 600)])
def test_keep_alive_follows_the_interval(interval_s: float, keep_alive_s: int) -> None:
    """Twice the interval, ten minutes at the most."""
    assert mqtt_settings(CONFIG, "gw", interval_s).keep_alive_s == keep_alive_s


def test_tls_is_on_unless_switched_off() -> None:
    """The key must not travel readable by accident."""
    session = mqtt_settings(replace(CONFIG, ca_file=Path("ca.pem")), "gw", 60.0)
    assert session.tls is not None
    assert (session.tls.is_verified, session.tls.ca_file) == (True, Path("ca.pem"))
    assert mqtt_settings(replace(CONFIG, tls=False), "gw", 60.0).tls is None


def test_the_defaults_make_sense() -> None:
    """And what makes none is refused."""
    check_numbers(CONFIG)
    for wrong in (
        replace(CONFIG, report_interval=0.0),
        replace(CONFIG, ack_timeout=0.0),
        replace(CONFIG, validity_factor=0.9),
        replace(CONFIG, port=65536),
    ):
        with pytest.raises(ConfigError):
            check_numbers(wrong)


def test_the_key_is_not_shown() -> None:
    """Neither by the configuration nor by the session."""
    assert "made-up-key" not in repr(CONFIG) + repr(mqtt_settings(CONFIG, "gw", 60.0))
