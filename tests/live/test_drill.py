"""The drill against the real daemon, and against gateways with faults built in."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from gatewayd.drill.course import exercise
from gatewayd.drill.exercises import PLANS, Plan
from gatewayd.drill.ground import Ground
from tests.live import broken_gateway
from tests.live.daemon import House, until

PLAN = {plan.name: plan for plan in PLANS}


def broken(fault: str) -> tuple[str, ...]:
    return (sys.executable, broken_gateway.__file__, fault)


async def nothing(ground: Ground) -> None:
    """Strike no fault at all, and see some hundred readings."""
    enough = ground.counter.number + 300
    assert await ground.maybe_wait(lambda: ground.counter.number > enough, 15.0) is not None


QUIET = Plan("quiet", "no fault at all", nothing)


async def test_a_good_gateway_passes(house: House) -> None:
    """Its verdict, its ledgers and its table as one document; nothing is left behind."""
    house.folder.joinpath("scratch").mkdir()
    scratch = str(house.folder / "scratch")
    finished = await house.verb("drill", "--only", "unplug", "--scratch", scratch, "--json")
    assert finished.code == 0, finished
    [result] = finished.json["exercises"]
    assert finished.json["is_passed"]
    assert result["facts"]["lost"] == result["facts"]["reordered"] == 0
    assert result["facts"]["arrived"] > 0
    assert result["after"]["thingplus"]["accepted"] == result["after"]["thingplus"]["delivered"]
    assert not list(house.folder.joinpath("scratch").iterdir())


async def test_a_gateway_that_forgets_readings_fails(tmp_path: Path) -> None:
    """Its ledger balances all the same: the numbers tell."""
    result = await exercise(QUIET, tmp_path, broken("lose"))
    assert not result.is_passed
    assert any("lost" in finding for finding in result.findings), result.findings


async def test_a_gateway_that_leaves_a_pump_on_fails(tmp_path: Path) -> None:
    """As it ends."""

    async def switch(ground: Ground) -> None:
        await ground.switch_pump()

    result = await exercise(Plan("on", "a pump left on", switch), tmp_path, broken("leave"))
    assert "the pump was on after the daemon's end" in result.findings


async def test_ctrl_c_ends_it_clean(house: House) -> None:
    """Exit code 130, and neither a process nor a folder is left."""
    scratch = house.folder / "scratch"
    scratch.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatewayd", "drill", "--only", "flood"),
        *("--scratch", str(scratch)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=house.environment(),
        # Tests that run in the background ignore Ctrl-C, and so would all that they start.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    await until(lambda: list(scratch.glob("*/state/outbox.db")), "the daemon runs")
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(15):
        _, told = await process.communicate()
    assert process.returncode == 130, told
    assert b"Traceback" not in told
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("arguments", [("--only", "nothing"), ("--only", "kil")])
async def test_an_exercise_that_is_not_there_is_wrong_usage(
    house: House, arguments: tuple[str, ...]
) -> None:
    """And those that are there are named."""
    finished = await house.verb("drill", *arguments)
    assert finished.code == 2
    assert "kill" in finished.err


async def test_the_exercises_are_listed(house: House) -> None:
    """As one document."""
    listed = (await house.verb("drill", "--list", "--json")).json["exercises"]
    assert [each["name"] for each in listed] == list(PLAN)
    assert json.dumps(listed)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAN)
async def test_every_exercise_is_passed(tmp_path: Path, name: str) -> None:
    """The whole drill."""
    result = await exercise(PLAN[name], tmp_path)
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.findings == []
