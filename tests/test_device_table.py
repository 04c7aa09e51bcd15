"""The README's table of devices is what the drivers say."""

from __future__ import annotations

import pytest

from gatewayd.driver import driver_kinds, load_driver
from tests.device_table import README, renewed


def test_the_readme_has_the_drivers_own_words() -> None:
    """`python -m tests.device_table` writes it anew."""
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "run python -m tests.device_table"


@pytest.mark.parametrize("kind", driver_kinds())
def test_every_driver_says_how_it_was_tested(kind: str) -> None:
    """In its docstring, under `Tested:`."""
    assert load_driver(kind).told("Tested")
