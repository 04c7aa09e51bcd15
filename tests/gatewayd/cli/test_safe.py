"""`gatewayd safe`: works when little else does."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from gatewayd.cli.safe import find_lost, make_safe
from gatewayd.config import salvage
from tests.peers.plant import Plant


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
        assert time.monotonic() - began_s < 2
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
    """Only sections that name a safe value count as lost outputs."""
    plant.append('[device.boiler]\ndriver = "bme280"\n')
    settings, _ = salvage(plant.config)
    assert settings is not None
    assert find_lost(plant.config, settings) == []


async def test_one_broken_board_does_not_delay_the_others(plant: Plant) -> None:
    """A board that answers nothing has its own tries and its own time."""
    plant.switch_on()
    plant.append('[device.dead]\ndriver = "sim_relay"\nfail_after = 0\nsafe = "off"\n')
    plant.append('[device.welded]\ndriver = "sim_relay"\nstuck = ["relay"]\nsafe = "on"\n')
    settings, _ = salvage(plant.config)
    assert settings is not None
    results = {result.output: result for result in await make_safe(settings)}
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
