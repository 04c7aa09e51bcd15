"""`gatewayd safe`: works when little else does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewayd.cli._lastgood import NAME
from gatewayd.cli._outputs import read_plan
from gatewayd.cli.safe import PATIENCE_S, RESTARTED_S, make_safe, patience_s
from tests.peers.plant import Plant

pytestmark = pytest.mark.alone


def test_every_output_goes_safe_without_a_daemon(plant: Plant) -> None:
    """After SIGKILL nothing runs, and the outputs stand as they were."""
    plant.switch_on()
    done = plant.run("safe")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "pump/relay is safe: off (read back)",
        "pump/lamp is safe: off (read back)",
        "valve/relay is safe: off (read back)",
    ]
    assert plant.relays() == {"relay": False, "lamp": False}


def test_it_works_right_after_sigkill(plant: Plant) -> None:
    """The socket of the dead daemon is no obstacle, and it takes less than 2 s."""
    with plant.daemon() as daemon:
        assert plant.run("set", "pump/relay", "on").returncode == 0
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(5)
        assert plant.relays()["relay"] is True
        began_s = time.monotonic()
        assert plant.run("safe").returncode == 0
        assert time.monotonic() - began_s < 2.0
    assert plant.relays()["relay"] is False


def test_a_running_daemon_is_asked(plant: Plant) -> None:
    """An output has one writer: the daemon drives it safe, knows it, and goes on serving."""
    with plant.daemon():
        plant.run("set", "pump/relay", "on")
        done = plant.run("safe", "--json")
        assert done.returncode == 0
        assert all(each["is_safe"] for each in json.loads(done.stdout)["outputs"])
        status = json.loads(plant.run("status", "--json").stdout)
        assert {each["reason"] for each in status["outputs"]} == {"asked by safe"}
        assert plant.relays()["relay"] is False


def test_a_hanging_daemon_does_not_keep_the_outputs_on(plant: Plant) -> None:
    """Who listens and does not answer writes nothing any more."""
    plant.switch_on()
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(plant.folder / "gatewayd.sock"))
        hanging.listen()
        assert plant.run("safe").returncode == 0
    assert plant.relays() == {"relay": False, "lamp": False}


@pytest.mark.parametrize(
    "mistake",
    [
        '[uplink.cloud]\nkind = "thingplus"\nhost = "h"\napi_key = { credential = "gone" }\n',
        '[uplink.cloud]\nkind = "nosuchcloud"\n',
        '[device.boiler]\ndriver = "nosuchdriver"\n',
        '[console]\nlisten = "0.0.0.0:1"\n',
        "[outbox]\nsize_max = 5\n",
    ],
)
def test_mistakes_elsewhere_are_no_reason_to_leave_a_pump_on(plant: Plant, mistake: str) -> None:
    """A missing cloud key, an unknown sensor, an open console: the outputs go safe."""
    plant.switch_on()
    plant.append(mistake)
    assert plant.run("safe").returncode == 0
    assert plant.relays() == {"relay": False, "lamp": False}


def test_an_output_whose_section_is_wrong_is_named(plant: Plant) -> None:
    """What cannot be made safe is said, and the others are safe."""
    plant.switch_on()
    plant.append('[device.fan]\ndriver = "sim_relay"\nrelays = 5\nsafe = "off"\n')
    done = plant.run("safe")
    assert done.returncode == 1
    assert "fan IS NOT SAFE: its section has mistakes" in done.stdout
    assert plant.relays() == {"relay": False, "lamp": False}


def test_a_wrong_sensor_is_nothing_to_make_safe(plant: Plant) -> None:
    """Only what may have outputs counts as lost."""
    plant.append('[device.boiler]\ndriver = "bme280"\n')
    plan = read_plan(plant.config)
    assert plan is not None
    assert plan.lost == ()


async def test_one_broken_board_does_not_delay_the_others(plant: Plant) -> None:
    """A board that answers nothing has its own tries and its own time."""
    plant.switch_on()
    plant.append('[device.dead]\ndriver = "sim_relay"\nfail_after = 0\nsafe = "off"\n')
    plant.append('[device.welded]\ndriver = "sim_relay"\nstuck = ["relay"]\nsafe = "on"\n')
    plan = read_plan(plant.config)
    assert plan is not None
    results = {result.output: result for result in await make_safe(plan, patience_s=0.3)}
    assert not results["dead/relay"].is_safe
    assert "board died" in results["dead/relay"].detail
    assert results["welded/relay"].detail == "off (read back)"
    assert not results["welded/relay"].is_safe
    assert results["pump/relay"].is_safe
    assert results["valve/relay"].is_safe


def test_a_file_that_does_not_parse_is_replaced_by_the_last_one_that_worked(plant: Plant) -> None:
    """A mistyped bracket is found by the daemon's death, and the pump must still go off."""
    with plant.daemon() as daemon:
        plant.run("set", "pump/relay", "on")
        plant.append("[device.pump\n")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(5)
    done = plant.run("safe")
    assert done.returncode == 0
    assert "using the last configuration that worked" in done.stderr
    assert plant.relays()["relay"] is False


def test_without_any_configuration_the_owner_is_told(plant: Plant) -> None:
    """Exit 78, and a sentence."""
    plant.config.write_text("[gateway\n")
    done = plant.run("safe")
    assert done.returncode == 78
    assert "cannot be read" in done.stderr
    assert Path(plant.config).exists()


def cut_pump(plant: Plant) -> None:
    """Take the whole section out."""
    before, _, rest = plant.config.read_text().partition("[device.pump]")
    plant.config.write_text(before + rest[rest.index("[device.valve]") :])


def make_sensor(plant: Plant) -> None:
    """Give the name to something that is no output."""
    cut_pump(plant)
    plant.append('[device.pump]\ndriver = "sim"\nsignals.level = {}\n')


def spoil_table(plant: Plant) -> None:
    """TOML, but no configuration."""
    plant.config.write_text(f'device = 5\n[gateway]\nstate_dir = "{plant.folder}"\n')


EDITS: dict[str, Callable[[Plant], None]] = {
    "driver mistyped": lambda plant: plant.edit('"sim_relay"', '"sim_rely"'),
    "safe deleted": lambda plant: plant.edit('safe = "off"\n', ""),
    "section deleted": cut_pump,
    "section renamed": lambda plant: plant.edit("[device.pump]", "[device.fan]"),
    "other hardware": lambda plant: plant.edit("pump.json", "other.json"),
    "made a sensor": make_sensor,
    "no tables": spoil_table,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_what_the_dead_daemon_left_on_goes_off_whatever_was_edited(
    plant: Plant, edit: Callable[[Plant], None]
) -> None:
    """The hardware is as the last daemon knew it; no edit moves a cable. Within 2 s, as ever."""
    plant.die_on()
    edit(plant)
    began_s = time.monotonic()
    done = plant.run("safe")
    assert time.monotonic() - began_s < 2.0
    assert plant.relays() == {"relay": False, "lamp": False}
    assert done.returncode == 0, done.stdout


def test_a_moved_file_leaves_the_copy(plant: Plant) -> None:
    """The state folder is named, the copy is in it, and stderr says that it was used."""
    plant.die_on()
    plant.config.rename(plant.folder / "moved.toml")
    done = plant.run("safe", GATEWAYD_GATEWAY__STATE_DIR=str(plant.folder))
    assert done.returncode == 0
    assert "cannot be read" in done.stderr
    assert "using the last configuration that worked" in done.stderr
    assert plant.relays()["relay"] is False


def test_a_moved_file_and_no_copy_is_said(plant: Plant) -> None:
    """Nothing is known, nothing is driven, and nobody is told that all is well."""
    plant.switch_on()
    plant.config.rename(plant.folder / "moved.toml")
    done = plant.run("safe", GATEWAYD_GATEWAY__STATE_DIR=str(plant.folder))
    assert done.returncode == 78
    assert "no copy of the last one that worked" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"sim_relay"', '"sim_rely"', 'line 8: found "sim_rely", nearest: sim_relay'),
        ('safe = "off"\n', "", 'line 7: no "safe" for pump/relay'),
        ('relays = ["relay", "lamp"]', "relays = 5", "line 9: found 5"),
        ('driver = "sim_relay"\n', "", 'line 7: no "driver" for pump'),
    ],
)
def test_without_a_copy_a_section_with_mistakes_is_not_safe(
    plant: Plant, old: str, new: str, reason: str
) -> None:
    """The reason is said, and the other devices are safe."""
    plant.switch_on()
    plant.edit(old, new)
    done = plant.run("safe")
    assert done.returncode == 1
    assert f"pump IS NOT SAFE: its section has mistakes: {reason}" in done.stdout
    assert plant.relays("valve") == {"relay": False}


def test_each_output_says_which_file_it_comes_from(plant: Plant) -> None:
    """The same in both is driven once, as today's; the rest by its own file, the last's first."""
    plant.die_on()
    plant.edit("pump.json", "other.json")
    rows = json.loads(plant.run("safe", "--json").stdout)["outputs"]
    copy, today = str(plant.folder / NAME), str(plant.config)
    assert [(row["output"], row["file"]) for row in rows] == [
        ("pump/relay", copy),
        ("pump/lamp", copy),
        ("valve/relay", today),
        ("pump/relay", today),
        ("pump/lamp", today),
    ]


def test_todays_safe_value_wins_and_is_written_once(plant: Plant) -> None:
    """The hardware is the same, the owner wants another value: it does not move twice."""
    plant.die_on()
    plant.edit('safe = "off"', 'safe = "on"')
    done = plant.run("safe")
    assert done.returncode == 0
    assert done.stdout.count("pump/relay") == 1
    assert plant.relays() == {"relay": True, "lamp": True}


def test_todays_has_the_last_word_on_a_wire_that_both_name(plant: Plant) -> None:
    """Other keys may be the same hardware still: the last daemon's goes first."""
    plant.die_on()
    plant.edit('relays = ["relay", "lamp"]', 'relays = ["relay"]')
    plant.edit('safe = "off"', 'safe = "on"')
    assert plant.run("safe").returncode == 0
    assert plant.relays() == {"relay": True, "lamp": False}


def test_a_dead_board_of_the_last_daemon_stops_nothing_of_today(plant: Plant) -> None:
    """It is said, and both files' other outputs are safe."""
    plant.append('[device.dead]\ndriver = "sim_relay"\nfail_after = 1\nsafe = "off"\n')
    plant.die_on()
    (plant.folder / NAME).write_text(
        (plant.folder / NAME).read_text().replace("fail_after = 1", "fail_after = 0")
    )
    plant.edit("pump.json", "other.json")
    done = plant.run("safe", "--patience", "300ms")
    assert done.returncode == 1
    assert "gatewayd: dead/relay is not safe yet: the simulated board died" in done.stderr
    assert "dead/relay IS NOT SAFE: the simulated board died" in done.stdout
    assert plant.relays() == {"relay": False, "lamp": False}
    assert plant.relays("other") == {"relay": False, "lamp": False}


def test_a_copy_that_nobody_can_read_is_not_passed_over(plant: Plant) -> None:
    """Today's outputs are safe; what else was on, nobody can say: exit 1."""
    plant.die_on()
    (plant.folder / NAME).write_bytes(b"\xff[")
    done = plant.run("safe")
    assert done.returncode == 1
    assert "unknown IS NOT SAFE: what the last daemon ran with" in done.stdout
    assert plant.relays()["relay"] is False


def test_a_reload_that_finds_mistakes_does_not_spoil_the_copy(plant: Plant) -> None:
    """The copy is of what runs, whatever the file says."""
    with plant.daemon() as daemon:
        good = (plant.folder / NAME).read_text()
        plant.append("[device.pump\n")
        daemon.send_signal(signal.SIGHUP)
        plant.wait_for(lambda: "is not used" in (plant.folder / "log").read_text())
        assert (plant.folder / NAME).read_text() == good


def test_a_daemon_that_still_runs_with_the_old_file_is_asked(plant: Plant) -> None:
    """An output has one writer, also when today's file would not find it."""
    with plant.daemon():
        plant.run("set", "pump/relay", "on")
        cut_pump(plant)
        rows = json.loads(plant.run("safe", "--json").stdout)["outputs"]
    assert [(row["output"], row["file"]) for row in rows if row["output"] == "pump/relay"] == [
        ("pump/relay", None)
    ]
    assert plant.relays()["relay"] is False


def test_a_frozen_daemon_that_holds_the_socket_delays_nothing(plant: Plant) -> None:
    """SIGSTOP: it listens and says nothing. Its process is named, and the outputs are driven."""
    with plant.daemon() as daemon:
        assert plant.run("set", "pump/relay", "on").returncode == 0
        daemon.send_signal(signal.SIGSTOP)
        try:
            began_s = time.monotonic()
            done = plant.run("safe")
            took_s = time.monotonic() - began_s
        finally:
            daemon.send_signal(signal.SIGCONT)
        assert took_s < 2.0
        assert f"the daemon (process {daemon.pid}) does not answer" in done.stderr
        assert done.returncode == 0
        assert plant.relays()["relay"] is False


async def test_what_answers_is_safe_in_time_beside_what_does_not(plant: Plant) -> None:
    """One of eight is absent: the seven do not wait for it, and it is tried until patience ends."""
    plant.switch_on()
    for number in range(6):
        state = plant.folder / f"more{number}.json"
        state.write_text('{"relay": true}')
        plant.append(
            f'[device.more{number}]\ndriver = "sim_relay"\nstate_file = "{state}"\nsafe = "off"\n'
        )
    plant.append('[device.gone]\ndriver = "serial_relay"\nport = "/dev/nowhere"\nsafe = "off"\n')
    plan = read_plan(plant.config)
    assert plan is not None
    began_s = time.monotonic()
    driving = asyncio.ensure_future(make_safe(plan, soon_s=1.0, patience_s=1.0))
    while any(any(plant.relays(name).values()) for name in ("pump", "valve", "more0", "more5")):
        assert time.monotonic() - began_s < 1.0
        await asyncio.sleep(0.01)
    results = {result.output: result for result in await driving}
    assert time.monotonic() - began_s > 1.9, "it was tried on"
    assert [name for name, result in results.items() if not result.is_safe] == ["gone/relay"]
    assert "/dev/nowhere is not there" in results["gone/relay"].detail


async def test_what_comes_back_in_time_is_safe_after_all(plant: Plant) -> None:
    """The cable is put back while it is tried: exit code and words are the truth at the end."""
    blocked = plant.folder / "late" / "state.json"
    (plant.folder / "late").write_text("a file where a folder should be")
    plant.append(f'[device.late]\ndriver = "sim_relay"\nstate_file = "{blocked}"\nsafe = "off"\n')
    plan = read_plan(plant.config)
    assert plan is not None
    driving = asyncio.ensure_future(make_safe(plan, soon_s=0.3, patience_s=10.0))
    await asyncio.sleep(0.5)
    assert not driving.done()
    (plant.folder / "late").unlink()
    assert all(result.is_safe for result in await driving)


def test_before_a_restart_patience_is_short() -> None:
    """The next daemon's first act is to make everything safe; who stops for good has none."""
    assert patience_s({}) == PATIENCE_S
    assert patience_s({"SERVICE_RESULT": "success"}) == PATIENCE_S
    assert patience_s({"SERVICE_RESULT": "watchdog", "EXIT_STATUS": "ABRT"}) == RESTARTED_S
    assert patience_s({"SERVICE_RESULT": "exit-code", "EXIT_STATUS": "78"}) == PATIENCE_S


def test_a_wire_that_hangs_holds_up_neither_the_others_nor_the_end(plant: Plant) -> None:
    """A thread that the kernel never lets go: the rest is safe in time, and the program ends."""
    plant.switch_on()
    hung = plant.folder / "hung"
    os.mkfifo(hung)  # Whoever opens it waits for somebody at the other end.
    plant.append(f'[device.hung]\ndriver = "sim_relay"\nstate_file = "{hung}"\nsafe = "off"\n')
    began_s = time.monotonic()
    done = plant.run("safe", "--patience", "200ms")
    assert time.monotonic() - began_s < 2.5
    assert done.returncode == 1
    assert "hung/relay IS NOT SAFE" in done.stdout
    assert plant.relays() == {"relay": False, "lamp": False}


def leave(crowd: list[socket.socket]) -> None:
    for client in crowd:
        client.close()


def test_a_crowd_at_the_socket_is_waited_out(plant: Plant) -> None:
    """Sixteen others are asking: as soon as one of them leaves, it is heard."""
    with plant.daemon():
        assert plant.run("set", "pump/relay", "on").returncode == 0
        crowd = []
        for _ in range(20):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(plant.folder / "gatewayd.sock"))
            crowd.append(client)
        leaving = threading.Timer(0.6, leave, [crowd])
        leaving.start()
        done = plant.run("safe")
        leaving.join()
    assert done.returncode == 0, done
    assert plant.relays()["relay"] is False


async def test_todays_has_the_last_word_also_when_both_are_late(plant: Plant) -> None:
    """The board comes back while both are tried: whoever was first, today's value stands."""
    place = plant.folder / "late"
    place.write_text("a file where a folder should be")
    plant.edit(f"{plant.folder}/pump.json", f"{place}/pump.json")
    (plant.folder / NAME).write_text(plant.config.read_text())
    plant.edit('relays = ["relay", "lamp"]', 'relays = ["relay"]')
    plant.edit('safe = "off"', 'safe = "on"')
    plan = read_plan(plant.config)
    assert plan is not None
    driving = asyncio.ensure_future(make_safe(plan, soon_s=0.4, patience_s=10.0))
    await asyncio.sleep(0.6)
    place.unlink()
    assert all(result.is_safe for result in await driving)
    assert plant.relays("late/pump") == {"relay": True, "lamp": False}


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.parametrize("place", ["/dev/full", "&-"])
def test_what_nobody_can_be_told_is_done_all_the_same(
    plant: Plant, stream: str, place: str
) -> None:
    """A journal that died, a full disk: there is something to say before anything is driven (the
    file does not parse) and while it is (a board does not answer), and none of it stops there.
    """
    plant.append('[device.gone]\ndriver = "serial_relay"\nport = "/dev/nowhere"\nsafe = "off"\n')
    plant.die_on()
    plant.config.write_text("[gateway")
    verb = f'exec "$0" -m gatewayd --config "$1" safe --patience 100ms {stream}>{place}'
    variables = {**os.environ, "GATEWAYD_GATEWAY__STATE_DIR": str(plant.folder)}
    command = ["/bin/sh", "-c", verb, sys.executable, str(plant.config)]
    done = subprocess.run(command, check=False, env=variables, capture_output=True, timeout=30)
    assert plant.relays()["relay"] is False
    assert done.returncode == 1, "the board that is gone is not safe, and that is known"
