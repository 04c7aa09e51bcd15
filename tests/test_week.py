"""Weeks of random faults in simulated time, each from a seed that is printed where it fails.

    python -m pytest -m slow tests/test_week.py                        the same weeks each time
    WEEK_SEEDS=17,4711 python -m pytest -m slow tests/test_week.py     these
    WEEK_SEEDS=random python -m pytest -m slow tests/test_week.py      twelve others

What a day has (tests/test_gateway.py), and cold starts in between: the board wakes up in some
other year and is told the time within half an hour, or not before its power is cut again. Readings
wait for it, so that each arrives once and alike in both clouds, the other one being a witness that
never fails; or, with every third seed beyond 100, they leave marked, and one cloud may have a
reading as it was marked that the other has with its true time. The order is the same, and time
runs forwards.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from gatewayd.config import load
from gatewayd.errors import LinkLost, Throttled
from gatewayd.model import Quality, Status
from gatewayd.testing.clock import SimulatedClock, run_simulated
from tests.test_gateway import DAY_S, FAULTS, FILE, PUMP, World, by_channel, running, trip

WEEK_S = 7 * DAY_S
QUICK_SEEDS = (1, 2, 102)
QUICK_S = 1.5 * DAY_S
"""A week takes some 20 s of processor; the quick form lives through its beginning."""

SLOW_SEEDS = (1, 2, 11, 12, 21, 22, 23, 31, 32, 33, 34, 35, 102, 111, 120)
"""Always the same, so that what CI finds is of the change; 21 once found rows dated anew behind
those of an earlier boot."""

YEAR_MS = 365 * 86_400_000
GLANCE_S = 2.0
LIFE_S_MIN = 2 * 3600.0
COLD = 0.4
"""How many lives begin with a boot, and how many that do not know the time never hear of it."""
NEVER_TOLD = 0.3
TOLD_S_MAX = 1800.0
"""A cold start's clock is right after so long at the latest."""

TAIL = 5
"""Readings of a channel that may be on their way to one cloud and not yet to the other."""


def is_marking(seed: int) -> bool:
    """Return whether readings leave before the time is known."""
    return seed > 100 and seed % 3 == 0


def week_at(folder: Path, seed: int) -> World:
    """Return a world of that seed; devices are asked a tenth as often as in a day."""
    random.seed(seed)  # The supervisor's jitter.
    text = FILE.replace("STATE", str(folder / "state"))
    text = text.replace('"mark"', '"mark"' if is_marking(seed) else '"wait"')
    text = text.replace('every = "30s"', 'every = "5m"').replace('every = "20s"', 'every = "200s"')
    file = folder / "config.toml"
    file.write_text(text.replace('commit_interval = "30s"', 'commit_interval = "2m"'))
    return World(load(file, {}), SimulatedClock(), random.Random(seed))


async def trip_unheard(world: World) -> None:
    """The link dies before anything was taken, or the cloud throttles. An acknowledgement that was
    lost would have rows sent again, some of them dated anew meanwhile: whoever compares values
    could not tell them from others."""
    throttled = Throttled("busy", world.random.uniform(1, 300))
    world.cloud.troubles.append(world.random.choice((throttled, LinkLost("reset by peer"))))


def wake_cold(world: World, behind_ms: int) -> int:
    """Begin a boot in some other year; return by how much its clock is behind.

    Args:
        behind_ms: the same of the boot before, 0 if that knew the time.
    """
    new_ms = world.random.choice((1, -1)) * world.random.randrange(YEAR_MS, 20 * YEAR_MS)
    world.clock.reboot()
    world.clock.jump(behind_ms - new_ms)
    world.clock.synchronised = False
    return new_ms


def set_right(world: World, behind_ms: int) -> None:
    """Do what a time server does."""
    world.clock.jump(behind_ms)
    world.clock.synchronised = True


async def tell_time(world: World, behind_ms: int) -> None:
    """A time server is reached, sooner or later."""
    await asyncio.sleep(world.random.uniform(1, TOLD_S_MAX))
    set_right(world, behind_ms)


async def watch(world: World) -> None:
    """Look at the pump every two seconds: off and on again between two looks is no long on."""
    while True:
        await asyncio.sleep(GLANCE_S)
        world.look()


async def strike(world: World, until_s: float) -> None:
    """Let faults happen, one after the other."""
    loop = asyncio.get_running_loop()
    is_marked = world.settings.clock.unsynchronised == "mark"
    while loop.time() < until_s:
        await asyncio.sleep(world.random.expovariate(1 / 900))
        fault = world.random.choice(FAULTS)
        await (trip_unheard if fault is trip and is_marked else fault)(world)


async def live_through(world: World, span_s: float) -> None:
    """Run lives with faults, then heal everything and drain; the ledger balances at each end."""
    loop, end_s = asyncio.get_running_loop(), asyncio.get_running_loop().time() + span_s
    behind_ms = 0
    while loop.time() < end_s:
        await asyncio.sleep(world.random.uniform(5, 60))  # A boot takes its time.
        if world.random.random() < COLD:
            behind_ms = wake_cold(world, behind_ms)
        is_told = bool(behind_ms) and world.random.random() >= NEVER_TOLD
        life_s = world.random.uniform(LIFE_S_MIN, DAY_S)
        async with running(world) as gateway, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch(world))
            told = tasks.create_task(tell_time(world, behind_ms)) if is_told else None
            await strike(world, loop.time() + life_s)
            if told is not None:
                await told
                behind_ms = 0
            assert all(b.is_balanced for b in (await gateway.outbox.balance()).values())
            watching.cancel()
        world.on_since_s = None
    if behind_ms:
        set_right(world, behind_ms)
    world.cloud.troubles.clear()  # A boot that never heard the time sent nothing, and met none.
    async with running(world) as gateway:
        await asyncio.sleep(1200)
        for balance in (await gateway.outbox.balance()).values():
            assert balance.is_balanced
            assert not balance.dropped


def hold(folder: Path, seed: int, span_s: float) -> None:
    """Live through the time of a seed and hold it to everything that is promised."""

    async def main() -> None:
        world = week_at(folder, seed)
        await live_through(world, span_s)
        taken, seen = by_channel(world.cloud.taken), by_channel(world.witness.taken)
        assert sum(map(len, seen.values())) > 700 * span_s / DAY_S
        for channel, expected in seen.items():
            got, sure = taken[channel], len(expected) - TAIL
            if is_marking(seed):
                assert [r.value for r in got[:sure]] == [r.value for r in expected[:sure]]
            else:
                assert got[:sure] == expected[:sure]
            for readings in (got, expected):
                times = [reading.time_ms for reading in readings]
                assert times == sorted(set(times))
        done = [o for c, o in world.cloud.outcomes if o.status is Status.DONE and c.channel == PUMP]
        assert len(done) > 3 * span_s / DAY_S
        if span_s >= WEEK_S:
            assert any(r.quality is Quality.ABSENT for r in taken["boiler/temperature"])

    run_simulated(main())


@pytest.mark.parametrize("seed", QUICK_SEEDS)
def test_days_of_faults_keep_ledger_order_and_outputs(tmp_path: Path, seed: int) -> None:
    """Nothing lost, nothing reordered, and the pump never on for longer than it may."""
    hold(tmp_path, seed, QUICK_S)


@pytest.mark.slow
def test_many_weeks_do(tmp_path: Path) -> None:
    """The seed that fails is told."""
    given = os.environ.get("WEEK_SEEDS", "")
    if given == "random":
        seeds = random.SystemRandom().sample(range(10**9), len(SLOW_SEEDS))
    else:
        seeds = [int(seed) for seed in given.split(",") if seed] or list(SLOW_SEEDS)
    for seed in seeds:
        print(f"WEEK_SEEDS={seed}", flush=True)
        folder = tmp_path / str(seed)
        folder.mkdir()
        hold(folder, seed, WEEK_S)
