"""Finding the running daemon: what is said when it cannot be found."""

from __future__ import annotations

import pytest

from tests.peers.plant import Plant


@pytest.mark.parametrize("verb", [("status",), ("ledger",), ("set", "pump/relay", "off")])
def test_a_missing_configuration_is_named_beside_the_daemon(
    plant: Plant, verb: tuple[str, ...]
) -> None:
    """Without the file nobody knows where to look, so the place is not the whole truth."""
    plant.config.unlink()
    done = plant.run(*verb)
    assert (done.returncode, done.stdout) == (69, "")
    why, where = done.stderr.splitlines()
    assert f"{plant.config}: cannot be read" in why
    assert "no daemon is running" in where
    assert "--config" in where


def test_a_file_that_is_no_toml_is_named_too(plant: Plant) -> None:
    """With the line of the mistake."""
    plant.config.write_text("[gateway\n")
    assert f"{plant.config}:1:" in plant.run("status").stderr


def test_a_good_configuration_is_not_suspected(plant: Plant) -> None:
    """One sentence: it does not run."""
    [line] = plant.run("status").stderr.splitlines()
    assert line.startswith("gatewayd: no daemon is running (")
