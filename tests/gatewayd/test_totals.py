"""Totals that survive the program, its death, the power, and a broken file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayd.counting import Count
from gatewayd.model import ChannelId
from gatewayd.testing.clock import run_simulated
from gatewayd.totals import (
    COUNTS_MAX,
    HOT_S,
    NAME,
    Totals,
    Unreadable,
    packed,
    read_counts,
    unpacked,
)

ENERGY = ChannelId("meter/energy")


class Place:
    """The two folders, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.hot_dir, self.state_dir = folder / "hot", folder / "state"
        self.hot_dir.mkdir()
        self.state_dir.mkdir()
        self.told: list[str] = []

    def open(self, save_s: float = 600.0) -> Totals:
        """Return the totals as a start of the program finds them."""
        return Totals(self.hot_dir, self.state_dir, save_s, self.told.append)

    def raw(self, folder: Path) -> float | None:
        """Return what a file holds of the counter."""
        counts = read_counts(folder / NAME, str(self.state_dir))
        return counts[ENERGY].raw if counts else None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_restart_finds_what_was_kept(place: Place) -> None:
    """At the end all is on the card, and memory is left clean."""

    async def main() -> None:
        totals = place.open()
        running = asyncio.ensure_future(totals.run())
        await asyncio.sleep(0)
        totals.keep(ENERGY, Count(5))
        await asyncio.sleep(0.1)
        running.cancel()
        await asyncio.wait([running])

    run_simulated(main())
    assert place.raw(place.state_dir) == 5
    assert not (place.hot_dir / NAME).exists()
    assert place.open().find(ENERGY) == Count(5)
    assert place.told == []


def test_memory_is_written_at_once_and_the_card_seldom(place: Place) -> None:
    """Memory at every change but once a second at most, the card every ten minutes."""

    async def main() -> list[tuple[float | None, float | None]]:
        totals, seen = place.open(), []
        running = asyncio.ensure_future(totals.run())
        for raw, wait_s in ((1, 0.1), (2, 0.1), (3, HOT_S), (4, 598), (5, 1.9)):
            totals.keep(ENERGY, Count(raw))
            await asyncio.sleep(wait_s)
            seen.append((place.raw(place.hot_dir), place.raw(place.state_dir)))
        running.cancel()
        await asyncio.wait([running])
        return seen

    assert run_simulated(main()) == [(1, None), (1, None), (3, None), (4, None), (5, 5)]


def test_the_newest_file_wins(place: Place) -> None:
    """What memory holds is never older than the card, as long as it is there."""
    (place.state_dir / NAME).write_bytes(packed({ENERGY: Count(5)}, str(place.state_dir)))
    (place.hot_dir / NAME).write_bytes(packed({ENERGY: Count(9)}, str(place.state_dir)))
    totals = place.open()
    assert totals.find(ENERGY) == Count(9)
    assert not totals.is_lost


def test_what_a_killed_life_counted_is_on_the_card_at_once(place: Place) -> None:
    """Lives that are all shorter than `save` would else bring nothing there."""

    async def main() -> None:
        (place.hot_dir / NAME).write_bytes(packed({ENERGY: Count(9)}, str(place.state_dir)))
        running = asyncio.ensure_future(place.open().run())
        await asyncio.sleep(HOT_S)
        assert place.raw(place.state_dir) == 9
        running.cancel()
        await asyncio.wait([running])

    run_simulated(main())


def test_another_gateways_totals_are_not_ours(place: Place) -> None:
    """Two gateways may share a folder in memory."""
    (place.hot_dir / NAME).write_bytes(packed({ENERGY: Count(9)}, "/elsewhere"))
    assert place.open().find(ENERGY) is None
    assert place.told == []


@pytest.mark.parametrize("broken", [b"", b"\0" * 100, b'{"counts":{}}', b"[1]"])
def test_a_broken_file_is_set_aside_and_the_other_one_used(place: Place, broken: bytes) -> None:
    """It is told of once, in a sentence, and kept for who wants to look."""
    (place.state_dir / NAME).write_bytes(broken)
    (place.hot_dir / NAME).write_bytes(packed({ENERGY: Count(9)}, str(place.state_dir)))
    totals = place.open()
    assert totals.find(ENERGY) == Count(9)
    assert not totals.is_lost
    assert len(place.told) == 1
    assert "cannot be read" in place.told[0]
    assert (place.state_dir / f"{NAME}.corrupt").read_bytes() == broken


def test_where_both_are_lost_that_is_known(place: Place) -> None:
    """Totals that begin again are then uncertain; where there never were any, they are not."""
    assert not place.open().is_lost
    (place.state_dir / NAME).write_bytes(b"{")
    (place.hot_dir / NAME).write_bytes(b"{")
    assert place.open().is_lost
    assert len(place.told) == 2


def test_a_single_bit_is_noticed(place: Place) -> None:
    """A total that is wrong by one digit is worse than none."""
    data = packed({ENERGY: Count(1234.5)}, "x")
    assert unpacked(data, "x") == {ENERGY: Count(1234.5)}
    with pytest.raises(Unreadable, match="checksum"):
        unpacked(data.replace(b"1234.5", b"1334.5"), "x")
    with pytest.raises(Unreadable):
        unpacked(data[: len(data) // 2], "x")
    document = json.loads(data)
    document["counts"][ENERGY]["more"] = 1
    with pytest.raises(Unreadable):
        unpacked(json.dumps(document).encode(), "x")


def test_a_card_that_cannot_be_written_is_told_once(place: Place) -> None:
    """Memory goes on holding them, also after the end."""

    async def main() -> None:
        totals = place.open(save_s=1)
        (place.state_dir / NAME).mkdir()  # Nothing can be put in the place of a folder.
        running = asyncio.ensure_future(totals.run())
        for raw in range(5):
            totals.keep(ENERGY, Count(raw))
            await asyncio.sleep(3)
        running.cancel()
        await asyncio.wait([running])

    run_simulated(main())
    assert len(place.told) == 1
    assert "cannot be written" in place.told[0]
    assert place.raw(place.hot_dir) == 4


def test_without_folders_they_live_as_long_as_the_process() -> None:
    """As in tests and where nobody keeps them; and there is a limit to how many."""
    totals = Totals()
    for number in range(COUNTS_MAX + 1):
        totals.keep(ChannelId(f"m/{number}"), Count(number))
    assert totals.find(ChannelId("m/0")) == Count(0)
    assert totals.find(ChannelId(f"m/{COUNTS_MAX}")) is None


CHILD = """
import asyncio, sys
from pathlib import Path
from gatewayd.counting import Count
from gatewayd.totals import Totals

async def main():
    totals = Totals(Path(sys.argv[1]), Path(sys.argv[2]))
    running = asyncio.ensure_future(totals.run())
    for raw in range(10**6):
        totals.keep("meter/energy", Count(raw))
        print(raw, flush=True)
        await asyncio.sleep(0.02)

asyncio.run(main())
"""


def test_a_kill_loses_one_second_at_the_most(place: Place) -> None:
    """In the midst of counting, with no chance to say goodbye."""
    command = [sys.executable, "-c", CHILD, str(place.hot_dir), str(place.state_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        last = 0
        while last < 70:
            last = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
    count = place.open().find(ENERGY)
    assert count is not None
    assert count.raw >= last - 1.2 * HOT_S / 0.02
    assert place.told == []
