"""What a cloud that speaks JSON takes of a value."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gatewayd.clouds.wire_values import NOT_FINITE, TOO_LARGE, wire_value
from gatewayd.model import Value


@dataclass(frozen=True)
class Factor:
    scale: float = 1.0
    offset: float = 0.0

    @property
    def is_plain(self) -> bool:
        return (self.scale, self.offset) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("value", "sent"),
    [(True, 1), (False, 0), (21.5, 21.5), (7, 7), ("door", "door"), ("\ud800", "?")],
)
def test_values_go_out_as_json_can_say_them(value: Value, sent: Value) -> None:
    """A switch is a number: not every cloud has booleans."""
    assert wire_value(value, Factor()) == (sent, "")


def test_numbers_are_scaled_without_dust() -> None:
    """0.1 × 3 is 0.3 for everybody but a processor."""
    assert wire_value(0.1, Factor(3.0)) == (0.3, "")
    assert wire_value(True, Factor(3.0)) == (1, "")


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, {"lat": float("nan"), "lng": 1.0}]
)
def test_what_is_no_number_is_not_sent(value: Value) -> None:
    """JSON has no word for it."""
    assert wire_value(value, Factor())[1] == NOT_FINITE


def test_a_value_too_large_for_a_message_is_not_sent() -> None:
    """A text is measured as JSON writes it."""
    assert wire_value("x" * 70_000, Factor())[1] == TOO_LARGE
    assert wire_value("\x01" * 20_000, Factor())[1] == TOO_LARGE
    assert wire_value("x" * 60_000, Factor())[1] == ""
