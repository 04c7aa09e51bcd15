"""The report, from what a gateway told."""

from __future__ import annotations

from typing import Any

from gatewayd.reporting import Told, report_of

STATUS: dict[str, Any] = {
    "gateway": {
        "id": "b827eb000001",
        "name": "Boiler room",
        "version": "1",
        "state_dir": "/s",
        "uptime_s": 5.0,
    },
    "health": {"is_ok": False, "reason": "device hall is silent"},
    "clock": {"time_ms": 1_795_000_000_000, "is_synchronised": False},
    "devices": [
        {"name": "hall", "driver": "nmea", "is_up": True, "reason": "", "stopped": "silent for 1h"},
        {"name": "attic", "driver": "sim", "is_up": False, "reason": "nobody answers"},
    ],
    "uplinks": [
        {"name": "up", "kind": "thingplus", "is_up": True, "reason": "", "stopped": None},
    ],
    "outputs": [
        {
            "channel": "pump/relay",
            "value": None,
            "safe": False,
            "is_safe": False,
            "is_verified": False,
        }
    ],
    "outbox": {"card_fault": "the card is full", "card": None},
}


def report(**parts: Any) -> str:
    ledger = {
        "uplinks": {
            "up": {
                "accepted": 10,
                "delivered": 7,
                "pending": 0,
                "dropped": {"full": 3},
                "is_balanced": False,
            }
        }
    }
    reading = {
        "channel": "hall/temperature",
        "value": None,
        "quality": "timeout",
        "unit": "Cel",
        "age_s": 3600.0,
    }
    told: dict[str, Any] = {
        "status": STATUS,
        "ledger": ledger,
        "readings": [reading],
        "channels": [{"channel": "hall/temperature"}],
        "limits": {"pump/relay": [("hold_max", "1h")]},
        "versions": {"python": "3.11", "kernel": "6.1"},
        "problems": [],
    }
    return report_of(Told(**(told | parts)))


def test_what_is_wrong_is_said_and_stands_out() -> None:
    """A silent device, an unknown output, a full card, a ledger that does not balance."""
    page = report()
    for words in (
        "silent for 1h",
        "down: nobody answers",
        "none (timeout)",
        "nobody knows",
        "the card is full",
        "NOT SYNCHRONISED",
        "3 full",
        "device hall is silent",
    ):
        place = page.index(words)
        assert "bad" in page[place - 60 : place], words
    assert page.count('<td class="bad">NO</td>') == 2


def test_every_text_is_escaped() -> None:
    """Also the sentences of the check."""
    page = report(problems=['config.toml:1:1: found "<b>"'])
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_a_file_without_mistakes_says_so() -> None:
    """One line, and no empty list."""
    assert "No mistakes, no warnings." in report()
    assert "<ul>" not in report()
