"""Whole lives of a thethings.iO uplink: real log, desk and keeper; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatewayd.desk import Desk
from gatewayd.errors import LinkDenied, LinkError, LinkLost
from gatewayd.keeper import Keeper, Limits
from gatewayd.model import Access, Channel, Reading
from gatewayd.outbox import Outbox, open_outbox
from gatewayd.testing.actuator import FakeActuator
from gatewayd.uplink import live
from tests.clouds.thethingsio.little_cloud import LittleCloud, Trouble, little_cloud
from tests.live.thing_house import CHANNELS, OFF, ON, House, T

COUNT = 300


@dataclass
class Gateway:
    """A gateway with one relay and one uplink."""

    house: House
    outbox: Outbox
    desk: Desk
    relay: FakeActuator
    ends: list[BaseException] = field(default_factory=list)
    denied: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def linked(self) -> AsyncIterator[asyncio.Task[None]]:
        """Open a link again and again, as the supervisor does, but at once."""

        async def run() -> None:
            while True:
                try:
                    async with self.house.open() as link:
                        await live(link, self.outbox, self.desk, "up")
                except (LinkError, ExceptionGroup) as error:
                    self.ends.append(root(error))
                    if isinstance(self.ends[-1], LinkDenied):
                        self.denied.set()
                    await asyncio.sleep(0.05)

        task = asyncio.ensure_future(run())
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def record(self, count: int = COUNT) -> None:
        """Append readings, one a millisecond."""
        now_ms = self.house.clock.now_ms() - count
        await self.outbox.append([Reading(T, now_ms + i, float(i)) for i in range(count)])


def root(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@pytest.fixture
async def cloud() -> AsyncIterator[LittleCloud]:
    async with little_cloud() as cloud:
        yield cloud


@pytest.fixture
async def gateway(cloud: LittleCloud, tmp_path: Path) -> AsyncIterator[Gateway]:
    house = House(tmp_path / "up", cloud.url)
    output = Channel("relay", "switch", access=Access.WRITE)
    keeper = Keeper("pump", [output], {"relay": Limits(safe="off")}, list, house.clock)
    relay = FakeActuator({"relay": False})
    desk = Desk([keeper], CHANNELS, house.clock)
    async with open_outbox(tmp_path / "card", tmp_path, house.clock) as outbox:
        await outbox.subscribe({"up": frozenset({T})})
        keeping = asyncio.ensure_future(keeper.run(relay.open))
        yield Gateway(house, outbox, desk, relay)
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        (balance,) = (await outbox.balance()).values()
        assert balance.is_balanced


def moves(gateway: Gateway) -> list[object]:
    """Return what arrived at the relay by command: after it was driven safe at the start."""
    return [write.value for write in gateway.relay.writes[1:]]


def received(cloud: LittleCloud) -> list[float]:
    return [value for value in cloud.of("boiler.temp") if isinstance(value, float)]


async def test_troubles_lose_nothing_and_keep_the_order(
    gateway: Gateway, cloud: LittleCloud
) -> None:
    """Server faults, a cut subscription: each ends the link, and the next goes on."""
    await gateway.record()
    cloud.troubles.extend([Trouble(500), Trouble(503), Trouble(429, {"Retry-After": "0"})])
    async with gateway.linked():
        await cloud.wait_until(lambda: len(received(cloud)) >= 100)
        cloud.end_streams()
        await cloud.wait_until(lambda: len(received(cloud)) >= COUNT)
    assert received(cloud) == [float(i) for i in range(COUNT)]
    assert any(isinstance(end, LinkLost) for end in gateway.ends)


async def test_a_lost_answer_repeats_the_same_values(gateway: Gateway, cloud: LittleCloud) -> None:
    """The batch comes again with its own times, so it is the same values to the cloud."""
    await gateway.record()
    cloud.troubles.append(Trouble(500, is_taken=True))
    async with gateway.linked():
        await cloud.wait_until(lambda: len(received(cloud)) >= COUNT + 100)
    entries = {(e["key"], e["datetime"], e["value"]) for e in cloud.values if "datetime" in e}
    assert len(entries) == COUNT


async def test_a_bad_value_is_isolated(gateway: Gateway, cloud: LittleCloud) -> None:
    """A write that the cloud refuses for one value is halved until that one is alone."""
    await gateway.record()
    cloud.poison = 137.0
    async with gateway.linked():
        await cloud.wait_until(lambda: len(received(cloud)) >= COUNT - 1)
        await gateway.record(1)
        await cloud.wait_until(lambda: len(received(cloud)) >= COUNT)
        assert gateway.outbox.accounts["up"].delivered == COUNT - 1
    assert received(cloud) == [float(i) for i in range(COUNT) if i != 137] + [0.0]
    assert gateway.ends == []


async def test_a_revoked_token_loses_nothing_and_moves_nothing_twice(
    gateway: Gateway, cloud: LittleCloud
) -> None:
    """In the middle of everything: denied until it is good again, then all that is missing."""
    async with gateway.linked():
        await cloud.wait_until(lambda: cloud.subscribed == 1)
        await cloud.write(ON)
        await cloud.wait_until(lambda: cloud.of("pump.relay_ack") == ["done"])
        cloud.denial = 401
        await gateway.record()
        cloud.end_streams()
        await asyncio.wait_for(gateway.denied.wait(), 5)
        cloud.denial = 0
        await cloud.wait_until(lambda: len(received(cloud)) >= COUNT)
        await cloud.write(OFF)
        await cloud.wait_until(lambda: cloud.of("pump.relay_ack") == ["done", "done"])
    assert received(cloud) == [float(i) for i in range(COUNT)]
    assert moves(gateway) == [True, False]


async def test_phantoms_move_nothing(gateway: Gateway, cloud: LittleCloud) -> None:
    """Echoes byte by byte, copies, a second connection: one command moves the relay once."""
    cloud.cut = 1
    async with gateway.linked():
        await cloud.wait_until(lambda: cloud.subscribed == 1)
        await gateway.record(20)
        for _ in range(3):
            await cloud.write(ON)
        await cloud.write({**ON, "key": "pump.relay_state"}, {"key": "x", "value": "OFF"})
        await cloud.wait_until(lambda: "done" in cloud.of("pump.relay_ack"))
        cloud.end_streams()
        await cloud.wait_until(lambda: cloud.subscribed == 2)
        await gateway.record(20)
        await cloud.write(OFF)
        await cloud.wait_until(lambda: 0 in cloud.of("pump.relay_state"))
    assert moves(gateway) == [True, False]


async def test_a_command_while_away_is_carried_out_once(
    gateway: Gateway, cloud: LittleCloud
) -> None:
    """Read back after the next connection; an hour old it would be refused, and told so."""
    await cloud.write({**OFF, "datetime": "2026-11-20T01:00:00.000Z"})
    async with gateway.linked():
        await cloud.wait_until(lambda: len(cloud.of("pump.relay_ack")) == 1)
        assert "old" in cloud.of("pump.relay_ack")[0]
    await cloud.write(ON)
    async with gateway.linked():
        await cloud.wait_until(lambda: len(cloud.of("pump.relay_ack")) == 2)
    async with gateway.linked():
        await cloud.wait_until(lambda: cloud.subscribed == 3)
        await cloud.write(OFF)
        await cloud.wait_until(lambda: len(cloud.of("pump.relay_ack")) == 3)
    assert moves(gateway) == [True, False]
