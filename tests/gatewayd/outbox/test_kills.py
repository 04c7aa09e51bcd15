"""SIGKILL at any instruction of a process that keeps a log: what it took arrives, in order; what
arrives twice is counted; after a power cut too, but for what no commit had brought to the card."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatewayd.outbox import open_outbox
from gatewayd.outbox.places import SHM, is_tmpfs
from gatewayd.testing.clock import SimulatedClock, run_simulated
from tests.gatewayd.outbox.story import WANTED, World, drain

QUICK, MANY = 50, 1000
ROOT = Path(__file__).parents[3]


@contextmanager
def nursery(folder: Path, hot: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the process whose children are killed."""
    command = [sys.executable, "-m", "tests.gatewayd.outbox.nursery", str(folder), str(hot)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def one_life(process: subprocess.Popen[str], world: World, seed: int) -> bool:
    """Have a child live and die, and take in what it said; returns whether it came to life."""
    assert process.stdin
    assert process.stdout
    # A child may have appended what it could no longer say: those numbers are not used again.
    world.number += 1000
    process.stdin.write(f"{seed} {world.number}\n")
    process.stdin.flush()
    is_alive = False
    while (line := process.stdout.readline().rstrip("\n")) != "died":
        assert line, "the nursery ended"
        word, *rest = line.split(" ")
        is_alive |= word == "b"
        if word == "t":
            first, count = map(int, rest)
            world.taken |= set(range(first, first + count))
            world.number = first + count
        elif word == "c":
            world.safe |= {number for number in world.taken if number <= int(rest[0])}
        elif word == "g" and rest[1]:
            world.got[rest[0]] += [int(number) for number in rest[1].split(",")]
    return is_alive


def lose_memory(hot: Path) -> None:
    """Take what a power cut takes."""
    for file in hot.iterdir():
        file.unlink()


def run_lives(folder: Path, count: int, cuts: float = 0.0) -> World:
    """Let so many children live and die, and deliver what is left; a part of the deaths are power
    cuts."""
    world, chance = World(), random.Random(count)
    where = SHM if is_tmpfs(SHM) else folder
    with tempfile.TemporaryDirectory(dir=where) as place:
        hot, alive, was_cut = Path(place), 0, False
        with nursery(folder / "card", hot) as process:
            for seed in range(count):
                alive += one_life(process, world, seed)
                if chance.random() < cuts:
                    lose_memory(hot)
                    # Only what was on the card is sure to be there still.
                    world.taken, was_cut = set(world.safe), True
        assert alive > count / 4, "most died before they had opened the log"

        async def main() -> None:
            async with open_outbox(folder / "card", hot, SimulatedClock()) as outbox:
                await outbox.subscribe(WANTED)
                accounts = await drain(outbox, world)
            for uplink, account in accounts.items():
                got = set(world.got[uplink])
                assert world.owed_to(uplink, world.taken) <= got
                assert was_cut or account.dropped == {}
                assert was_cut or account.accepted == account.delivered == len(got)
                assert was_cut or world.repeats(uplink) <= account.repeated

        run_simulated(main())
    world.assert_in_order()
    return world


def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    """While it opens, appends, commits, delivers and settles."""
    world = run_lives(tmp_path, QUICK)
    assert len(world.taken) > 10 * QUICK


def test_power_cuts_lose_what_no_commit_had_seen_and_nothing_else(tmp_path: Path) -> None:
    """The tier in memory is gone with a third of the deaths; numbers never repeat."""
    world = run_lives(tmp_path, QUICK // 2, cuts=0.33)
    assert world.safe


@pytest.mark.slow
def test_a_thousand_kills_lose_nothing(tmp_path: Path) -> None:
    """The same, further, in one log."""
    run_lives(tmp_path / "kills", MANY)
    run_lives(tmp_path / "cuts", MANY // 4, cuts=0.33)
