"""A gateway of simulated devices for the verbs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.plant import Plant, make_plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """A configuration in a folder of its own."""
    return make_plant(tmp_path)
