"""`gatewayd audit`, and what a daemon writes for it; commands that a sensor verifies."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from gatewayd.cli.audit import show_rows
from tests.peers.plant import Plant

CLAMP = """
[device.clamp]
driver = "sim"
every = "100ms"
signals.current = {{ kind = "current", unit = "A", mean = {amperes} }}
"""
VERIFY = 'verify = { channel = "clamp/current", on = "> 0.5", within = "2s" }\n[device.valve]'


def verify(plant: Plant, amperes: float) -> None:
    """Have the pump's board verified by a clamp that always shows the same."""
    plant.edit("[device.valve]", VERIFY)
    plant.append(CLAMP.format(amperes=amperes))


def rows(plant: Plant, *arguments: str) -> list[dict[str, Any]]:
    commands: list[dict[str, Any]] = json.loads(plant.run("audit", "--json", *arguments).stdout)[
        "commands"
    ]
    return commands


def test_every_command_of_a_daemon_that_was_killed_is_there(plant: Plant) -> None:
    """Who, what, what became of it and when: done, refused, and safe; without a daemon too."""
    assert plant.run("audit").stdout == "no commands\n"
    with plant.daemon() as daemon:
        plant.run("set", "pump/relay", "on", "--hold", "1m")
        plant.run("set", "valve/relay", "on")
        plant.run("safe")
        plant.wait_for(lambda: len(rows(plant)) == 5)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(5)
    told = rows(plant, "--since", "1h")
    assert [(row["channel"], row["outcome"]) for row in told[:2]] == [
        ("pump/relay", "done"),
        ("valve/relay", "refused"),
    ]
    assert {row["channel"] for row in told[2:]} == {"pump/relay", "pump/lamp", "valve/relay"}
    done, refused, *safe = told
    assert done["origin"].startswith("local")
    assert (done["value"], done["hold_s"], done["verified_by"]) == ("on", 60.0, "read back")
    assert done["time_ms"] <= done["accepted_ms"] <= done["applied_ms"] <= done["verified_ms"]
    assert "must never be on together" in refused["detail"]
    assert {row["origin"] for row in safe} == {"safe"}
    assert rows(plant, "--since", "2100-01-01") == []
    text = plant.run("audit").stdout
    assert "pump/relay" in text
    assert "refused; valve/relay and pump/relay must never be on together" in text


def test_a_moment_that_is_none_is_wrong_usage(plant: Plant) -> None:
    """With both forms named."""
    done = plant.run("audit", "--since", "yesterday")
    assert done.returncode == 2
    assert "neither a duration such as 1h nor a date" in done.stderr


def test_a_repeat_is_told_as_one() -> None:
    """With its age."""
    row = {"time_ms": 0, "origin": "cloud", "channel": "a/b", "value": True, "outcome": "done"}
    text = show_rows([row | {"repeat_age_s": 12.0, "took_ms": 0.0}])
    assert "done; a repeat of 12 s before, carried out once" in text


@pytest.mark.parametrize("amperes", [4.2, 0.0])
def test_a_sensor_has_the_last_word(plant: Plant, amperes: float) -> None:
    """The relay reads back on; whether the motor runs, the clamp says."""
    verify(plant, amperes)
    with plant.daemon():
        done = plant.run("set", "pump/relay", "on", "--json")
        outcome = json.loads(done.stdout)
        if amperes:
            assert (outcome["status"], outcome["verified_by"]) == ("done", "clamp/current")
            assert outcome["verified_ms"] > outcome["applied_ms"]
            assert "pump/relay   on (clamp/current)" in plant.run("status").stdout
        else:
            assert (outcome["status"], outcome["verified_ms"]) == ("failed", None)
            assert "clamp/current says 0 after 2s; went off" in outcome["detail"]
            assert done.returncode == 1
        assert plant.relays()["relay"] is bool(amperes)


def test_what_safe_did_without_a_daemon_is_there_too(plant: Plant) -> None:
    """Output by output, with what it was driven to."""
    plant.die_on()
    before = len(rows(plant))
    assert plant.run("safe").returncode == 0
    told = rows(plant)[before:]
    assert [(row["channel"], row["value"], row["outcome"]) for row in told] == [
        ("pump/relay", False, "done"),
        ("pump/lamp", False, "done"),
        ("valve/relay", False, "done"),
    ]
    assert {row["origin"] for row in told} == {"safe"}
    assert all("read back" in row["detail"] for row in told)


def test_what_safe_could_not_do_is_there_as_failed(plant: Plant) -> None:
    """With the reason."""
    (plant.folder / "pump.json").mkdir()
    assert plant.run("safe", "--patience", "100ms").returncode == 1
    told = {row["channel"]: row for row in rows(plant)}
    assert (told["pump/relay"]["outcome"], told["valve/relay"]["outcome"]) == ("failed", "done")
    assert told["pump/relay"]["detail"]


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_a_record_that_cannot_be_written_keeps_nothing_on(plant: Plant, kind: str) -> None:
    """Everything is safe in time and the exit code says so; a sentence tells of the record."""
    plant.die_on()
    record = plant.folder / "audit.jsonl"
    record.unlink(missing_ok=True)
    if kind == "link":
        record.symlink_to("/dev/full")
    else:
        os.mkfifo(record)
    began_s = time.monotonic()
    done = plant.run("safe")
    assert time.monotonic() - began_s < 2.0
    assert done.returncode == 0
    assert plant.relays()["relay"] is False
    assert f"not written down: {record}" in done.stderr


def test_a_retry_at_the_socket_is_there(plant: Plant) -> None:
    """Also one that was refused."""
    with plant.daemon():
        assert plant.run("ledger", "--retry", "cloud").returncode == 1
        plant.wait_for(lambda: any(row.get("act") == "retry" for row in rows(plant)))
    [told] = [row for row in rows(plant) if row.get("act") == "retry"]
    assert (told["uplink"], told["outcome"]) == ("cloud", "refused")
    assert "retry cloud" in plant.run("audit").stdout
