"""A configuration that would wear out its card is refused, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.card import DAY_S, OUTAGE_SHARE
from gatewayd.config import load
from gatewayd.config.card import UNASKED_S, asked_of, readings_a_day
from gatewayd.config.settings import Settings
from tests.gatewayd.config.written import Check

HEAD = '[gateway]\nid = "g"\n'
SIM = '[device.{0}]\ndriver = "sim"\nevery = "{1}"\n[device.{0}.signals.temperature]\nmean = 20.0\n'
CLOUD = (
    '[uplink.up]\nkind = "thingplus"\nhost = "localhost"\napi_key = {{ env = "HOME" }}\n'
    'series_interval = "{0}"\n'
)


def settings_of(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(HEAD + text)
    return load(file, {})


def test_a_usual_card_bears_a_usual_gateway(check: Check) -> None:
    """32 GB for ten years, a reading each second, every one of them through the card."""
    text = '[outbox]\ncard = "32 GB"\nyears = 10\n' + SIM.format("a", "1s") + CLOUD.format("60s")
    assert not [line for line in check(text).said if "card" in line]


def test_a_small_card_wants_longer_commits_and_is_told_how_long(check: Check) -> None:
    """With what it is told, the same file passes."""
    text = '[outbox]\ncard = "1 GB"\ncard_writes = 300\nMOST' + SIM.format("a", "1s")
    text += CLOUD.format("60s")
    [line] = [line for line in check(text.replace("MOST", "")).said if "would be written" in line]
    assert line.startswith("2:8: some 1.82 GB would be written a day")
    assert 'expected commit_interval_max = "23s" or more' in line
    better = text.replace("MOST", 'commit_interval_max = "23s"\n')
    assert not [line for line in check(better).said if "card" in line]


def test_no_interval_saves_a_card_from_too_many_readings(check: Check) -> None:
    """The way out is then another."""
    text = '[outbox]\ncard = "1 MB"\n' + SIM.format("a", "100ms") + CLOUD.format("60s")
    [line] = [line for line in check(text).said if "would be written" in line]
    assert line.startswith("2:8")
    assert "expected fewer readings" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('card = "0 B"', "2:8: found 0; expected more than zero"),
        ('card = "1 GB"\nyears = -1', "3:9: found -1.0; expected more than zero"),
        ('card = "1 GB"\ncard_writes = 0', "3:15: found 0; expected more than zero"),
        (
            'commit_interval = "5s"\ncard = "1 GB"\ncommit_interval_max = "2s"',
            '4:23: found "2s", less than commit_interval; expected "5s" or more',
        ),
        ("years = 3", "2:9: warning: years without card"),
    ],
)
def test_numbers_that_are_none_are_refused(check: Check, text: str, said: str) -> None:
    """Each at its place; a budget without a card is told to mean nothing."""
    lines = check(f"[outbox]\n{text}\n" + SIM.format("a", "1s")).said
    assert any(line.startswith(said) for line in lines)


def test_every_sample_is_taken_for_news(tmp_path: Path) -> None:
    """An hour's window is four readings; its own minimum and maximum are among them."""
    text = SIM.format("a", "10s") + SIM.format("b", "10s")
    text += '[device.b.channel.temperature]\nwindow = "1h"\n'
    devices = settings_of(tmp_path, text).devices
    assert readings_a_day(devices["a"]) == DAY_S / 10
    assert readings_a_day(devices["b"]) == 4 * 24


def test_a_device_that_speaks_unasked_is_taken_to_speak_each_second(tmp_path: Path) -> None:
    """Its `every` means nothing; a receiver of satellites has several channels."""
    text = '[device.gps]\ndriver = "nmea"\nport = "/dev/ttyS0"\n'
    device = settings_of(tmp_path, text).devices["gps"]
    assert readings_a_day(device) == len(device.channels) * DAY_S / UNASKED_S


def test_a_cloud_that_takes_at_once_leaves_the_card_alone(tmp_path: Path) -> None:
    """But for outages; one that gathers for longer than a commit waits leaves everything."""
    quick = settings_of(tmp_path, SIM.format("a", "1s") + CLOUD.format("0s"))
    slow = settings_of(tmp_path, SIM.format("a", "1s") + CLOUD.format("60s"))
    assert asked_of(quick, 1.0).share == OUTAGE_SHARE
    assert asked_of(slow, 1.0).share == 1.0
    assert asked_of(slow, 70.0).share == OUTAGE_SHARE
    assert asked_of(settings_of(tmp_path, SIM.format("a", "1s")), 1.0).readings_a_day == 0.0
