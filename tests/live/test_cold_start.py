"""The daemon as a real process whose wall clock says 1970, as on a Pi that lost its power.

libfaketime (Debian: faketime) moves the wall clock of that process alone; what it has of timesyncd,
and which boot it is, is a /run and a file in /proc of its own. Time since boot stays the machine's,
and is what the one device measures: each reading that the cloud has says when it was taken.
"""

from __future__ import annotations

import os
import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.live import boottime_driver
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import Daemon, House, until

UPLINK = "up"
CHANNELS = [f"clock/{name}" for name in boottime_driver.NAMES]
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
BOOT_ID = "/proc/sys/kernel/random/boot_id"
COLD = f"""mount -t tmpfs none /run && mkdir -p /run/systemd/timesync &&
mount --bind "$1" {BOOT_ID} && shift && exec "$@" """
WOKEN_S = 60
"""Past the beginning of 1970."""
EVERY_S = 0.02
ENOUGH = 24
EARLY_MS, LATE_MS = 5, 1000
"""What a reading's date may be off: the clock is slewed; a busy machine stops between the two."""

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a /run of its own needs root"),
    pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (Debian: faketime)"),
]


class Site:
    """A house, what its daemon believes of the time, and what it has of a time server."""

    def __init__(self, house: House, cloud: Cloud, **clock: str) -> None:
        self.house, self.cloud, self._shift = house, cloud, house.folder / "shift"
        boottime_driver.install(house.folder)
        house.add_thingplus(UPLINK, cloud.port, API_KEY)
        house.devices["clock"] = {"driver": "boottime", "every": f"{EVERY_S * 1000:g}ms"}
        house.sections["clock"] = clock
        house.environ = {
            "PYTHONPATH": os.pathsep.join([House.python_path(), str(house.folder)]),
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._shift),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # Or Python's threads spin, and nothing moves.
            "NO_FAKE_STAT": "1",
        }
        cloud.register(dict.fromkeys(CHANNELS, "number"))

    def wake(self, boot: int) -> None:
        """Begin a boot in 1970."""
        file = self.house.folder / f"boot-{boot}"
        file.write_text(f"00000000-0000-4000-8000-{boot:012}\n")
        self.house.wrapper = (
            shutil.which("unshare") or "",
            "-m",
            "sh",
            "-c",
            COLD,
            "sh",
            str(file),
        )
        self._set(WOKEN_S - time.time())

    def tell(self, daemon: Daemon) -> None:
        """Do what timesyncd does: set the clock, and say so."""
        self._set(0)
        (daemon.root / "run/systemd/timesync/synchronized").touch()

    def _set(self, shift_s: float) -> None:
        """Replace the file at once: it is read at every look at the clock."""
        new = self._shift.with_name("shift.new")
        new.write_text(f"{shift_s:+.3f}\n")
        new.replace(self._shift)

    async def wait_pending(self, daemon: Daemon, count: int) -> int:
        """Wait until so many readings wait, of which none has left, and return how many."""
        await daemon.wait_up(UPLINK, "clock")
        line = await daemon.wait_line(UPLINK, lambda line: line["pending"] > count)
        clock = (await daemon.ask("status"))["clock"]
        assert not clock["is_synchronised"]
        assert WOKEN_S * 1000 <= clock["time_ms"] < 1_000_000
        assert line["delivered"] == self.cloud.total() == 0
        return int(line["pending"])

    async def wait_arrived(self, daemon: Daemon, count: int) -> None:
        """Wait until more than so many readings are in the cloud, none dropped."""
        await until(lambda: self.cloud.total() > count, "what waited has arrived")
        line = (await daemon.ask("ledger"))["uplinks"][UPLINK]
        assert line["dropped"] == {}
        assert line["is_balanced"]

    def assert_in_order(self, known_from_ms: int = 0) -> None:
        """Each reading is in the cloud once, as taken, each later than the one before; and those
        that were taken from a time since boot on have their true time."""
        begun_ms = time.time_ns() // 1_000_000 - boottime_driver.boottime_ms()
        assert set(self.cloud.dropped) <= {"duplicate"}
        for channel in CHANNELS:
            points, values = self.cloud.points(channel), self.cloud.numbers(channel)
            assert len(points) == len(values) > ENOUGH // 2
            assert values == sorted(set(values))
            assert all(earlier.time_ms < later.time_ms for earlier, later in pairwise(points))
            for point, taken_ms in zip(points, values, strict=True):
                if taken_ms >= known_from_ms:
                    assert -EARLY_MS <= point.time_ms - begun_ms - taken_ms <= LATE_MS


@pytest.mark.parametrize("is_killed", [False, True])
async def test_nothing_leaves_from_1970_and_all_of_it_has_its_time_then(
    house: House, cloud: Cloud, is_killed: bool
) -> None:
    """Also over a kill in between; dated anew once, in order, each reading at its own time."""
    site = Site(house, cloud)
    site.wake(1)
    if is_killed:
        async with house.daemon() as daemon:
            await site.wait_pending(daemon, ENOUGH)
            daemon.kill()
    async with house.daemon() as daemon:
        pending = await site.wait_pending(daemon, 2 * ENOUGH)
        site.tell(daemon)
        await site.wait_arrived(daemon, pending + ENOUGH)
    site.assert_in_order()
    assert sum("re-dated" in event["what"] for event in house.logged("outbox")) == 1


async def test_boots_that_never_left_1970_come_before_the_one_that_does(
    house: House, cloud: Cloud
) -> None:
    """Their power goes before anybody told them the time. What they took arrives all the same, in
    order and before what the boot took that knows; this has its true time."""
    site, begun_ms = Site(house, cloud), 0
    for boot in (1, 2, 3):
        site.wake(boot)
        begun_ms = boottime_driver.boottime_ms()
        async with house.daemon() as daemon:
            pending = await site.wait_pending(daemon, boot * ENOUGH)
            if boot == 2:
                daemon.kill()
            elif boot == 3:
                site.tell(daemon)
                await site.wait_arrived(daemon, pending + ENOUGH)
    site.assert_in_order(known_from_ms=begun_ms)


async def test_what_left_marked_in_1970_is_before_what_follows(house: House, cloud: Cloud) -> None:
    """The owner would not have it wait: each boot goes on behind the last, and the first reading
    after the time server's answer has its true time."""
    site, told_ms = Site(house, cloud, unsynchronised="mark"), 0
    for boot in (1, 2):
        site.wake(boot)
        async with house.daemon() as daemon:
            await daemon.wait_up(UPLINK, "clock")
            await site.wait_arrived(daemon, boot * ENOUGH)
            if boot == 2:
                site.tell(daemon)
                await until(lambda: len(house.logged("outbox")) > 0, "the time is known")
                told_ms = boottime_driver.boottime_ms()
                await site.wait_arrived(daemon, cloud.total() + ENOUGH)
    site.assert_in_order(known_from_ms=told_ms)
    assert cloud.points(CHANNELS[0])[0].time_ms < 1_000_000
