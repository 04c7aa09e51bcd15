"""The keeper: the fences around an output, each holding and each being leaned against."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from gatewayd.clock import SystemClock
from gatewayd.cycles import Cycles
from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceTimeout
from gatewayd.hand import LEAVE_S
from gatewayd.keeper import GLANCE_S, REQUESTS_MAX, Keeper, Limits
from gatewayd.model import Access, Channel, ChannelId, Outcome, Quality, Reading, Status
from gatewayd.testing.actuator import FakeActuator, Fault
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

RELAY = Channel("relay", "switch", access=Access.WRITE)
LAMP = Channel("lamp", "switch", access=Access.WRITE)
VALVE = Channel("valve", "level", "%", 0, Access.WRITE, 0.0, 100.0)
OFF = Limits(safe="off")


@dataclass
class Bench:
    """A keeper, its board, and everything it published or noted."""

    keeper: Keeper
    board: FakeActuator
    published: list[Reading]
    noted: list[tuple[str, dict[str, object]]]


def make_bench(*channels: Channel, **limits: Limits) -> Bench:
    """A board on which everything is on, as after a bad crash."""
    channels = channels or (RELAY,)
    published: list[Reading] = []
    noted: list[tuple[str, dict[str, object]]] = []
    keeper = Keeper(
        "pump",
        channels,
        {channel.id: limits.get(channel.id, Limits(safe=0)) for channel in channels},
        published.extend,
        SimulatedClock(asyncio.get_running_loop()),
        note=lambda event, **facts: noted.append((event, facts)),
    )
    board = FakeActuator({channel.id: 1 for channel in channels})
    return Bench(keeper, board, published, noted)


@asynccontextmanager
async def session(bench: Bench) -> AsyncIterator[asyncio.Task[None]]:
    """One session of the keeper, as its supervisor runs it; an end by itself is no error here."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_quietly(bench))
        await asyncio.sleep(0.001)
        try:
            yield task
        finally:
            task.cancel()


async def run_quietly(bench: Bench) -> None:
    with contextlib.suppress(DeviceError):
        await bench.keeper.run(bench.board.open)


def level(bench: Bench) -> object:
    """What the relay really does now."""
    return bench.board.levels["relay"]


@simulated
async def test_the_first_act_is_the_safe_write() -> None:
    """A board found on after a crash is off before anybody can ask for anything."""
    bench = make_bench(RELAY, LAMP)
    async with session(bench):
        assert [write[1:] for write in bench.board.writes] == [("relay", False), ("lamp", False)]
        assert bench.published == [
            Reading(ChannelId("pump/relay"), bench.keeper.clock.now_ms() - 1, False, Quality.GOOD),
            Reading(ChannelId("pump/lamp"), bench.keeper.clock.now_ms() - 1, False, Quality.GOOD),
        ]


@simulated
async def test_a_broken_output_does_not_keep_the_others_from_being_safe() -> None:
    """The first act goes through all outputs, then the session ends with the failure."""
    bench = make_bench(RELAY, LAMP)
    bench.board.faults.extend([Fault.REFUSE])
    with pytest.raises(DeviceError, match="says no"):
        await bench.keeper.run(bench.board.open)
    assert bench.board.levels == {"relay": False, "lamp": False}, "leaving tried again"


@simulated
async def test_a_command_is_done_and_read_back() -> None:
    """DONE carries what the hardware itself says, and the state is published."""
    bench = make_bench()
    async with session(bench):
        assert await bench.keeper.set("relay", True) == Outcome(Status.DONE, "", True, True)
        assert level(bench) is True
        assert bench.published[-1][2:] == (True, Quality.GOOD)


@simulated
async def test_without_read_back_the_value_is_assumed() -> None:
    """Where the hardware cannot say, nobody claims that it did."""
    bench = make_bench()
    bench.board.can_read_back = False
    async with session(bench):
        outcome = await bench.keeper.set("relay", True)
        assert (outcome.status, outcome.value, outcome.is_verified) == (Status.DONE, True, False)
        assert bench.published[-1].quality is Quality.UNCERTAIN


@simulated
async def test_leaving_makes_safe() -> None:
    """However a session ends, the last write is the safe one."""
    bench = make_bench()
    async with session(bench):
        await bench.keeper.set("relay", True)
    assert level(bench) is False
    assert bench.published[-1][2:] == (False, Quality.GOOD)


@simulated
async def test_a_cancelled_session_goes_safe_in_the_middle_of_a_write() -> None:
    """Half a write is unknown, so the safe write follows it."""
    bench = make_bench()
    async with session(bench) as task:
        bench.board.faults.append(Fault.HANG)
        asking = asyncio.ensure_future(bench.keeper.set("relay", True))
        await asyncio.sleep(0.1)
        assert level(bench) is True
        task.cancel()
        outcome = await asking
    assert outcome.status is Status.FAILED
    assert level(bench) is False


@simulated
async def test_leaving_a_dead_board_takes_bounded_time() -> None:
    """A wire that hangs cannot hold up the shutdown."""
    bench = make_bench(RELAY, LAMP, VALVE)
    async with session(bench):
        bench.board.faults.extend([Fault.HANG] * 9)
        left_s = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - left_s <= LEAVE_S
    assert bench.noted[-1][0] == "outputs not safe"


@simulated
async def test_an_output_that_hangs_leaves_time_for_the_others() -> None:
    """On the way out every output has its share."""
    bench = make_bench(RELAY, LAMP)
    async with session(bench):
        await bench.keeper.set("lamp", True)
        bench.board.faults.append(Fault.HANG)
    assert bench.board.levels["lamp"] is False


@simulated
async def test_a_cancelled_caller_never_cancels_the_write() -> None:
    """The connection that dies half-way cancels the waiting, not the write."""
    bench = make_bench()
    bench.board.write_s = 1.0
    async with session(bench):
        await asyncio.sleep(2)
        asking = asyncio.ensure_future(bench.keeper.set("relay", True))
        await asyncio.sleep(0.5)
        asking.cancel()
        await asyncio.sleep(1)
        assert asking.cancelled()
        assert level(bench) is True


@simulated
async def test_a_hold_ends() -> None:
    """A value with a hold stands that long and no longer."""
    bench = make_bench()
    async with session(bench):
        outcome = await bench.keeper.set("relay", True, hold_s=30)
        assert outcome.detail == "goes off in 30s"
        await asyncio.sleep(29.9)
        assert level(bench) is True
        await asyncio.sleep(0.2)
        assert level(bench) is False
        assert bench.published[-1].value is False


@simulated
async def test_the_next_command_ends_a_hold() -> None:
    """A later value without a hold is not cut short by an earlier hold."""
    bench = make_bench()
    async with session(bench):
        await bench.keeper.set("relay", True, hold_s=30)
        await bench.keeper.set("relay", True)
        await asyncio.sleep(3600)
        assert level(bench) is True


@simulated
async def test_hold_max_holds_against_longer_holds_and_repeated_commands() -> None:
    """A cloud that goes on asking cannot keep a pump on for ever."""
    bench = make_bench(relay=Limits(safe="off", hold_max=100))
    async with session(bench):
        await bench.keeper.set("relay", True, hold_s=10_000)
        await asyncio.sleep(60)
        await bench.keeper.set("relay", True)
        await asyncio.sleep(39)
        assert level(bench) is True
        await asyncio.sleep(2)
        assert level(bench) is False


@simulated
async def test_hold_max_starts_anew_after_safe() -> None:
    """Having been safe in between, an output has its whole time again."""
    bench = make_bench(relay=Limits(safe="off", hold_max=100))
    async with session(bench):
        for value in (True, False, True):
            await bench.keeper.set("relay", value)
            await asyncio.sleep(60)
        assert level(bench) is True


@simulated
async def test_an_orphan_falls_back() -> None:
    """What a cloud switched on goes off when that cloud stays away."""
    bench = make_bench(relay=Limits(safe="off", orphan=600))
    async with session(bench):
        await bench.keeper.set("relay", True, origin="thingplus")
        await asyncio.sleep(10_000)
        bench.keeper.link_down("thingplus")
        await asyncio.sleep(599)
        assert level(bench) is True
        await asyncio.sleep(2)
        assert level(bench) is False


@simulated
async def test_a_cloud_that_returns_in_time_keeps_its_output() -> None:
    """A short outage, and the outage of another cloud, change nothing."""
    bench = make_bench(relay=Limits(safe="off", orphan=600))
    async with session(bench):
        await bench.keeper.set("relay", True, origin="thingplus")
        bench.keeper.link_down("thinger")
        bench.keeper.link_down("thingplus")
        await asyncio.sleep(599)
        bench.keeper.link_up("thingplus")
        await asyncio.sleep(10_000)
        assert level(bench) is True


@simulated
async def test_an_order_whose_uplink_died_before_the_write_is_an_orphan_too() -> None:
    """The line may break between the question and the deed."""
    bench = make_bench(relay=Limits(safe="off", orphan=600))
    async with session(bench):
        bench.keeper.link_down("thingplus")
        await asyncio.sleep(300)
        await bench.keeper.set("relay", True, origin="thingplus")
        await asyncio.sleep(301)
        assert level(bench) is False


@simulated
async def test_min_on_and_min_off_refuse_what_comes_too_early() -> None:
    """A compressor is not switched fast; the refusal says how long to wait."""
    bench = make_bench(relay=Limits(safe="off", min_on=30, min_off=60))
    async with session(bench):
        early = await bench.keeper.set("relay", True)
        assert early.status is Status.REFUSED
        assert early.detail == "off for at least 1m (min_off): 60s to go"
        await asyncio.sleep(60)
        assert (await bench.keeper.set("relay", True)).status is Status.DONE
        await asyncio.sleep(10)
        assert (await bench.keeper.set("relay", False)).detail.endswith("20s to go")
        await asyncio.sleep(20)
        assert (await bench.keeper.set("relay", False)).status is Status.DONE


@simulated
async def test_going_safe_waits_for_no_min_on() -> None:
    """Clocks, faults and make_safe do not ask how long it has been on."""
    bench = make_bench(relay=Limits(safe="off", min_on=3600, orphan=5))
    async with session(bench):
        await bench.keeper.set("relay", True)
        (reply,) = bench.keeper.make_safe().values()
        assert (await reply).status is Status.DONE
        assert level(bench) is False
        await bench.keeper.set("relay", True, origin="cloud")
        bench.keeper.link_down("cloud")
        await asyncio.sleep(6)
        assert level(bench) is False


@simulated
async def test_blinking_alternates_until_its_hold_is_over() -> None:
    """On and off in equal times, told once as on, and safe at the end."""
    bench = make_bench()
    async with session(bench):
        await bench.keeper.set("relay", True, hold_s=3.2, blink_s=1)
        del bench.board.writes[:]
        told = len(bench.published)
        await asyncio.sleep(3.1)
        assert [write.value for write in bench.board.writes] == [False, True, False]
        assert len(bench.published) == told
        await asyncio.sleep(10)
        assert [write.value for write in bench.board.writes[3:]] == [False]
        assert bench.published[-1].value is False


@simulated
async def test_the_next_command_ends_blinking() -> None:
    """A steady value after a blinking one stays steady."""
    bench = make_bench()
    async with session(bench):
        await bench.keeper.set("relay", True, blink_s=0.5)
        await asyncio.sleep(2.6)
        await bench.keeper.set("relay", True)
        writes = len(bench.board.writes)
        await asyncio.sleep(60)
        assert (len(bench.board.writes), level(bench)) == (writes, True)


@simulated
async def test_hold_max_ends_blinking() -> None:
    """Blinking has no way round the owner's limit."""
    bench = make_bench(relay=Limits(safe="off", hold_max=10))
    async with session(bench):
        await bench.keeper.set("relay", True, blink_s=0.5)
        await asyncio.sleep(10.1)
        writes = len(bench.board.writes)
        await asyncio.sleep(60)
        assert (len(bench.board.writes), level(bench)) == (writes, False)


@simulated
@pytest.mark.parametrize("fault", [Fault.LATE, Fault.LOST, Fault.HANG, Fault.REFUSE, Fault.STUCK])
async def test_after_a_write_in_doubt_comes_the_safe_write(fault: Fault) -> None:
    """Whatever went wrong, the command has failed and the next write is the safe one."""
    bench = make_bench()
    async with session(bench):
        bench.board.faults.append(fault)
        outcome = await bench.keeper.set("relay", True)
        assert outcome.status is Status.FAILED
        assert outcome.detail.endswith("went off")
        assert bench.board.writes[-1].value is False
        assert [reading.value for reading in bench.published[-2:]] == [None, False]
        assert (await bench.keeper.set("relay", True)).status is Status.DONE, "still in service"


@simulated
async def test_an_output_that_cannot_be_made_safe_is_tried_again_with_every_session() -> None:
    """The session ends, the state is told as unknown, and the next session begins with safe."""
    bench = make_bench()
    async with session(bench) as task:
        bench.board.faults.extend([Fault.LATE] * 3)
        outcome = await bench.keeper.set("relay", True)
        await task
        assert outcome.status is Status.FAILED
        assert "nobody knows" in outcome.detail
        assert bench.published[-1][2:] == (None, Quality.TIMEOUT)
    assert len(bench.board.writes) == 4, "safe at first, the command, safe, safe on leaving"
    async with session(bench):
        assert level(bench) is False
        assert bench.published[-1][2:] == (False, Quality.GOOD)


@simulated
async def test_a_fall_back_that_fails_ends_the_session() -> None:
    """Going safe is never given up: the supervisor's next session begins with it."""
    bench = make_bench()
    async with session(bench) as task:
        await bench.keeper.set("relay", True, hold_s=10)
        bench.board.faults.extend([Fault.LOST] * 2)
        await asyncio.wait_for(task, 20)
    assert level(bench) is True
    async with session(bench):
        assert level(bench) is False


@simulated
async def test_an_unplugged_board_fails_commands_and_is_told_as_absent() -> None:
    """Without a session every command is answered with the reason."""
    bench = make_bench()
    bench.board.is_plugged = False
    with pytest.raises(DeviceAbsent):
        await bench.keeper.run(bench.board.open)
    outcome = await bench.keeper.set("relay", True)
    assert outcome == Outcome(Status.FAILED, "pump is not open: nobody answers")
    assert bench.published[-1][2:] == (None, Quality.ABSENT)


@simulated
async def test_the_same_absence_is_told_once() -> None:
    """A board that stays away does not fill the log."""
    bench = make_bench()
    bench.board.is_plugged = False
    for _ in range(5):
        with pytest.raises(DeviceAbsent):
            await bench.keeper.run(bench.board.open)
    assert len(bench.published) == 1


@simulated
async def test_a_board_that_does_not_open_is_late() -> None:
    """Opening has its deadline like every wait on the world."""
    bench = make_bench()

    @asynccontextmanager
    async def hang() -> AsyncIterator[FakeActuator]:
        await asyncio.sleep(10_000)
        yield bench.board

    with pytest.raises(DeviceTimeout, match="did not open"):
        await bench.keeper.run(hang)


@simulated
async def test_too_many_orders_are_refused() -> None:
    """The queue has an end, and what is in it is carried out."""
    bench = make_bench()
    bench.board.write_s = 1.0
    async with session(bench):
        await asyncio.sleep(2)
        asked = [asyncio.ensure_future(bench.keeper.set("relay", True)) for _ in range(20)]
        outcomes = [outcome.status for outcome in await asyncio.gather(*asked)]
    assert outcomes.count(Status.DONE) == REQUESTS_MAX
    assert outcomes.count(Status.REFUSED) == 20 - REQUESTS_MAX


@simulated
async def test_making_safe_goes_before_everything_that_waits() -> None:
    """Orders in the queue are refused, not carried out after the safe write."""
    bench = make_bench()
    bench.board.write_s = 1.0
    async with session(bench):
        await asyncio.sleep(2)
        asked = [asyncio.ensure_future(bench.keeper.set("relay", True)) for _ in range(3)]
        await asyncio.sleep(0.5)
        (reply,) = bench.keeper.make_safe().values()
        assert (await reply).status is Status.DONE
        statuses = [(await each).status for each in asked]
        assert statuses == [Status.DONE, Status.REFUSED, Status.REFUSED]
        assert level(bench) is False


@simulated
async def test_an_unexpected_error_leaves_safe_and_answers() -> None:
    """A bug in a driver ends the session loudly; the output is safe and nobody waits for ever."""
    bench = make_bench(RELAY, LAMP)

    class Buggy(FakeActuator):
        async def write(self, channel: str, value: object) -> None:
            if value and channel == "lamp":
                raise KeyError("lamp")
            self.levels[channel] = bool(value)

    bench.board = Buggy({"relay": True, "lamp": True})
    ending = asyncio.ensure_future(bench.keeper.run(bench.board.open))
    await asyncio.sleep(0.1)
    await bench.keeper.set("relay", True)
    outcome = await bench.keeper.set("lamp", True)
    assert outcome.status is Status.FAILED
    with pytest.raises(KeyError):
        await ending
    assert bench.board.levels == {"relay": False, "lamp": False}


@simulated
async def test_states_tell_what_an_output_does_and_why() -> None:
    """Status shows wanted, actual, origin and the time left."""
    bench = make_bench(relay=Limits(safe="off", hold_max=100))
    async with session(bench):
        await bench.keeper.set("relay", True, hold_s=30, origin="thinger")
        await asyncio.sleep(10)
        (state,) = bench.keeper.states()
        assert (state.wanted, state.value, state.is_verified, state.is_safe) == (
            True,
            True,
            True,
            False,
        )
        assert (state.origin, state.for_s, state.left_s) == ("thinger", 10, 20)
        assert state.reason == "asked by thinger"


def test_an_output_without_a_safe_value_is_refused() -> None:
    """There is no default for anything that can hurt someone."""
    with pytest.raises(ConfigError, match="no safe value"):
        Keeper("pump", (RELAY,), {}, print, SystemClock())


def test_a_safe_value_that_the_output_cannot_take_is_refused() -> None:
    """A valve of 0 to 100 % cannot be safe at 120."""
    limits = {"valve": Limits(safe=120)}
    with pytest.raises(ConfigError, match="outside 0 to 100 %"):
        Keeper("pump", (VALVE,), limits, print, SystemClock())


@simulated
async def test_it_is_up_once_everything_is_safe() -> None:
    """Not while the first safe writes are still on their way."""
    bench = make_bench(RELAY, LAMP)
    bench.board.write_s = 0.5
    seen: list[dict[str, object]] = []
    running = asyncio.ensure_future(
        bench.keeper.run(bench.board.open, lambda: seen.append(dict(bench.board.levels)))
    )
    await asyncio.sleep(0.9)
    assert not seen
    await asyncio.sleep(0.2)
    assert seen == [{"relay": False, "lamp": False}]
    running.cancel()


@simulated
async def test_a_worn_out_day_refuses_on_and_never_off() -> None:
    """`cycles_max` is a limit of leaving safe; going safe costs nothing and always works."""
    bench = make_bench(relay=Limits(safe="off", cycles_max=2))
    bench.keeper.cycles = Cycles(bench.keeper.clock)
    async with session(bench):
        for _ in range(2):
            assert (await bench.keeper.set("relay", True)).status is Status.DONE
            assert (await bench.keeper.set("relay", True)).status is Status.DONE, "it is on already"
            assert (await bench.keeper.set("relay", False)).status is Status.DONE
        outcome = await bench.keeper.set("relay", True)
        assert outcome.status is Status.REFUSED
        assert "switched 2 times within a day (cycles_max)" in outcome.detail
        assert level(bench) is False
        assert (await bench.keeper.set("relay", False)).status is Status.DONE


@simulated
async def test_blinking_wears_too() -> None:
    """Each time that it is lit is a cycle; when they are used up it goes safe and says why."""
    bench = make_bench(relay=Limits(safe="off", cycles_max=3))
    bench.keeper.cycles = Cycles(bench.keeper.clock)
    async with session(bench):
        await bench.keeper.set("relay", True, blink_s=1)
        await asyncio.sleep(10)
        assert len([each for each in bench.board.writes if each.value is True]) == 3
        (state,) = bench.keeper.states()
        assert (state.is_safe, state.reason) == (True, "fell back to safe: cycles_max is reached")


@simulated
async def test_an_outcome_tells_when() -> None:
    """Accepted when it came, applied when the write was done, verified when it was read back."""
    bench = make_bench()
    async with session(bench):
        bench.board.write_s = 0.25
        times = (await bench.keeper.set("relay", True)).times
        assert times.accepted_ms is not None
        assert times.applied_ms == times.verified_ms == times.accepted_ms + 250
        bench.board.can_read_back = False
        assert (await bench.keeper.set("relay", False)).times.verified_ms is None


@simulated
async def test_who_is_cancelled_again_while_leaving_leaves_all_safe() -> None:
    """Two levels of a falling program each cancel the keeper; both lamps are off all the same."""
    bench = make_bench(RELAY, LAMP)
    async with session(bench) as task:
        await bench.keeper.set("relay", True)
        await bench.keeper.set("lamp", True)
        bench.board.write_s = 0.5
        for _ in range(8):
            task.cancel()
            await asyncio.sleep(0.2)
        assert task.done()
    assert bench.board.levels == {"relay": False, "lamp": False}


@simulated
async def test_an_output_that_moved_by_itself_goes_safe_and_is_told() -> None:
    """A board that lost its power for a moment, or a hand on its button."""
    bench = make_bench()
    async with session(bench):
        await bench.keeper.set("relay", True)
        bench.board.levels["relay"] = False
        await asyncio.sleep(GLANCE_S + 1)
        assert bench.board.writes[-1].value is False
        assert [reading.quality for reading in bench.published[-2:]] == [
            Quality.FAULT,
            Quality.GOOD,
        ]
        (doubt,) = (facts for event, facts in bench.noted if event == "output uncertain")
        assert "now shows off by itself" in str(doubt["reason"])


@simulated
async def test_a_board_that_vanished_is_noticed_though_nothing_is_asked_of_it() -> None:
    """Nobody goes on saying what it does; the supervisor opens the next session."""
    bench = make_bench()
    async with session(bench) as task:
        await bench.keeper.set("relay", True)
        bench.board.is_plugged = False
        await asyncio.sleep(GLANCE_S + 1)
        assert task.done()
        assert bench.published[-1][2:] == (None, Quality.ABSENT)


@simulated
async def test_a_glance_writes_nothing_where_all_is_well() -> None:
    """An hour of looking; a board that cannot say is not asked."""
    for can_read_back in (True, False):
        bench = make_bench()
        bench.board.can_read_back = can_read_back
        async with session(bench):
            await bench.keeper.set("relay", True)
            writes = len(bench.board.writes)
            await asyncio.sleep(3600)
            assert len(bench.board.writes) == writes and level(bench) is True
