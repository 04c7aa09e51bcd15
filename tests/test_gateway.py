"""The whole gateway on fake wires and fake clouds: a day of seeded faults in a second or two.

A second cloud that never fails is the witness: what it got is what the recorder took. The cloud
under test must end with the same readings, each channel's in order, and the outputs must have
been safe whenever they had to be.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gatewayd.app import Gateway, open_gateway
from gatewayd.config import Settings, UplinkSettings, load
from gatewayd.errors import LinkLost, Throttled
from gatewayd.model import ChannelId, Command, Quality, Reading, Status
from gatewayd.testing import cloud as fake_cloud
from gatewayd.testing.clock import SimulatedClock, run_simulated
from gatewayd.testing.cloud import Config, FakeCloud
from gatewayd.testing.i2c import bme280_chip
from gatewayd.testing.ports import FakePorts

DAY_S = 86_400.0
HOLD_MAX_S, ORPHAN_S = 1800.0, 600.0
LOOK_S = 15.0

FILE = """
[gateway]
id = "b827eb000001"
state_dir = "STATE"

[clock]
unsynchronised = "mark"

[outbox]
commit_interval = "30s"

[device.boiler]
driver = "bme280"
port = "i2c:1"
address = 0x76
every = "30s"

[device.hall]
driver = "sim"
every = "20s"
[device.hall.signals.temperature]
kind = "temperature"
unit = "Cel"
mean = 21.0
noise = 0.2
dropout = 0.01
[device.hall.signals.door]
shape = "event"
kind = "door"
period = "5m"
chance = 0.3

[device.pump]
driver = "gpio_relay"
port = "gpio:0"
line = 17
active = "low"
safe = "off"
hold_max = "30m"
orphan = "10m"
"""

PUMP = ChannelId("pump/relay")


@dataclass
class World:
    """Everything outside the gateway."""

    settings: Settings
    clock: SimulatedClock
    random: random.Random
    ports: FakePorts = field(default_factory=FakePorts)
    cloud: FakeCloud = field(default_factory=lambda: FakeCloud(batch_max=500))
    witness: FakeCloud = field(default_factory=lambda: FakeCloud(batch_max=500))
    commands: int = 0
    gone_since_s: float | None = None
    on_since_s: float | None = None

    def __post_init__(self) -> None:
        self.bus = self.ports.attach_i2c("i2c:1")
        self.bus.chips[0x76] = bme280_chip()
        self.lines = self.ports.attach_lines("gpio:0")
        uplinks = {
            name: UplinkSettings(name=name, kind="fake", cloud=fake_cloud, config=Config(cloud))
            for name, cloud in (("cloud", self.cloud), ("witness", self.witness))
        }
        self.settings = replace(self.settings, uplinks=uplinks)

    @property
    def is_pump_on(self) -> bool:
        """What the pin says; the relay is active low."""
        return self.lines.levels.get(17) is False

    def look(self) -> None:
        """Assert that the pump is off whenever it must be."""
        now_s = asyncio.get_running_loop().time()
        if not self.is_pump_on:
            self.on_since_s = None
            return
        self.on_since_s = now_s if self.on_since_s is None else self.on_since_s
        assert now_s - self.on_since_s <= HOLD_MAX_S + 2 * LOOK_S
        if self.gone_since_s is not None:
            assert now_s - self.gone_since_s <= ORPHAN_S + 2 * LOOK_S


def world_at(tmp_path: Path, seed: int) -> World:
    random.seed(seed)  # The supervisor's jitter.
    file = tmp_path / "config.toml"
    file.write_text(FILE.replace("STATE", str(tmp_path / "state")))
    return World(load(file, {}), SimulatedClock(), random.Random(seed))


@asynccontextmanager
async def running(world: World) -> AsyncIterator[Gateway]:
    async with open_gateway(world.settings, world.clock, world.ports) as gateway:
        yield gateway
    assert not world.is_pump_on


async def cut_off(world: World) -> None:
    """The cloud is away for up to two hours."""
    world.cloud.is_reachable = False
    world.cloud.cut_link()
    world.gone_since_s = asyncio.get_running_loop().time()
    await asyncio.sleep(world.random.uniform(10, 7200))
    world.cloud.is_reachable, world.gone_since_s = True, None


async def trip(world: World) -> None:
    """The link dies for a moment, or an acknowledgement is lost, or the cloud throttles."""
    mood = world.random.randrange(3)
    if mood == 0:
        world.cloud.loses_answer = True
    elif mood == 1:
        world.cloud.troubles.append(Throttled("busy", world.random.uniform(1, 300)))
    else:
        world.cloud.troubles.append(LinkLost("reset by peer"))


async def unplug(world: World) -> None:
    """A sensor is unplugged for up to half an hour."""
    chip = world.bus.chips.pop(0x76, None)
    await asyncio.sleep(world.random.uniform(1, 1800))
    if chip is not None:
        world.bus.chips[0x76] = chip


async def hang(world: World) -> None:
    """Every wire hangs for a few seconds."""
    world.ports.gate.shut()
    await asyncio.sleep(world.random.uniform(0.1, 8))
    world.ports.gate.open()


async def step_clock(world: World) -> None:
    """The wall clock is set, forwards or back."""
    world.clock.jump(world.random.choice((-1, 1)) * world.random.randrange(1, 7_200_000))


async def command(world: World) -> None:
    """The cloud's app switches the pump on, with or without a hold."""
    world.commands += 1
    hold_s = world.random.choice((None, 60.0, 900.0))
    value = world.random.random() < 0.7
    world.cloud.asked.put_nowait(Command("cloud", f"c{world.commands}", PUMP, value, hold_s))


FAULTS = (cut_off, trip, trip, unplug, hang, step_clock, command, command, command)


async def watch(world: World) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        world.look()


def by_channel(readings: list[Reading]) -> dict[str, list[Reading]]:
    """Return each channel's readings in order of arrival, repeats left out."""
    channels: dict[str, dict[Reading, None]] = {}
    for reading in readings:
        channels.setdefault(reading.channel, {}).setdefault(reading)
    return {channel: list(found) for channel, found in channels.items()}


async def simulate(world: World, span_s: float) -> None:
    """Run the gateway with faults and orderly restarts, then heal everything and drain."""
    loop, end_s = asyncio.get_running_loop(), asyncio.get_running_loop().time() + span_s
    while loop.time() < end_s:
        life_s = min(world.random.uniform(3600, span_s / 2), end_s - loop.time())
        async with running(world), asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch(world))
            until_s = loop.time() + life_s
            while loop.time() < until_s:
                await asyncio.sleep(world.random.expovariate(1 / 300))
                await world.random.choice(FAULTS)(world)
            watching.cancel()
        world.on_since_s = None
    async with running(world) as gateway:
        await asyncio.sleep(1200)
        for balance in (await gateway.outbox.balance()).values():
            assert balance.is_balanced
            assert not balance.dropped


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_faults_loses_nothing_and_leaves_nothing_on(tmp_path: Path, seed: int) -> None:
    """Cut links, lost answers, throttling, unplugged and hanging wires, a clock that is set back
    and forth, restarts and commands: every reading arrives, in order, and the pump never stays
    on longer than it may."""

    async def main() -> None:
        world = world_at(tmp_path, seed)
        await simulate(world, DAY_S)
        taken, seen = by_channel(world.cloud.taken), by_channel(world.witness.taken)
        # The last moments before the end may be on their way to one and not yet to the other.
        assert sum(map(len, seen.values())) > 8_000
        assert world.commands > 20
        for channel, expected in seen.items():
            got = taken[channel]
            assert got[: len(expected) - 5] == expected[: len(expected) - 5]
            times = [reading.time_ms for reading in got]
            assert times == sorted(set(times))
        done = [o for _, o in world.cloud.outcomes if o.status is Status.DONE]
        assert len(done) > 10
        assert any(r.quality is Quality.ABSENT for r in taken["boiler/temperature"])

    run_simulated(main())


def test_the_same_seed_is_the_same_day(tmp_path: Path) -> None:
    """A failure found by a seed can be looked at again."""

    def day(folder: Path) -> list[Reading]:
        folder.mkdir()

        async def main() -> list[Reading]:
            world = world_at(folder, 7)
            await simulate(world, DAY_S / 24)
            return world.witness.taken

        return run_simulated(main())

    assert day(tmp_path / "a") == day(tmp_path / "b")
