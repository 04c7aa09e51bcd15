"""`gatewayd status`: how the running daemon is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewayd.cli.status import show_card, show_status
from tests.peers.plant import Plant

STATUS: dict[str, Any] = {
    "gateway": {"id": "b827eb000001", "name": "Boiler room", "version": "1.0", "uptime_s": 3700.0},
    "health": {"is_ok": False, "reason": "outbox made no progress for 61 s"},
    "clock": {"time_ms": 1_795_000_000_000, "is_synchronised": False},
    "outbox": {"card_fault": "disk full"},
    "devices": [
        {"name": "boiler", "driver": "bme280", "is_up": False, "reason": "cut", "retry_s": 4.0}
    ],
    "uplinks": [{"name": "cloud", "kind": "thingplus", "pending": 12, "is_up": True}],
    "outputs": [
        {
            "channel": "pump/relay",
            "value": True,
            "safe": False,
            "is_safe": False,
            "is_verified": False,
            "blink_s": None,
            "left_s": 20.0,
            "reason": "asked by cloud",
        }
    ],
}


def test_everything_that_is_wrong_stands_out() -> None:
    """Health, clock, card, what is down and what is not safe."""
    lines = list(show_status(STATUS))
    text = "\n".join(lines)
    assert lines[0] == "Boiler room (b827eb000001), gatewayd 1.0, up 1h1m"
    assert "health  outbox made no progress for 61 s" in lines
    assert "NOT SET YET" in lines[2]
    assert "outbox  disk full" in lines
    assert "boiler  bme280  down: cut; next try in 4s" in text
    assert "cloud   thingplus       12  up" in text
    assert "pump/relay  on (assumed)  NO    asked by cloud; goes off in 20s" in text


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"rung": "reopen", "helped": None}, "down: cut; next try in 4s"),
        ({"rung": "port reset", "helped": None}, "down: cut; next try in 4s (port reset)"),
        ({"is_up": True, "rung": None, "helped": "reopen"}, "up"),
        ({"is_up": True, "rung": None, "stopped": "silent for 1h"}, "STOPPED: silent for 1h"),
        ({"is_up": True, "rung": None, "helped": "adapter reset"}, "up (adapter reset helped)"),
    ],
)
def test_remedies_are_told(facts: dict[str, Any], told: str) -> None:
    """Which one is due, and which one helped; opening again is everyday and not told."""
    edge = {**STATUS["devices"][0], **facts}
    lines = "\n".join(show_status({**STATUS, "devices": [edge]})).splitlines()
    assert f"boiler  bme280  {told}" in lines


def test_without_a_daemon_there_is_nothing_to_show(plant: Plant) -> None:
    """Exit 69, nothing on stdout."""
    done = plant.run("status", "--json")
    assert (done.returncode, done.stdout) == (69, "")


def test_the_daemon_tells_its_outputs(plant: Plant) -> None:
    """One document, with what a script needs; and a page for a person."""
    with plant.daemon():
        status = json.loads(plant.run("status", "--json").stdout)
        assert [each["is_safe"] for each in status["outputs"]] == [True, True, True]
        assert status["gateway"]["state_dir"] == str(plant.folder)
        assert "pump/relay" in plant.run("status").stdout


CARD: dict[str, Any] = {
    "device": "mmcblk0",
    "size_bytes": 32_000_000_000,
    "written_bytes": 40_000,
    "own_bytes_a_day": None,
    "device_bytes_a_day": None,
    "budget_bytes_a_day": None,
    "years_left": None,
    "interval_s": 1.0,
}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "mmcblk0, 40 kB written by gatewayd"),
        (
            {"own_bytes_a_day": 1_260_000, "device_bytes_a_day": 85_000_000, "years_left": 1031.0},
            "mmcblk0, written a day 1.26 MB by gatewayd, 85 MB by all;"
            " a new card of 32 GB lasts over 100 years",
        ),
        (
            {
                "own_bytes_a_day": 1.8e9,
                "budget_bytes_a_day": 8_760_000_000,
                "years_left": 12.17,
                "interval_s": 20.0,
            },
            "mmcblk0, written a day 1.8 GB by gatewayd, budget 8.76 GB, commits every 20s;"
            " a new card of 32 GB lasts 12.2 years",
        ),
        ({"device": None, "written_bytes": 0}, "no card, 0 B written by gatewayd"),
    ],
)
def test_the_card_is_told_in_a_line(facts: dict[str, Any], told: str) -> None:
    """What is written a day, what is allowed, and how long a card bears it."""
    assert show_card({**CARD, **facts}) == told
