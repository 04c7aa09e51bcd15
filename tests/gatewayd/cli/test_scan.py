"""`gatewayd scan` as a person types it, on a machine that has none of these wires."""

from __future__ import annotations

import json

from tests.peers.plant import Plant


def test_a_wire_that_is_not_there_is_nothing_and_exit_1(plant: Plant) -> None:
    """No traceback, one document, and no file is needed."""
    plant.config.unlink()
    done = plant.run("scan", "onewire", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, [])
    assert "Traceback" not in done.stderr


def test_no_adapter_is_a_sentence(plant: Plant) -> None:
    """Bluetooth needs D-Bus and a radio."""
    done = plant.run("scan", "ble", "--listen", "1s")
    assert "Traceback" not in done.stderr and done.stdout.startswith("wire")


def test_an_unknown_wire_is_wrong_usage(plant: Plant) -> None:
    """With those that there are."""
    done = plant.run("scan", "usb")
    assert done.returncode == 2 and "i2c" in done.stderr


def test_nothing_is_written_where_nothing_was_found(plant: Plant) -> None:
    """The file keeps its time too."""
    before = plant.config.stat().st_mtime_ns
    assert plant.run("scan", "onewire", "--write").returncode == 1
    assert plant.config.stat().st_mtime_ns == before
