"""`gatewayd ledger`: what became of every reading."""

from __future__ import annotations

import json
from typing import Any

from gatewayd.cli.ledger import show_ledger
from tests.peers.plant import Plant

LINE: dict[str, Any] = {"accepted": 10, "delivered": 5, "pending": 2, "is_balanced": True}
LINE["repeated"] = 0


def test_every_drop_has_its_reason() -> None:
    """Figures stand under each other, reasons behind them."""
    lines = {"cloud": {**LINE, "dropped": {"aged": 2, "rejected": 1}}}
    head, row = show_ledger({"uplinks": lines, "lost": {}}).splitlines()
    assert head.split() == ["uplink", "accepted", "delivered", "pending", "dropped", "reasons"]
    assert row == "cloud         10          5        2        3  balanced  2 aged, 1 rejected"


def test_a_ledger_that_does_not_balance_says_so() -> None:
    """In capitals, because readings are missing."""
    lines = {"cloud": {**LINE, "dropped": {}, "is_balanced": False}}
    assert "DOES NOT BALANCE" in show_ledger({"uplinks": lines, "lost": {}})


def test_a_gateway_without_uplinks_owes_nothing(plant: Plant) -> None:
    """It balances, and says that there are none."""
    with plant.daemon():
        done = plant.run("ledger", "--json")
        assert json.loads(done.stdout) == {
            "uplinks": {},
            "lost": {"bus": 0, "outbox": 0},
            "is_balanced": True,
        }
        assert plant.run("ledger").stdout == "no uplinks\n"
        assert done.returncode == 0
