"""How a device is brought back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from gatewayd.errors import DeviceFault, DeviceTimeout
from gatewayd.ladder import ADAPTER_AFTER, DEVICE_AFTER, PORT_AFTER, Ladder, Rung
from gatewayd.model import Measurement
from gatewayd.ports import Ports, ResettableWire
from gatewayd.recovery import Recovery
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.simulated import simulated


@dataclass
class Probe:
    """A sensor that can be reset."""

    resets: int = 0
    refuses: bool = False

    async def read(self) -> Sequence[Measurement]:
        return [Measurement("temperature", 20.0)]

    async def reset(self) -> None:
        if self.refuses:
            raise DeviceFault("it does not take it")
        self.resets += 1


class Talker:
    """A device that speaks unasked."""

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        yield [Measurement("count", 1)]


@dataclass
class Bus:
    """A wire whose adapter can be reset."""

    done: str = "nine clock pulses"
    is_broken: bool = False
    did: list[str] = field(default_factory=list)

    async def close(self) -> None:
        self.did.append("closed")

    async def reset(self) -> str:
        if not self.done:
            raise DeviceFault("SDA stays low")
        self.did.append("reset")
        return self.done


class OneBus(Ports):
    """Ports with one wire, whatever is asked for."""

    bus: Bus

    def enter(self) -> AbstractAsyncContextManager[Bus]:
        async def opened() -> Bus:
            return self.bus

        return self._enter(("bus", "bus"), opened)


@pytest.fixture
def ports() -> OneBus:
    ports = OneBus()
    ports.bus = Bus()
    return ports


def recovery_of(ports: Ports, failures: int, *, is_wire_well: bool = False) -> Recovery:
    """Return the recovery of a device that has failed so often."""
    recovery = Recovery("boiler", "bus", ports, lambda: is_wire_well)
    for _ in range(failures):
        recovery.failed(DeviceTimeout("silence"))
    return recovery


async def session(recovery: Recovery, device: object) -> None:
    """Open the device and take one answer of it."""

    @asynccontextmanager
    async def open_device() -> AsyncIterator[object]:
        if isinstance(recovery.ports, OneBus):
            async with recovery.ports.enter():
                yield device
        else:
            yield device

    async with recovery.opened(open_device) as opened:
        if isinstance(device, Talker):
            async for _ in opened.measurements():
                pass
        else:
            await opened.read()


async def test_a_device_is_reset_when_its_turn_has_come(ports: OneBus) -> None:
    """After it was opened, before it is asked; and what helped is logged once."""
    probe, recovery = Probe(), recovery_of(ports, DEVICE_AFTER)
    with capture_logs() as logs:
        await session(recovery, probe)
        await session(recovery, probe)
    assert probe.resets == 1
    assert recovery.ladder.helped is Rung.DEVICE
    assert [entry["event"] for entry in logs] == ["remedy", "device recovered"]
    assert (logs[1]["helped"], logs[1]["failures"]) == ("device reset", DEVICE_AFTER)


async def test_a_device_that_does_not_take_its_reset_has_failed(ports: OneBus) -> None:
    """It is the next rung's turn later."""
    with pytest.raises(DeviceFault):
        await session(recovery_of(ports, DEVICE_AFTER), Probe(refuses=True))


async def test_a_wire_is_closed_under_all_and_opened_afresh(ports: OneBus) -> None:
    """Somebody hangs on it and keeps it open for nothing."""
    async with ports.enter():
        await session(recovery_of(ports, PORT_AFTER), Probe())
        assert ports.bus.did[0] == "closed"


async def test_an_adapter_is_reset_on_a_wire_of_its_own_opening(ports: OneBus) -> None:
    """All are off it, then it is opened, reset, closed, and opened for the device."""
    recovery = recovery_of(ports, 0)
    await session(recovery, Probe())  # From then on it is known how to open the wire.
    assert isinstance(ports.bus, ResettableWire)
    recovery = recovery_of(ports, ADAPTER_AFTER)
    ports.bus.did.clear()
    with capture_logs() as logs:
        await session(recovery, Probe())
    assert ports.bus.did == ["reset", "closed", "closed"]
    assert recovery.ladder.helped is Rung.ADAPTER
    assert (logs[0]["rung"], logs[0]["done"]) == ("adapter reset", "nine clock pulses")


async def test_a_remedy_that_fails_is_said_and_the_device_opened_all_the_same(
    ports: OneBus,
) -> None:
    """It may have come back by itself."""
    await session(recovery_of(ports, 0), Probe())
    ports.bus.done = ""
    recovery = recovery_of(ports, ADAPTER_AFTER)
    with capture_logs() as logs:
        await session(recovery, Probe())
    assert logs[0]["done"] == "SDA stays low"
    assert recovery.ladder.helped is Rung.REOPEN


async def test_a_device_without_a_reset_was_opened_again_no_more(ports: OneBus) -> None:
    """What is said to have helped has been done."""
    recovery = recovery_of(ports, DEVICE_AFTER)
    await session(recovery, Talker())
    assert recovery.ladder.helped is Rung.REOPEN


async def test_a_wire_that_works_for_others_is_not_touched(ports: OneBus) -> None:
    """However long this device has failed."""
    async with ports.enter():
        await session(recovery_of(ports, ADAPTER_AFTER, is_wire_well=True), Probe())
        assert not ports.bus.did


async def test_a_device_that_speaks_unasked_has_answered_when_it_speaks(ports: OneBus) -> None:
    """Not when its line could be opened."""
    recovery = recovery_of(ports, 1)
    await session(recovery, Talker())
    assert recovery.ladder.helped is Rung.REOPEN


@simulated
async def test_who_waits_is_woken_by_its_wire() -> None:
    """Another wire is nothing to it, and without a wire nothing can wake it."""
    ports = FakePorts()
    boiler = Recovery("boiler", "i2c:1", ports, lambda: False, Ladder(9, Rung.ADAPTER))
    waiting = asyncio.create_task(boiler.pause(60.0))
    other = asyncio.create_task(Recovery("hall", "i2c:2", ports, lambda: False).pause(60.0))
    none = asyncio.create_task(Recovery("pi", None, ports, lambda: False).pause(60.0))
    await asyncio.sleep(30.0)
    ports.attach_i2c("i2c:1")
    assert await waiting
    assert boiler.ladder.rung is Rung.REOPEN, "somebody has put the plug back already"
    assert asyncio.get_running_loop().time() == 30.0
    assert (await other, await none) == (False, False)
    assert asyncio.get_running_loop().time() == 60.0
