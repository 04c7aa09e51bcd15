"""Files that were cut off or had bits turned, after a death of the process: nothing is lost that
is not told, nothing arrives that was not said, nothing arrives twice that is not counted."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatewayd.outbox import Outbox, new_outbox, open_outbox
from gatewayd.outbox.files import CARD_NAME, HOT_NAME
from gatewayd.testing.clock import SimulatedClock, run_simulated
from tests.gatewayd.outbox.story import WANTED, World, drain, live

QUICK, MANY = 50, 1000

CARD = [CARD_NAME, f"{CARD_NAME}-wal", f"{CARD_NAME}-shm"]
HOT = [HOT_NAME, f"{HOT_NAME}-wal", f"{HOT_NAME}-shm"]


def cut(raw: bytearray, chance: random.Random) -> bytearray:
    """Cut the end off, anywhere."""
    return raw[: chance.randrange(len(raw) + 1)]


def flip(raw: bytearray, chance: random.Random) -> bytearray:
    """Turn some bits, anywhere."""
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if raw:
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return raw


def scratch(raw: bytearray, chance: random.Random) -> bytearray:
    """Put rubbish over a block."""
    at = chance.randrange(len(raw) + 1)
    end = min(len(raw), at + chance.choice((512, 1024, 4096)))
    raw[at:end] = chance.randbytes(end - at)
    return raw


WAYS: list[Callable[[bytearray, random.Random], bytearray]] = [cut, flip, scratch]


async def one_story(folder: Path, seed: int) -> None:
    """Some lives, then a death, damage to one file, and a last life that must make it good."""
    chance, world, clock = random.Random(seed), World(), SimulatedClock()
    before = folder / "before"
    (before / "hot").mkdir(parents=True)
    for _ in range(chance.randrange(1, 3)):
        outbox = await opened(before, clock)
        await live(outbox, world, chance)
        if chance.random() < 0.5:
            await outbox.close()
        else:
            before = die(outbox, before)
    if chance.random() < 0.7:
        outbox = await opened(before, clock)
        await live(outbox, world, chance)
        before = die(outbox, before)
    told = damage(before, chance)
    async with open_outbox(before / "card", before / "hot", clock) as again:
        await again.subscribe(WANTED)
        events = await again.commit()
        accounts = await drain(again, world)
        events += world.told + await again.commit()
    judge(world, told, {name: a.dropped.get("corrupt", 0) for name, a in accounts.items()}, events)
    for uplink, account in accounts.items():
        # Memory that turns back to what it was a moment ago knows nothing of what was sent since.
        assert told in HOT or world.repeats(uplink) <= account.repeated
    shutil.rmtree(folder)


async def opened(folder: Path, clock: SimulatedClock) -> Outbox:
    (folder / "hot").mkdir(parents=True, exist_ok=True)
    outbox = new_outbox(folder / "card", folder / "hot", clock)
    await outbox.open()
    await outbox.subscribe(WANTED)
    return outbox


def die(outbox: Outbox, folder: Path) -> Path:
    """Leave the files as a kill leaves them, and return where they are."""
    remains = folder.with_name(f"{folder.name}-")
    shutil.copytree(folder, remains)
    outbox._store.abandon()  # Else each story keeps two databases open.
    return remains


def damage(folder: Path, chance: random.Random) -> str:
    """Damage one of the files that there are; return its name."""
    files = [folder / "card" / name for name in CARD] + [folder / "hot" / name for name in HOT]
    file = chance.choice([file for file in files if file.exists()])
    file.write_bytes(chance.choice(WAYS)(bytearray(file.read_bytes()), chance))
    return file.name


def judge(world: World, damaged: str, corrupt: dict[str, int], events: list[str]) -> None:
    """What did not arrive was told: counted by name or, where its counter lay in the same tier
    in memory and was lost with it, newer than the last commit."""
    is_reset = any("counters of an uplink were damaged" in event for event in events)
    for uplink in WANTED:
        missing = world.owed_to(uplink, world.taken) - set(world.got[uplink])
        if damaged in HOT:
            missing &= world.safe
        if missing and not is_reset:
            assert corrupt[uplink] >= len(missing), (uplink, len(missing), corrupt, events)
        assert not missing or events


def run_stories(folder: Path, seeds: range) -> None:
    for seed in seeds:
        try:
            run_simulated(one_story(folder / str(seed), seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_fifty_torn_files_lose_nothing_untold(tmp_path: Path) -> None:
    """Both databases, their WALs and indices of WALs: cut off, bits turned, blocks overwritten."""
    run_stories(tmp_path, range(QUICK))


@pytest.mark.slow
def test_a_thousand_torn_files_lose_nothing_untold(tmp_path: Path) -> None:
    """The same, further."""
    run_stories(tmp_path, range(QUICK, QUICK + MANY))
