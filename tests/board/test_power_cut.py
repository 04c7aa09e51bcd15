"""The power goes, below the file system: what the disk had not flushed is lost, in any mixture.

Strategy: a board lives once (doomed.py) on a disk whose every request is logged. Afterwards its
power is cut at many entries of that log; each time the disk's content is put together anew
(disklog.py), mounted by this machine's kernel, which replays the journal (ext4, Debian's default
options), and opened by today's code. What it says is held against what the clouds had seen and
what a commit had returned for (verdict.py). One such disk goes into another board.

Two controls show that the cuts cut: a log whose database does not wait for the disk, and a disk
that says it has flushed and has not. Both lose something.

    make board
    POWER_CUTS=600 POWER_SEED=7 make board     more cuts, others
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.board.autopsy import DAEMON, FILES, Autopsy, Finding, Wanted, find_wanted
from tests.board.board import START_S, ask
from tests.board.cache import CannotRun
from tests.board.conftest import kept_logs
from tests.board.disklog import Disk, choose_cuts
from tests.board.doomed import (
    CLOUD_PORTS,
    COMMIT_S,
    SCRIBES,
    TYPES,
    Doomed,
    World,
    metering,
)
from tests.board.guest import Guest, until
from tests.board.parts import Parts
from tests.board.reopened import mounted, new_disk
from tests.board.stages import Stages
from tests.board.verdict import LATE_S, Bounds
from tests.board.witness import Witness
from tests.live.cloud import open_cloud

pytestmark = [pytest.mark.board, pytest.mark.asyncio(loop_scope="session")]

CUTS = int(os.environ.get("POWER_CUTS", "60"))
SEED = int(os.environ.get("POWER_SEED", "1"))
LIES = 24
LAG = 200
"""Writes in the memory of a disk that lies."""

STALL_S_MAX = 8.0
"""Longer than this an emulated machine does not stand still, but on a host with other things to
do; then what was lost cannot be told from what was late."""

CAREFUL, CARELESS = SCRIBES


@dataclass(slots=True)
class Scene:
    """What is left of a board."""

    world: World
    doomed: Doomed
    before: bytes
    requests: Path
    bounds: Bounds

    def autopsy(self, lag: int = 0) -> Autopsy:
        """Return an autopsy of its disk, as it was or as a liar; see `Disk`."""
        disk = Disk(self.before, self.requests, lag=lag)
        return Autopsy(self.doomed, disk, self.bounds, random.Random(SEED))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(parts: Parts) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        clouds = {name: await stack.enter_async_context(open_cloud()) for name in CLOUD_PORTS}
        for cloud in clouds.values():
            cloud.register(TYPES)
        yield World(parts, clouds, await stack.enter_async_context(metering()))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(world: World, stages: Stages) -> AsyncIterator[Scene]:
    """A board has lived, and its power is gone."""
    with kept_logs("doomed") as folder:
        disk, requests = folder / "state.disk", world.log_in(folder)
        before = new_disk(disk)
        try:
            with mounted(before):
                pass
        except CannotRun as reason:
            pytest.skip(f"this machine mounts no disk images: {reason}")
        witness = Witness(requests, world.clouds, list(TYPES))
        with stages.stage("a board whose power will go: its life"):
            async with world.board(folder, disk) as guest, asyncio.TaskGroup() as tasks:
                doomed = Doomed(guest, world.meter, world.clouds, witness)
                watching = [tasks.create_task(witness.look())]
                watching += [
                    tasks.create_task(witness.listen(name, folder / name)) for name in SCRIBES
                ]
                await doomed.live()
                await world.keep_journal(guest)
                guest.lose_power()
                await asyncio.sleep(LATE_S)  # The last that it said is still on its way.
                for task in watching:
                    task.cancel()
        stall_s = witness.stall_s("witness")
        if stall_s > STALL_S_MAX:
            pytest.skip(f"the emulated machine stood still for {stall_s:.1f} s")
        yield Scene(world, doomed, before, requests, Bounds(stall_s))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def findings(scene: Scene, stages: Stages) -> AsyncIterator[tuple[Autopsy, list[Finding]]]:
    """What was found at each cut."""
    autopsy, chance = scene.autopsy(), random.Random(SEED)
    cuts = choose_cuts(autopsy.disk.entries, scene.doomed.busy, CUTS, chance)
    with stages.stage(f"{len(cuts)} cuts"):
        found = await autopsy.examine(cuts, wanted_in(scene))
    for line in figures(scene, autopsy, found):
        stages.say(line)
    yield autopsy, found


def wanted_in(scene: Scene) -> Wanted:
    """Return what the daemon's uplinks want."""
    disk = Disk(scene.before, scene.requests)
    disk.go(len(disk.entries))
    return find_wanted(disk.cut(random.Random(SEED)))


def figures(scene: Scene, autopsy: Autopsy, found: list[Finding]) -> list[str]:
    """Return what there is to say about the cuts, for people."""
    witness = scene.doomed.witness
    verdicts = [finding.verdicts[DAEMON] for finding in found if DAEMON in finding.verdicts]
    lossy = {
        name: sum(bool(each.verdicts[name].lost) for each in found if name in each.verdicts)
        for name in SCRIBES
    }
    unflushed = sum(each.unflushed > 0 for each in found)
    return [
        f"    {len(autopsy.disk.entries)} requests to the disk, "
        f"{len(witness.rows['witness'])} readings, {len(scene.doomed.commands)} commands; "
        f"the machine stood still for up to {scene.bounds.stall_s:.2f} s",
        f"    {len(found)} cuts, {unflushed} with writes unflushed; "
        f"log with syncs: {lossy[CAREFUL]} lost something, without: {lossy[CARELESS]}",
        f"    the daemon lost {sum(each.lost for each in verdicts)} readings in all, "
        f"the oldest {max(each.oldest_s for each in verdicts):.2f} s old "
        f"(announced: {COMMIT_S:g} s)",
    ]


def wrong_in(found: list[Finding], name: str) -> list[str]:
    """Return everything that was wrong with one log, or with what is beside it."""
    verdicts = {finding.cut: finding.verdicts.get(name) for finding in found}
    return [
        f"cut {cut}: {each}"
        for cut, verdict in verdicts.items()
        for each in (["not looked at"] if verdict is None else verdict.wrong)
    ]


async def test_what_a_commit_has_returned_for_is_there(
    findings: tuple[Autopsy, list[Finding]],
) -> None:
    """To the reading, whenever the power goes; what is sent again is counted, the ledger
    balances, the file opens by itself, and no number is given twice."""
    autopsy, found = findings
    assert wrong_in(found, CAREFUL) == []
    assert autopsy.find_reused(CAREFUL) == []
    assert len(autopsy.doomed.witness.heard[CAREFUL]) > 100
    assert sum(finding.unflushed > 0 for finding in found) > len(found) / 4


async def test_a_log_that_does_not_wait_for_the_disk_loses_something(
    findings: tuple[Autopsy, list[Finding]],
) -> None:
    """The same cuts of the same disk, the same program but for one pragma."""
    _, found = findings
    assert sum(finding.verdicts[CARELESS].lost > 0 for finding in found) > len(found) / 8


async def test_the_daemon_loses_no_more_than_it_announces(
    findings: tuple[Autopsy, list[Finding]],
) -> None:
    """Nothing older than `commit_interval` that was not delivered, of alarms nothing but the last
    moment; the ledger balances for each cloud, what is sent again is counted, in order."""
    autopsy, found = findings
    assert wrong_in(found, DAEMON) == []
    assert autopsy.find_reused(DAEMON) == []
    assert any(finding.verdicts[DAEMON].lost for finding in found), "nothing was at stake"
    assert len(autopsy.doomed.witness.rows["witness"]) > 300


async def test_small_files_are_whole_and_the_record_of_commands_goes_on(
    scene: Scene, findings: tuple[Autopsy, list[Finding]]
) -> None:
    """Totals, cycles, counters, the copy of the configuration: the old file or the new one."""
    _, found = findings
    assert wrong_in(found, FILES) == []
    assert len(scene.doomed.commands) > 5


async def test_a_disk_that_lies_is_noticed(scene: Scene) -> None:
    """The judge is not blind: on a disk that does not flush when it is told, all of it breaks."""
    autopsy = scene.autopsy(LAG)
    entries = len(autopsy.disk.entries)
    cuts = [entries * (LIES + turn) // (2 * LIES) for turn in range(LIES)]
    found = await autopsy.examine(cuts, wanted_in(scene))
    assert len({line.partition(":")[0] for line in wrong_in(found, DAEMON)}) > LIES / 4
    assert len({line.partition(":")[0] for line in wrong_in(found, CAREFUL)}) > LIES / 4


async def test_a_board_with_such_a_disk_comes_back_by_itself(scene: Scene, stages: Stages) -> None:
    """It boots, the service starts, and the clouds get what they are owed; the ledger balances."""
    world, witness = scene.world, scene.doomed.witness
    owed = world.clouds["owed"]
    await owed.sandbox.accept_connections()
    autopsy = scene.autopsy()
    last = len(autopsy.disk.entries)
    autopsy.disk.go(last)
    dropped = {name: dict(cloud.dropped) for name, cloud in world.clouds.items()}
    number = world.meter.number

    async def has_news() -> bool:
        return owed.numbers("meter/count")[-1] > number

    with stages.stage("another board with its disk"), kept_logs("revived") as folder:
        folder.joinpath("state.disk").write_bytes(autopsy.disk.cut(autopsy.chance))
        async with world.board(folder, folder / "state.disk") as guest:
            await guest.sh("systemctl start gatewayd", deadline_s=START_S)
            await until(has_news, "what came after the cut arrives behind the rest", START_S)
            ledger = await drained(guest)
    end_s = witness.lived_s(witness.end_s(last))
    arrived = {(name, *point) for name in TYPES for point in owed.points(name)}
    for row, seen in witness.rows["witness"].items():
        is_due = end_s - witness.lived_s(seen.at_s) > scene.bounds.reading_s
        assert row in arrived or not is_due, row
    for name, cloud in world.clouds.items():
        more = {why: count - dropped[name].get(why, 0) for why, count in cloud.dropped.items()}
        assert more.get("duplicate", 0) <= ledger[name]["repeated"], more
        assert not any(count for why, count in more.items() if why != "duplicate"), more
        assert ledger[name]["dropped"] == {}


async def drained(guest: Guest) -> dict[str, Any]:
    """Return the ledger's lines once nothing is pending, or nearly: the device goes on."""
    lines: dict[str, Any] = {}

    async def is_drained() -> bool:
        ledger = await ask(guest, "ledger")
        assert ledger["is_balanced"], ledger
        lines.update(ledger["uplinks"])
        return all(line["pending"] < FEW for line in lines.values())

    await until(is_drained, "the clouds have what they are owed", START_S)
    return lines


FEW = 20
"""Readings that are on their way."""
