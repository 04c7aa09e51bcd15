"""Outputs whose sensor tells what they really do: the keeper waits, believes it, or goes safe."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gatewayd.errors import DeviceError
from gatewayd.keeper import Keeper, Limits
from gatewayd.model import Access, Channel, ChannelId, Quality, Reading, Status, Value
from gatewayd.proof import Verify
from gatewayd.testing.actuator import FakeActuator
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

RELAY = Channel("relay", "switch", access=Access.WRITE)
LAMP = Channel("lamp", "switch", access=Access.WRITE)
CLAMP = ChannelId("clamp/current")
PROVED = Limits(safe="off", verify=Verify(channel=CLAMP, on="> 0.5", within=3.0))


@dataclass
class Motor:
    """A relay, a lamp beside it, and a clamp that shows what the contacts really carry."""

    clock: SimulatedClock
    board: FakeActuator
    amperes: float | None = 0.0
    noted: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    published: list[Reading] = field(default_factory=list)
    keeper: Keeper = field(init=False)
    limits: Limits = PROVED

    def __post_init__(self) -> None:
        self.keeper = Keeper(
            "pump",
            (RELAY, LAMP),
            {"relay": self.limits, "lamp": Limits(safe="off")},
            self.published.extend,
            self.clock,
            note=lambda event, **facts: self.noted.append((event, facts)),
            sense=self.sense,
        )

    def sense(self, name: ChannelId) -> Reading:
        quality = Quality.GOOD if self.amperes is not None else Quality.ABSENT
        return Reading(name, self.clock.now_ms(), self.amperes, quality)

    async def show(self, amperes: float | None, after_s: float = 0.0) -> None:
        """Let the clamp show something, as its sampler would."""
        await asyncio.sleep(after_s)
        self.amperes = amperes
        self.keeper.look()


@asynccontextmanager
async def motor(limits: Limits = PROVED) -> AsyncIterator[Motor]:
    board = FakeActuator({"relay": 0, "lamp": 0})
    here = Motor(SimulatedClock(), board, limits=limits)

    async def keep() -> None:
        with contextlib.suppress(DeviceError):
            await here.keeper.run(board.open)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep())
        await asyncio.sleep(0.001)
        try:
            yield here
        finally:
            task.cancel()


def level(here: Motor) -> Value:
    return here.board.levels["relay"]


@simulated
async def test_a_sensor_that_shows_it_verifies_it() -> None:
    """The outcome names the sensor, and tells when it was applied and when verified."""
    async with motor() as here:
        asking = asyncio.ensure_future(here.keeper.set("relay", True))
        await here.show(4.2, after_s=1.2)
        outcome = await asking
        assert (outcome.status, outcome.is_verified) == (Status.DONE, True)
        assert outcome.verified_by == CLAMP
        times = outcome.times
        assert times.accepted_ms is not None
        assert times.applied_ms == times.accepted_ms
        assert times.verified_ms == times.accepted_ms + 1200
        (state, _) = here.keeper.states()
        assert state.verified_by == CLAMP


@simulated
async def test_a_motor_that_draws_nothing_goes_off_again() -> None:
    """The contact says on, the clamp says no: that is a fault, and the output goes safe."""
    async with motor() as here:
        outcome = await here.keeper.set("relay", True)
        assert outcome.status is Status.FAILED
        said = "pump/relay was set to on and clamp/current says 0 after 3s; went off"
        assert outcome.detail == said
        assert outcome.times.verified_ms is None
        assert level(here) is False


@simulated
async def test_a_sensor_that_is_gone_verifies_nothing() -> None:
    """No value is no proof."""
    async with motor() as here:
        await here.show(None)
        outcome = await here.keeper.set("relay", True)
        assert outcome.status is Status.FAILED
        assert "says unknown after 3s" in outcome.detail


@simulated
async def test_a_welded_contact_is_found() -> None:
    """Told to be off, read back as off, and the clamp still shows a current: nobody knows."""
    async with motor() as here:
        asyncio.get_running_loop().call_later(0.5, lambda: setattr(here, "amperes", 4.2))
        asking = asyncio.ensure_future(here.keeper.set("relay", True))
        await here.show(4.2, after_s=0.6)
        await asking
        outcome = await here.keeper.set("relay", False)
        assert outcome.status is Status.FAILED
        assert outcome.detail.endswith("nobody knows what it does")
        assert outcome.value is None
        assert here.published[-1][2:] == (None, Quality.FAULT)
        assert "output uncertain" in [event for event, _ in here.noted]


@simulated
async def test_a_clock_that_goes_safe_is_verified_too() -> None:
    """The hold is over, the contact is welded, and nobody had asked anything."""
    async with motor() as here:
        asking = asyncio.ensure_future(here.keeper.set("relay", True, hold_s=10))
        await here.show(4.2, after_s=0.1)
        assert (await asking).status is Status.DONE
        await asyncio.sleep(14)
        (state, _) = here.keeper.states()
        assert state.value is None
        assert "clamp/current says 4.2" in state.reason


@simulated
async def test_the_neighbour_does_not_wait() -> None:
    """While one output waits for its sensor, the others of the board are served."""
    async with motor() as here:
        waiting = asyncio.ensure_future(here.keeper.set("relay", True))
        await asyncio.sleep(0.1)
        lamp = await here.keeper.set("lamp", True)
        assert (lamp.status, lamp.verified_by) == (Status.DONE, "read back")
        assert not waiting.done()
        await waiting


@simulated
async def test_a_later_command_takes_the_place_of_one_that_waits() -> None:
    """Off is not kept waiting for the proof of on."""
    async with motor() as here:
        first = asyncio.ensure_future(here.keeper.set("relay", True))
        await asyncio.sleep(0.1)
        second = await here.keeper.set("relay", False)
        assert (second.status, second.verified_by) == (Status.DONE, CLAMP)
        assert (await first).detail == "a later command came before it was verified"
        assert (await first).verified_by != CLAMP


@simulated
async def test_who_waits_when_the_session_ends_is_answered() -> None:
    """Nobody waits for ever for a device that is gone."""
    async with motor() as here:
        asking = asyncio.ensure_future(here.keeper.set("relay", True))
        await asyncio.sleep(0.1)
    assert (await asking).status is Status.FAILED
    assert level(here) is False
