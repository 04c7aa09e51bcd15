"""The seven fences around an output, each alone: the others are taken away or never there.

Limits other than `safe` are left out, nobody runs `gatewayd safe` unless that is the fence, and
what is dead stays dead.
"""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import signal
from pathlib import Path

import pytest

from gatewayd.config import inspect
from gatewayd.errors import DeviceError
from gatewayd.keeper import Keeper, Limits
from gatewayd.model import Access, Channel, Status
from gatewayd.testing.actuator import FakeActuator, Fault
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated
from tests.peers.plant import Plant, make_plant

RELAY = Channel("relay", "switch", access=Access.WRITE)
UNIT = Path(__file__).parents[2] / "systemd" / "gatewayd.service"


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Outputs with nothing but a safe value."""
    plant = make_plant(tmp_path)
    text = plant.config.read_text()
    plant.config.write_text(text.replace('hold_max = "1h"\n', ""))
    return plant


def make_keeper(board: FakeActuator, **limits: float) -> Keeper:
    clock = SimulatedClock(asyncio.get_running_loop())
    made = Limits(safe="off", **limits)  # type: ignore[arg-type]  # Durations by name.
    keeper = Keeper("pump", (RELAY,), {"relay": made}, list, clock)
    board.levels["relay"] = 1
    return keeper


def level(board: FakeActuator) -> object:
    return board.levels["relay"]


async def keep(keeper: Keeper, board: FakeActuator) -> None:
    with contextlib.suppress(DeviceError):
        await keeper.run(board.open)


def test_1_the_wiring_is_asked_for(plant: Plant) -> None:
    """No program helps where no power means on: `check` says so, where it can be seen."""
    plant.edit('safe = "off"', 'safe = "on"')
    _, problems = inspect(plant.config)
    hints = [problem.expected for problem in problems if problem.is_warning]
    assert any("without power it is off: wire it" in hint for hint in hints)


def test_2_an_output_without_a_declared_safe_moves_nothing(plant: Plant) -> None:
    """There is no default: the daemon does not start, with the code that systemd respects."""
    plant.switch_on()
    plant.edit('safe = "off"\n', "")
    done = plant.run("run")
    assert done.returncode == 78
    assert 'no "safe" for pump/relay' in done.stderr
    assert plant.relays() == {"relay": True, "lamp": True}


def test_3_safe_works_when_nothing_else_lives(plant: Plant) -> None:
    """The unit runs it after any end, and it needs no daemon."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(UNIT)
    assert unit["Service"]["ExecStopPost"].endswith("gatewayd safe")
    plant.die_on()
    assert plant.run("safe").returncode == 0
    assert plant.relays() == {"relay": False, "lamp": False}


def test_4_a_watchdog_waits_for_one_that_is_stuck() -> None:
    """Without it, who blocks the loop keeps everything on for ever; what feeds it is progress.

    That it starves, and what follows, is in test_ways_to_end ("a blocked loop").
    """
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(UNIT)
    assert 0 < int(unit["Service"]["WatchdogSec"]) <= 60
    assert unit["Service"]["Restart"] == "always"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_5_the_keepers_life_begins_and_ends_safe(plant: Plant, stop: signal.Signals) -> None:
    """No clock is set, nobody runs `safe`: the first act and the last are the safe write."""
    plant.switch_on()
    with plant.daemon() as daemon:
        assert plant.relays() == {"relay": False, "lamp": False}, "the first act"
        assert plant.run("set", "pump/relay", "on").returncode == 0
        assert plant.relays()["relay"] is True
        daemon.send_signal(stop)
        assert daemon.wait(15) == 0
    assert plant.relays() == {"relay": False, "lamp": False}, "the last"


@simulated
@pytest.mark.parametrize("limits", [{"hold_max": 60.0}, {"orphan": 60.0}])
async def test_6_the_keepers_clocks_end_what_nobody_ends(limits: dict[str, float]) -> None:
    """Everything lives, nothing fails, nobody says off."""
    board = FakeActuator({})
    keeper = make_keeper(board, **limits)
    running = asyncio.ensure_future(keep(keeper, board))
    await asyncio.sleep(1)
    assert (await keeper.set("relay", True, origin="cloud")).status is Status.DONE
    keeper.link_down("cloud")
    await asyncio.sleep(59)
    assert level(board) is True
    await asyncio.sleep(2)
    assert level(board) is False
    running.cancel()


@simulated
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LATE, Fault.HANG, Fault.REFUSE, Fault.STUCK])
async def test_7_a_write_that_is_in_doubt_is_followed_by_the_safe_one(fault: Fault) -> None:
    """No limit, no end of anything: the next thing on that wire is the safe write."""
    board = FakeActuator({})
    keeper = make_keeper(board)
    running = asyncio.ensure_future(keep(keeper, board))
    await asyncio.sleep(1)
    board.faults.append(fault)
    outcome = await keeper.set("relay", True)
    assert outcome.status is Status.FAILED
    assert [write.value for write in board.writes[-2:]] == [True, False]
    assert board.levels["relay"] is False
    running.cancel()


def test_without_any_fence_it_stays_on(plant: Plant) -> None:
    """What these tests rest on: after SIGKILL nothing goes off by itself."""
    plant.die_on()
    assert plant.relays()["relay"] is True
