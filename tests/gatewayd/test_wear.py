"""What is written to the card is counted, and paces the commits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatewayd.card import OWN_FACTOR, Endurance
from gatewayd.wear import SECTOR_BYTES, Device, Wear, find_device, find_number, own_written

MOUNTS = """\
22 1 179:2 / / rw,relatime - ext4 /dev/mmcblk0p2 rw
23 22 0:21 / /proc rw - proc proc rw
30 22 8:1 / /var/lib/gate\\040way rw shared:1 - ext4 /dev/sda1 rw
31 22 0:30 / /run rw - tmpfs tmpfs rw
broken line
"""


class Counters:
    """The kernel's two files, as a test sets them."""

    def __init__(self, folder: Path) -> None:
        self.io, self.stat = folder / "io", folder / "stat"
        self.own = self.sectors = 0
        self.write()

    def write(self, own: int = 0, sectors: int = 0) -> None:
        """Let so much more be written."""
        self.own, self.sectors = self.own + own, self.sectors + sectors
        self.io.write_text(f"rchar: 1\nwrite_bytes: {self.own}\ncancelled_write_bytes: 0\n")
        self.stat.write_text(f"  1 2 3 4 5 6 {self.sectors} 8 9 10 11\n")

    def wear(self, endurance: Endurance | None, most_s: float | None = None) -> Wear:
        return Wear(Device("mmcblk0", self.stat, 32 * 10**9), endurance, 1.0, most_s, self.io)


@pytest.fixture
def counters(tmp_path: Path) -> Counters:
    return Counters(tmp_path)


@pytest.mark.parametrize(
    ("folder", "number"),
    [
        ("/var/lib/gatewayd", "179:2"),
        ("/var/lib/gate way/state", "8:1"),
        ("/run/gatewayd", "0:30"),
    ],
)
def test_a_folder_is_on_its_deepest_mount(folder: str, number: str) -> None:
    """Spaces are written as octal; a line that is none is passed over."""
    assert find_number(MOUNTS, Path(folder)) == number


def test_a_partition_is_its_whole_device(tmp_path: Path) -> None:
    """The card wears as a whole; its size is the whole one's."""
    disk = tmp_path / "sys/devices/mmc0/block/mmcblk0"
    part = disk / "mmcblk0p2"
    part.mkdir(parents=True)
    (part / "partition").write_text("2")
    (disk / "size").write_text("62333952\n")
    (disk / "stat").write_text("1 2 3 4 5 6 700 8")
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block/179:2").symlink_to(part)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    found = find_device(Path("/home"), mounts, tmp_path / "sys")
    assert found is not None
    assert (found.name, found.size_bytes) == ("mmcblk0", 62333952 * SECTOR_BYTES)
    assert found.written() == 700 * SECTOR_BYTES
    (disk / "stat").unlink()
    assert found.written() is None
    assert find_device(Path("/run"), mounts, tmp_path / "sys") is None


def test_this_machine_counts_what_this_process_writes(tmp_path: Path) -> None:
    """The real kernel; on tmpfs nothing is written to any device."""
    before = own_written()
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    if find_device(tmp_path) is None:
        pytest.skip("the tests' folder is on no block device")
    assert own_written() - before >= 1 << 20


def test_a_day_is_told_from_its_samples(counters: Counters) -> None:
    """An hour of 1 MB by us and 10 MB by all is 24 and 240 MB a day."""
    wear = counters.wear(Endurance(32e9, 1000, 10))
    wear.look(0.0)
    assert wear.report()["device_bytes_a_day"] is None, "nothing is known yet"
    counters.write(1_000_000, 10_000_000 // SECTOR_BYTES)
    wear.look(3600.0)
    told = wear.report()
    assert told["own_bytes_a_day"] == 24_000_000
    assert told["device_bytes_a_day"] == pytest.approx(240_000_000, rel=1e-4)
    assert told["budget_bytes_a_day"] == pytest.approx(8.76e9, rel=1e-3)
    assert told["years_left"] == pytest.approx(365, rel=1e-2)
    assert told["written_bytes"] == 1_000_000


def test_the_samples_reach_back_a_day(counters: Counters) -> None:
    """What was written before does not count any more."""
    wear = counters.wear(None)
    wear.look(-100_000.0)
    counters.write(10**9, 10**7)
    for minute in range(24 * 60 + 1):
        wear.look(minute * 60.0)
    assert wear.window_s == 86_400.0
    assert wear.rates_a_day() == (0.0, 0.0)


def test_a_device_that_was_changed_has_no_rate(counters: Counters) -> None:
    """Its counter began anew; a day of nonsense is told to nobody."""
    wear = counters.wear(None)
    counters.write(0, 5000)
    wear.look(0.0)
    counters.sectors = 0
    counters.write(0, 10)
    wear.look(600.0)
    assert wear.rates_a_day() == (0.0, None)


def test_commits_stretch_while_they_write_and_not_longer(counters: Counters) -> None:
    """A small budget: ten commits of 20 kB a day and more would break it."""
    wear = counters.wear(Endurance(86.4e6 * 365.25, 1, 1), most_s=60.0)
    assert wear.interval_s() == 1.0
    counters.write(int(20_000 / OWN_FACTOR))
    wear.committed()
    assert wear.interval_s() == pytest.approx(20.0)
    for _ in range(30):
        counters.write(int(200_000 / OWN_FACTOR))
        wear.committed()
    assert wear.interval_s() == 60.0, "no further than the owner allows"
    wear.committed()
    assert wear.interval_s() == 1.0, "the clouds take everything again"


def test_what_others_write_is_taken_from_the_budget(counters: Counters) -> None:
    """The card does not care who wears it out."""
    wear = counters.wear(Endurance(86.4e6 * 365.25, 1, 1), most_s=60.0)
    wear.look(0.0)
    counters.write(0, 300_000 // SECTOR_BYTES)
    wear.look(600.0)  # 43 MB a day, half of the budget.
    counters.write(int(20_000 / OWN_FACTOR))
    wear.committed()
    assert wear.interval_s() == pytest.approx(40.0, rel=1e-2)


def test_without_a_budget_commits_keep_their_pace(counters: Counters) -> None:
    """And where nothing can be read, nothing is claimed."""
    wear = counters.wear(None, most_s=60.0)
    counters.write(10**9)
    wear.committed()
    assert wear.interval_s() == 1.0
    counters.io.unlink()
    counters.stat.unlink()
    wear.look(0.0)
    wear.look(600.0)
    assert wear.report()["years_left"] is None
