"""`gatewayd set`: by the same way as a cloud's command."""

from __future__ import annotations

import json

from gatewayd.cli.set import show_outcome
from tests.peers.plant import Plant


def test_without_a_daemon_nothing_is_set(plant: Plant) -> None:
    """Exit 69 and a sentence: only a daemon guards holds and limits."""
    plant.switch_on()
    done = plant.run("set", "pump/relay", "off")
    assert (done.returncode, done.stdout) == (69, "")
    assert "no daemon is running" in done.stderr
    assert plant.relays()["relay"] is True


def test_a_hold_without_a_unit_is_wrong_usage(plant: Plant) -> None:
    """Seconds or milliseconds is exactly the mistake that a unit prevents."""
    done = plant.run("set", "pump/relay", "on", "--hold", "30")
    assert done.returncode == 2
    assert "needs a number and a unit" in done.stderr


def test_an_output_is_set_held_and_read_back(plant: Plant) -> None:
    """Done, refused, failed: outcome, exit code and the relay agree."""
    with plant.daemon():
        done = plant.run("set", "pump/relay", "on", "--hold", "30s")
        assert done.stdout.startswith("pump/relay done: it is on (read back); goes off in 30s; ")
        assert "; applied after " in done.stdout
        assert done.returncode == 0
        assert plant.relays()["relay"] is True
        refused = plant.run("set", "valve/relay", "on", "--json")
        assert refused.returncode == 1
        assert json.loads(refused.stdout)["status"] == "refused"
        assert plant.relays("valve")["relay"] is False
        assert plant.run("set", "pump/relay", "off", "--blink", "1s").returncode == 1
        plant.run("set", "pump/relay", "on", "--hold", "200ms")
        plant.wait_for(lambda: not plant.relays()["relay"])
    assert plant.relays()["relay"] is False


def test_an_outcome_is_one_line() -> None:
    """With the value where there is one, and what the desk says."""
    outcome: dict[str, object] = {
        "status": "refused",
        "value": None,
        "is_verified": False,
        "detail": "no such thing",
    }
    assert show_outcome("a/b", outcome) == "a/b refused: no such thing"
    outcome = {"status": "done", "value": 40.0, "is_verified": False, "detail": ""}
    assert show_outcome("a/b", outcome) == "a/b done: it is 40 (assumed)"
