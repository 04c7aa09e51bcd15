"""Violations as a control plane lists them."""

from __future__ import annotations

from dataclasses import asdict

from gatewayd.sandbox.violations import Violation, listed

FAULT = Violation(1, "a", "topic", "no such topic")
NOTE = Violation(2, "a", "qos", "QoS 0", is_note=True)
OTHER = Violation(3, "b", "topic", "no such topic")


def test_notes_are_listed_apart_from_violations() -> None:
    """Of all gateways, in the order in which they came."""
    shown = listed([FAULT, NOTE, OTHER], "")
    assert shown == {"violations": [asdict(FAULT), asdict(OTHER)], "notes": [asdict(NOTE)]}


def test_one_gateway_can_be_asked_for() -> None:
    """Of the others there is nothing then."""
    assert listed([FAULT, NOTE, OTHER], "b") == {"violations": [asdict(OTHER)], "notes": []}
