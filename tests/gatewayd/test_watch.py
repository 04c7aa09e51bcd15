"""Edges that stop without a word in a whole gateway: noticed, told, ended, and cured or starved."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gatewayd.app import Gateway, open_gateway
from gatewayd.config import Settings, UplinkSettings, load
from gatewayd.config.settings import DeviceSettings
from gatewayd.driver import Driver
from gatewayd.health import STUCK_S
from gatewayd.model import Channel, ChannelId, Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.progress import GAPS, OVERDUE_S
from gatewayd.status import status_of
from gatewayd.testing import cloud as fake_cloud
from gatewayd.testing.clock import SimulatedClock, run_simulated
from gatewayd.testing.cloud import Config, FakeCloud
from gatewayd.testing.ports import FakePorts
from gatewayd.uplink import SEND_S

METER = ChannelId("meter/power")
EVERY_S = 10.0
FILE = """
[gateway]
id = "b827eb000001"
state_dir = "{state}"
[outbox]
commit_interval = "2m"
"""
LEARNT_S = EVERY_S * (GAPS + 2)


@dataclass
class Meter:
    """A device that speaks by a clock, until it is silenced."""

    is_silent: bool = False
    opened: int = 0
    is_deaf: bool = False
    """Whether its driver swallows every cancellation."""
    said: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self, config: object, ports: Ports) -> AsyncIterator[Meter]:
        self.opened += 1
        yield self

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        while True:
            try:
                await asyncio.sleep(EVERY_S)
            except asyncio.CancelledError:
                if not self.is_deaf:
                    raise
            if not self.is_silent:
                yield [Measurement("power", 230.0)]


def describe(config: object) -> tuple[Channel, ...]:
    return (Channel("power", "power", "W"),)


@dataclass
class World:
    """One meter, one cloud."""

    settings: Settings
    meter: Meter
    cloud: FakeCloud

    @property
    def gateway(self) -> Any:
        return open_gateway(self.settings, SimulatedClock(), FakePorts())


def world_at(tmp_path: Path) -> World:
    file = tmp_path / "config.toml"
    file.write_text(FILE.format(state=tmp_path / "state"))
    meter, cloud = Meter(), FakeCloud()
    driver = Driver("meter", types.SimpleNamespace, describe, meter.open, "A meter.")
    device = DeviceSettings(name="meter", driver=driver, config=None, channels=describe(None))
    uplink = UplinkSettings(name="cloud", kind="fake", cloud=fake_cloud, config=Config(cloud))
    settings = replace(load(file, {}), devices={"meter": device}, uplinks={"cloud": uplink})
    return World(settings, meter, cloud)


def simulate(tmp_path: Path, story: Callable[[World, Gateway], Awaitable[None]]) -> World:
    async def main() -> World:
        world = world_at(tmp_path)
        async with world.gateway as gateway:
            await story(world, gateway)
            world.meter.is_deaf = False
        return world

    return run_simulated(main())


def device_of(gateway: Gateway) -> Mapping[str, Any]:
    devices = status_of(gateway)["devices"]
    assert isinstance(devices, list)
    return dict(devices[0])


def test_a_silent_listener_is_told_opened_again_and_well(tmp_path: Path) -> None:
    """Status, the reading's reason, and the ladder: what helped is known afterwards."""

    async def story(world: World, gateway: Gateway) -> None:
        await asyncio.sleep(LEARNT_S)
        assert gateway.lookout.find_ailment() is None
        world.meter.is_silent = True
        await asyncio.sleep(6 * EVERY_S)
        assert "silent" in str(gateway.lookout.find_ailment())
        assert "it used to speak every 10s" in device_of(gateway)["stopped"]
        latest = gateway.board.latest(METER)
        assert latest is not None
        assert latest.quality is Quality.TIMEOUT
        assert gateway.lookout.find_deadlock() is None
        assert world.meter.opened == 2
        world.meter.is_silent = False
        await asyncio.sleep(3 * EVERY_S)
        assert gateway.lookout.find_ailment() is None
        assert device_of(gateway)["stopped"] is None
        assert device_of(gateway)["helped"] == "reopen"

    simulate(tmp_path, story)


def test_a_listener_that_stays_silent_climbs_the_ladder(tmp_path: Path) -> None:
    """Each silent session is a failure; the remedies grow stronger, the watchdog is fed."""

    async def story(world: World, gateway: Gateway) -> None:
        await asyncio.sleep(LEARNT_S)
        world.meter.is_silent = True
        await asyncio.sleep(600)
        assert device_of(gateway)["failures"] >= 3
        assert gateway.lookout.find_ailment() is not None
        assert gateway.lookout.find_deadlock() is None

    assert simulate(tmp_path, story).meter.opened > 4


def test_an_edge_that_does_not_end_starves_the_watchdog(tmp_path: Path) -> None:
    """Only a new process cures a driver that swallows its cancellation."""

    async def story(world: World, gateway: Gateway) -> None:
        await asyncio.sleep(LEARNT_S)
        world.meter.is_silent = world.meter.is_deaf = True
        await asyncio.sleep(6 * EVERY_S)
        assert gateway.lookout.find_deadlock() is None
        await asyncio.sleep(STUCK_S)
        assert str(gateway.lookout.find_deadlock()).endswith("and does not end")

    simulate(tmp_path, story)


def test_a_send_that_never_returns_is_a_stuck_uplink(tmp_path: Path) -> None:
    """The link is opened again, and everything arrives."""

    async def story(world: World, gateway: Gateway) -> None:
        await asyncio.sleep(EVERY_S)
        world.cloud.send_s = 1e6
        await asyncio.sleep(SEND_S + OVERDUE_S)
        assert world.cloud.links_opened == 1
        world.cloud.send_s = 0.0
        await asyncio.sleep(OVERDUE_S)
        assert world.cloud.links_opened == 2
        assert gateway.lookout.find_ailment() is None
        assert gateway.outbox.accounts["cloud"].pending <= 1

    simulate(tmp_path, story)


def test_a_cloud_that_is_away_is_no_ailment(tmp_path: Path) -> None:
    """For hours, with everything waiting; nor is one that gathers reports for an hour."""

    async def story(world: World, gateway: Gateway) -> None:
        world.cloud.is_reachable = False
        world.cloud.cut_link()
        for _ in range(6):
            await asyncio.sleep(3600)
            assert gateway.lookout.find_ailment() is None
        assert gateway.outbox.accounts["cloud"].pending > 2000
        world.cloud.is_reachable, world.cloud.wait_s = True, 3600.0
        for _ in range(20):
            await asyncio.sleep(333)
            assert gateway.lookout.find_ailment() is None
        assert world.cloud.links_opened == 1

    simulate(tmp_path, story)


def test_a_recorder_that_takes_nothing_starves_the_watchdog(tmp_path: Path) -> None:
    """Readings wait on the bus, and nobody takes them."""

    async def story(world: World, gateway: Gateway) -> None:
        await asyncio.sleep(EVERY_S)
        never = asyncio.Event()
        gateway.bus.take = lambda gather_s: never.wait()  # type: ignore[method-assign, assignment, return-value]  # The fault.
        gateway.bus.take_now()
        await asyncio.sleep(3 * EVERY_S)
        await asyncio.sleep(STUCK_S)
        assert "recorder made no progress" in str(gateway.lookout.find_deadlock())

    simulate(tmp_path, story)


def test_a_process_that_stood_still_blames_nobody(tmp_path: Path) -> None:
    """As after SIGSTOP, or a virtual machine that moved."""

    async def story(world: World, gateway: Gateway) -> None:
        await asyncio.sleep(LEARNT_S)
        loop: Any = asyncio.get_running_loop()
        loop.advance(3600)
        await asyncio.sleep(5 * EVERY_S)
        assert gateway.lookout.find_ailment() is None

    assert simulate(tmp_path, story).meter.opened == 1
