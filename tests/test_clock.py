"""The whole gateway under a clock that is wrong, jumps, or is told the time late.

The one device measures true time: its value is the seconds since the test began, so each reading
that a cloud has says by itself when it was taken. Simulated time; the cloud is a fake one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from structlog.testing import capture_logs

from gatewayd.app import Gateway, open_gateway
from gatewayd.clock import SystemClock
from gatewayd.config import Settings, UplinkSettings, load
from gatewayd.config.settings import ClockSettings, DeviceSettings
from gatewayd.driver import Driver
from gatewayd.model import Channel, Measurement, Quality, Reading
from gatewayd.outbox.order import STEP_MS
from gatewayd.testing import cloud as fake_cloud
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.testing.cloud import Config, FakeCloud
from gatewayd.testing.ports import FakePorts

EVERY_S = 10.0
HOUR_S = 3600.0
LATE_MS = 200
"""Between taking and dating a reading: nothing but the turns of the loop."""

FILE = '[gateway]\nid = "g"\nstate_dir = "STATE"\n[outbox]\ncommit_interval = "20s"\n'


@dataclass(frozen=True)
class NoKeys:
    """The device has no keys of its own."""


class TrueTime:
    """Measures how long the test has gone on."""

    async def read(self) -> Sequence[Measurement]:
        return [Measurement("time", asyncio.get_running_loop().time())]


@asynccontextmanager
async def open_true_time(config: NoKeys, ports: object) -> AsyncIterator[TrueTime]:
    yield TrueTime()


def true_time() -> DeviceSettings:
    """Return the device's section."""
    module = ModuleType("true_time")
    channels = (Channel("time", "number"),)
    vars(module).update(Config=NoKeys, describe=lambda _: channels, open_driver=open_true_time)
    driver = Driver.of("true_time", module)
    return DeviceSettings(
        name="a", driver=driver, config=NoKeys(), channels=channels, every=EVERY_S
    )


@dataclass
class World:
    """The gateway's surroundings: its clock and its cloud."""

    settings: Settings
    clock: SimulatedClock
    cloud: FakeCloud

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Gateway]:
        async with open_gateway(self.settings, self.clock, FakePorts()) as gateway:
            yield gateway

    def error_ms(self, reading: Reading) -> int:
        """Return how wrong a reading's time is."""
        assert isinstance(reading.value, float)
        return reading.time_ms - (START_MS + round(reading.value * 1000))


def world_at(
    folder: Path, believed_ms: int = START_MS, *, policy: Literal["wait", "mark"] = "wait"
) -> World:
    """Return a world whose clock begins at some belief; it is right if that is the true time."""
    file = folder / "config.toml"
    file.write_text(FILE.replace("STATE", str(folder / "state")))
    clock, cloud = SimulatedClock(start_ms=believed_ms), FakeCloud(batch_max=500)
    clock.synchronised = believed_ms == START_MS
    settings = replace(
        load(file, {}),
        clock=ClockSettings(unsynchronised=policy),
        devices={"a": true_time()},
        uplinks={
            "up": UplinkSettings(name="up", kind="fake", cloud=fake_cloud, config=Config(cloud))
        },
    )
    return World(settings, clock, cloud)


def set_right(clock: SimulatedClock, believed_ms: int = 0) -> None:
    """Do what a time server does."""
    clock.jump(START_MS - believed_ms)
    clock.synchronised = True


def assert_in_order(readings: Sequence[Reading]) -> None:
    """Each once, as taken, and each later than the one before."""
    values = [reading.value for reading in readings]
    times = [reading.time_ms for reading in readings]
    assert values == sorted(set(values))  # type: ignore[type-var]  # Numbers, all of them.
    assert times == sorted(set(times))


async def drained(gateway: Gateway) -> None:
    """Return when nothing is pending; the ledger balances."""
    await asyncio.sleep(5)
    [balance] = (await gateway.outbox.balance()).values()
    assert balance.is_balanced
    assert not balance.dropped


@pytest.mark.parametrize("believed_ms", [0, START_MS - 86_400_000, START_MS + 86_400_000])
def test_a_time_server_after_an_hour_dates_everything_once(
    tmp_path: Path, believed_ms: int
) -> None:
    """Started in 1970, a day behind, or a day ahead: not one reading leaves before, and each has
    its true time then, to the fifth of a second."""

    async def main() -> None:
        world = world_at(tmp_path, believed_ms)
        with capture_logs() as logs:
            async with world.running() as gateway:
                await asyncio.sleep(HOUR_S)
                assert not world.cloud.taken
                set_right(world.clock, believed_ms)
                await asyncio.sleep(HOUR_S)
                await drained(gateway)
        taken = world.cloud.taken
        assert len(taken) > 2 * HOUR_S / EVERY_S - 2
        assert_in_order(taken)
        assert all(reading.quality is Quality.GOOD for reading in taken)
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in taken)
        assert sum("re-dated" in str(log.get("what")) for log in logs) == 1

    run_simulated(main())


def test_what_goes_out_before_the_time_is_known_is_uncertain(tmp_path: Path) -> None:
    """Where the owner would not have it wait; from the first right second it is GOOD again, and
    no reading is sent twice for being dated anew."""

    async def main() -> None:
        world = world_at(tmp_path, 0, policy="mark")
        async with world.running() as gateway:
            await asyncio.sleep(HOUR_S)
            early = len(world.cloud.taken)
            assert early > HOUR_S / EVERY_S - 2
            assert all(r.quality is Quality.UNCERTAIN for r in world.cloud.taken)
            set_right(world.clock)
            await asyncio.sleep(HOUR_S)
            await drained(gateway)
        assert_in_order(world.cloud.taken)
        good = [r for r in world.cloud.taken if r.quality is Quality.GOOD]
        assert len(good) > HOUR_S / EVERY_S - 5
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in good)

    run_simulated(main())


def test_jumps_before_the_time_is_known_do_not_count(tmp_path: Path) -> None:
    """Somebody sets the clock by hand, twice and wrongly, before the server is reached."""

    async def main() -> None:
        world = world_at(tmp_path, 0)
        async with world.running() as gateway:
            for jump_ms in (10**12, -5 * 10**11, 3_000):
                await asyncio.sleep(HOUR_S / 3)
                world.clock.jump(jump_ms)
            set_right(world.clock, 10**12 - 5 * 10**11 + 3_000)
            await asyncio.sleep(60)
            await drained(gateway)
        taken = world.cloud.taken
        assert len(taken) > HOUR_S / EVERY_S
        assert_in_order(taken)
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in taken)

    run_simulated(main())


def test_a_restart_before_the_time_is_known_changes_nothing(tmp_path: Path) -> None:
    """The rows of this boot are this boot's, whichever process wrote them."""

    async def main() -> None:
        world = world_at(tmp_path, 0)
        for _ in range(3):
            async with world.running():
                await asyncio.sleep(HOUR_S / 3)
        async with world.running() as gateway:
            set_right(world.clock)
            await asyncio.sleep(60)
            await drained(gateway)
        taken = world.cloud.taken
        assert len(taken) > HOUR_S / EVERY_S - 5
        assert_in_order(taken)
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in taken)

    run_simulated(main())


def test_the_rows_of_a_boot_that_never_knew_are_uncertain_for_ever(tmp_path: Path) -> None:
    """Nobody can know any more when that was; they go out first, and say so."""

    async def main() -> None:
        world = world_at(tmp_path, 0)
        async with world.running():
            await asyncio.sleep(HOUR_S)
        world.clock.reboot()
        async with world.running() as gateway:
            await asyncio.sleep(60)
            set_right(world.clock)
            await asyncio.sleep(HOUR_S)
            await drained(gateway)
        taken = world.cloud.taken
        assert_in_order(taken)
        of_old = [r for r in taken if isinstance(r.value, float) and r.value < HOUR_S]
        of_new = taken[len(of_old) :]
        assert len(of_old) > HOUR_S / EVERY_S - 2
        assert all(reading.quality is Quality.UNCERTAIN for reading in of_old)
        assert all(reading.quality is Quality.GOOD for reading in of_new)
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in of_new)

    run_simulated(main())


def test_a_clock_set_back_leaves_order_and_says_that_it_does_not_know(tmp_path: Path) -> None:
    """Until it is where it was, each reading is a millisecond after the last, and UNCERTAIN."""

    async def main() -> None:
        world = world_at(tmp_path)
        async with world.running() as gateway:
            await asyncio.sleep(HOUR_S)
            world.clock.jump(-1_800_000)
            await asyncio.sleep(HOUR_S)
            await drained(gateway)
        taken = world.cloud.taken
        assert_in_order(taken)
        doubtful = [r for r in taken if r.quality is Quality.UNCERTAIN]
        before = taken.index(doubtful[0])
        assert doubtful == taken[before : before + len(doubtful)]
        assert abs(len(doubtful) - 1800 / EVERY_S) <= 3
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in taken[:before])

    run_simulated(main())


def test_a_clock_set_back_soon_after_the_first_time_reorders_nothing(tmp_path: Path) -> None:
    """What was dated anew counts as dated: the readings that follow come after it. (Found by a
    seeded week.)"""

    async def main() -> None:
        world = world_at(tmp_path, 0)
        async with world.running() as gateway:
            await asyncio.sleep(HOUR_S)
            set_right(world.clock)
            await asyncio.sleep(25)
            world.clock.jump(-1_800_000)
            await asyncio.sleep(HOUR_S)
            await drained(gateway)
        assert_in_order(world.cloud.taken)

    run_simulated(main())


def test_a_boot_that_learns_an_earlier_time_than_the_last_one_had_reorders_nothing(
    tmp_path: Path,
) -> None:
    """The clock ran an hour ahead when the board was switched off. What the next boot takes until
    its clock is past that follows a millisecond apart, UNCERTAIN. (Found by a seeded week.)"""

    async def main() -> None:
        world = world_at(tmp_path)
        async with world.running() as gateway:
            world.clock.jump(3_600_000)
            await asyncio.sleep(HOUR_S / 2)
            await drained(gateway)
        ahead = len(world.cloud.taken)
        world.clock.reboot()
        world.clock.jump(-START_MS - 3_600_000)
        world.clock.synchronised = False
        for _ in range(2):
            async with world.running():
                await asyncio.sleep(HOUR_S / 4)
        async with world.running() as gateway:
            set_right(world.clock)
            await asyncio.sleep(HOUR_S)
            await drained(gateway)
        taken = world.cloud.taken
        assert_in_order(taken)
        after = taken[ahead:]
        assert after[0].time_ms == taken[ahead - 1].time_ms + 1
        wrong = [r for r in after if abs(world.error_ms(r)) > STEP_MS]
        assert len(wrong) > HOUR_S / EVERY_S - 10
        assert all(reading.quality is Quality.UNCERTAIN for reading in wrong)
        assert taken[-1].quality is Quality.GOOD
        assert abs(world.error_ms(taken[-1])) <= LATE_MS

    run_simulated(main())


def test_the_time_may_come_while_no_process_lives(tmp_path: Path) -> None:
    """The next one of that boot dates what the one before it wrote, before anything leaves."""

    async def main() -> None:
        world = world_at(tmp_path, 0)
        async with world.running():
            await asyncio.sleep(HOUR_S)
        set_right(world.clock)
        async with world.running() as gateway:
            await asyncio.sleep(60)
            await drained(gateway)
        taken = world.cloud.taken
        assert len(taken) > HOUR_S / EVERY_S - 2
        assert_in_order(taken)
        assert all(reading.quality is Quality.GOOD for reading in taken)
        assert all(abs(world.error_ms(reading)) <= LATE_MS for reading in taken)

    run_simulated(main())


def test_a_clock_set_forwards_and_back_loses_and_reorders_nothing(tmp_path: Path) -> None:
    """Ahead for ten minutes: what was dated then is in the cloud already; what follows waits for
    no true time but says that it is not known."""

    async def main() -> None:
        world = world_at(tmp_path)
        async with world.running() as gateway:
            await asyncio.sleep(HOUR_S)
            world.clock.jump(7_200_000)
            await asyncio.sleep(600)
            world.clock.jump(-7_200_000)
            await asyncio.sleep(3 * HOUR_S)
            await drained(gateway)
        taken = world.cloud.taken
        assert len(taken) > 4 * HOUR_S / EVERY_S
        assert_in_order(taken)
        after = [r for r in taken if isinstance(r.value, float) and r.value > HOUR_S + 600]
        wrong = [r for r in after if abs(world.error_ms(r)) > STEP_MS]
        assert wrong
        assert all(reading.quality is Quality.UNCERTAIN for reading in wrong)
        assert taken[-1].quality is Quality.GOOD
        assert abs(world.error_ms(taken[-1])) <= LATE_MS

    run_simulated(main())


def test_a_leap_second_is_nothing(tmp_path: Path) -> None:
    """UTC as computers count it has one second twice (POSIX.1-2017, 4.16): no reading is
    reordered, doubted, or off by more than that second."""

    async def main() -> None:
        world = world_at(tmp_path)
        world.settings = replace(
            world.settings, devices={"a": replace(world.settings.devices["a"], every=0.25)}
        )
        async with world.running() as gateway:
            await asyncio.sleep(60)
            world.clock.jump(-1000)
            await asyncio.sleep(60)
            await drained(gateway)
        taken = world.cloud.taken
        assert len(taken) > 400
        assert_in_order(taken)
        assert all(reading.quality is Quality.GOOD for reading in taken)
        assert all(-1000 - LATE_MS <= world.error_ms(reading) <= LATE_MS for reading in taken)

    run_simulated(main())


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")


def test_no_time_zone_moves_the_clock() -> None:
    """Daylight saving is how people write a time; what is recorded is UTC in any zone."""
    was, clock = os.environ.get("TZ"), SystemClock()
    try:
        for zone in ZONES:
            os.environ["TZ"] = zone
            time.tzset()
            assert abs(clock.now_ms() - time.time_ns() // 1_000_000) < 1000
    finally:
        os.environ.pop("TZ", None)
        if was is not None:
            os.environ["TZ"] = was
        time.tzset()
