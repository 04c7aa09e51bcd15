"""The desk: what is refused, what is a repeat, and what never happens together."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from gatewayd.clock import SystemClock
from gatewayd.desk import HISTORY, REPEATS_MAX, Desk, Record, is_repeat
from gatewayd.errors import ConfigError, DeviceError
from gatewayd.keeper import Keeper, Limits
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Status, Value
from gatewayd.neighbours import rivals_of
from gatewayd.testing.actuator import FakeActuator, Fault
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

PUMP, VALVE, FAN = ChannelId("pump/relay"), ChannelId("valve/relay"), ChannelId("fan/speed")
CLIMATE = ChannelId("boiler/temperature")
RELAY = Channel("relay", "switch", access=Access.WRITE)
SPEED = Channel("speed", "level", "%", 0, Access.WRITE, 0.0, 100.0)
PLAIN = {
    "pump": Limits(safe="off", interlock=(VALVE,)),
    "valve": Limits(safe="off"),
    "fan": Limits(safe=0, orphan=60, hold_max=900),
}


@dataclass
class Office:
    """A desk with three keepers and their boards."""

    desk: Desk
    clock: SimulatedClock
    keepers: dict[str, Keeper]
    boards: dict[str, FakeActuator]

    def level(self, channel: ChannelId) -> object:
        """What an output really does."""
        device, local = channel.split("/")
        return self.boards[device].levels[local]

    def moves(self) -> int:
        """Writes that arrived at any hardware."""
        return sum(len(board.writes) for board in self.boards.values())


@asynccontextmanager
async def office(limits: dict[str, Limits] = PLAIN) -> AsyncIterator[Office]:
    """An office in service, its keepers supervised with a second between sessions."""
    clock = SimulatedClock(asyncio.get_running_loop())
    outputs = {"pump": RELAY, "valve": RELAY, "fan": SPEED}
    keepers = {
        device: Keeper(device, (output,), {output.id: limits[device]}, list, clock)
        for device, output in outputs.items()
    }
    boards = {device: FakeActuator({output.id: 0}) for device, output in outputs.items()}
    channels = {
        ChannelId(f"{device}/{output.id}"): replace(output, id=f"{device}/{output.id}")
        for device, output in outputs.items()
    }
    channels[CLIMATE] = Channel(CLIMATE, "temperature", "Cel")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep(keepers[name], boards[name])) for name in outputs]
        await asyncio.sleep(0.001)
        yield Office(Desk(keepers.values(), channels, clock), clock, keepers, boards)
        for task in tasks:
            task.cancel()


async def keep(keeper: Keeper, board: FakeActuator) -> None:
    while True:
        with contextlib.suppress(DeviceError):
            await keeper.run(board.open)
        await asyncio.sleep(1)


def ask(channel: str, value: Value, request_id: str = "", origin: str = "cloud") -> Command:
    return Command(origin, request_id, ChannelId(channel), value)


@simulated
async def test_a_command_moves_its_output() -> None:
    """What is in order is carried out, by the value as the output takes it."""
    async with office() as here:
        assert await here.desk.submit(ask(PUMP, "on")) == Outcome(Status.DONE, "", True, True)
        assert here.level(PUMP) is True


@simulated
@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (ask("pump/rely", True), "no channel is called pump/rely"),
        (ask(CLIMATE, 21.0), "is read, not set"),
        (ask(PUMP, "toggle"), "expected on or off"),
        (ask(FAN, 101), "101 is outside 0 to 100 %"),
        (ask(FAN, float("nan")), "expected a finite number"),
        (replace(ask(PUMP, True), hold_s=-1), "a hold of -1 s"),
        (replace(ask(PUMP, True), blink_s=0.01), "blinking at 0.01 s"),
        (ask(PUMP, "x" * 1000), "too large"),
        (ask("x" * 1000, True), "too large"),
        (ask(FAN, {str(n): 1.0 for n in range(1000)}), "too large"),
    ],
)
async def test_what_is_not_in_order_is_answered_and_moves_nothing(
    command: Command, detail: str
) -> None:
    """Unknown, a sensor, no value, outside its range: refused with a sentence."""
    async with office() as here:
        moves = here.moves()
        outcome = await here.desk.submit(command)
        assert outcome.status is Status.REFUSED
        assert detail in outcome.detail
        assert here.moves() == moves


@simulated
@pytest.mark.parametrize(
    ("age_s", "status", "detail"),
    [
        (0, Status.DONE, ""),
        (59, Status.DONE, ""),
        (61, Status.REFUSED, "the command is 1m1s old; the limit is 1m"),
        (86_400, Status.REFUSED, "the command is 1d old"),
        (-59, Status.DONE, ""),
        (-61, Status.REFUSED, "the command is dated 1m1s in the future"),
    ],
)
async def test_commands_perish(age_s: int, status: Status, detail: str) -> None:
    """Yesterday's command is a hazard, and a clock that is wrong says nothing."""
    async with office() as here:
        issued_ms = here.clock.now_ms() - age_s * 1000
        outcome = await here.desk.submit(replace(ask(PUMP, True), issued_ms=issued_ms))
        assert outcome.status is status
        assert outcome.detail.startswith(detail)


@simulated
async def test_without_a_clock_a_dated_command_is_refused_and_an_undated_one_is_not() -> None:
    """Before the first synchronisation nobody knows how old a stamp is."""
    async with office() as here:
        here.clock.synchronised = False
        dated = replace(ask(PUMP, True), issued_ms=here.clock.now_ms())
        assert (await here.desk.submit(dated)).status is Status.REFUSED
        assert (await here.desk.submit(ask(PUMP, True))).status is Status.DONE


@simulated
async def test_a_repeat_is_answered_again_and_moves_nothing() -> None:
    """The same request delivered twice moves the hardware once."""
    async with office() as here:
        first = await here.desk.submit(ask(FAN, 40, "7"))
        moves = here.moves()
        await asyncio.sleep(500)
        again = await here.desk.submit(ask(FAN, 40, "7"))
        assert (again, again.repeat_age_s) == (first, 500.0), "it is told how old it is"
        assert here.moves() == moves


@simulated
async def test_a_repeat_of_a_running_command_waits_for_the_same_outcome() -> None:
    """Both callers hear it, the hardware hears it once."""
    async with office() as here:
        here.boards["pump"].write_s = 1.0
        moves = here.moves()
        both = [here.desk.submit(ask(PUMP, True, "7")) for _ in range(2)]
        first, second = await asyncio.gather(*both)
        assert first is second
        assert here.moves() == moves + 1


@simulated
async def test_a_refusal_is_repeated_too() -> None:
    """What the cloud was told is refused does not happen when it is delivered again."""
    async with office() as here:
        await here.desk.submit(ask(VALVE, True))
        refused = await here.desk.submit(ask(PUMP, True, "7"))
        await here.desk.submit(ask(VALVE, False))
        again = await here.desk.submit(ask(PUMP, True, "7"))
        assert (again, again.repeat_age_s) == (refused, 0.0)


@simulated
@pytest.mark.parametrize(
    "other",
    [
        ask(FAN, 41, "7"),
        ask(FAN, 40, "8"),
        ask(FAN, 40, "7", origin="another"),
        replace(ask(FAN, 40, "7"), hold_s=10),
    ],
)
async def test_anything_different_is_a_new_command(other: Command) -> None:
    """Clouds reuse ids, so the id alone proves nothing."""
    async with office() as here:
        await here.desk.submit(ask(FAN, 40, "7"))
        moves = here.moves()
        assert (await here.desk.submit(other)).status is Status.DONE
        assert here.moves() == moves + 1


@simulated
async def test_a_reused_id_is_compared_with_its_latest_command_only() -> None:
    """on, off, on under one id: the last on is no repeat of the first."""
    async with office() as here:
        for value in (True, False, True):
            await here.desk.submit(ask(PUMP, value, "1"))
        assert here.level(PUMP) is True


@simulated
async def test_a_request_is_forgotten_after_ten_minutes() -> None:
    """The same id a day later is somebody pressing the button again."""
    async with office() as here:
        await here.desk.submit(ask(FAN, 40, "7"))
        moves = here.moves()
        await asyncio.sleep(601)
        await here.desk.submit(ask(FAN, 40, "7"))
        assert here.moves() == moves + 1


@simulated
async def test_the_memory_is_bounded() -> None:
    """A flood of requests pushes out the oldest, and history stays short."""
    async with office() as here:
        for number in range(REPEATS_MAX + 1):
            await here.desk.submit(ask(FAN, 40, str(number)))
        moves = here.moves()
        await here.desk.submit(ask(FAN, 40, "1"))
        assert here.moves() == moves, "the second is still known"
        await here.desk.submit(ask(FAN, 40, "0"))
        assert here.moves() == moves + 1, "the first is not"
        assert len(here.desk.history) == HISTORY


def test_without_a_request_id_nothing_is_a_repeat() -> None:
    """Two presses on the console are two commands."""
    assert not is_repeat(ask(PUMP, True), ask(PUMP, True), 0)
    assert is_repeat(ask(PUMP, True, "1"), ask(PUMP, True, "1"), 0)


@simulated
async def test_interlocked_outputs_are_never_on_together() -> None:
    """Named by one, the interlock binds both."""
    async with office() as here:
        await here.desk.submit(ask(VALVE, True))
        outcome = await here.desk.submit(ask(PUMP, True))
        assert outcome.status is Status.REFUSED
        assert outcome.detail.endswith("valve/relay is on")
        await here.desk.submit(ask(VALVE, False))
        assert (await here.desk.submit(ask(PUMP, True))).status is Status.DONE
        assert (await here.desk.submit(ask(VALVE, True))).status is Status.REFUSED


@simulated
async def test_two_commands_in_one_turn_do_not_both_pass_the_interlock() -> None:
    """The check reserves: between it and the write nobody slips in, cancelled or not."""
    async with office() as here:
        here.boards["pump"].write_s = here.boards["valve"].write_s = 1.0
        first = asyncio.ensure_future(here.desk.submit(ask(PUMP, True)))
        second = asyncio.ensure_future(here.desk.submit(ask(VALVE, True)))
        await asyncio.sleep(0.5)
        first.cancel()
        assert (await second).status is Status.REFUSED
        await asyncio.sleep(1)
        assert (here.level(PUMP), here.level(VALVE)) == (True, False)


@simulated
async def test_an_output_in_doubt_counts_as_on() -> None:
    """A valve that nobody can vouch for keeps the pump off."""
    async with office() as here:
        here.boards["valve"].faults.extend([Fault.LATE, Fault.LOST, Fault.LOST])
        await here.desk.submit(ask(VALVE, True))
        assert here.level(VALVE) is True
        outcome = await here.desk.submit(ask(PUMP, True))
        assert outcome.detail.endswith("valve/relay may be on: nobody knows")
        await asyncio.sleep(2)
        assert (await here.desk.submit(ask(PUMP, True))).status is Status.DONE, "it went safe"


@simulated
async def test_going_off_is_never_interlocked() -> None:
    """Off is always allowed, whatever the other does."""
    async with office() as here:
        await here.desk.submit(ask(VALVE, True))
        assert (await here.desk.submit(ask(PUMP, False))).status is Status.DONE


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(safe="off", interlock=("pump/rely",)), "is no other output"),
        (Limits(safe="off", interlock=(PUMP,)), "is no other output"),
        (Limits(safe="on", interlock=(VALVE,)), "pump/relay is safe when on"),
    ],
)
def test_an_interlock_that_cannot_hold_is_refused(limits: Limits, said: str) -> None:
    """Unknown partners, itself, and outputs that fall back to on."""
    keepers = [
        Keeper(device, (RELAY,), {"relay": its}, list, SystemClock())
        for device, its in (("pump", limits), ("valve", Limits(safe="off")))
    ]
    outputs = {name: output for keeper in keepers for name, output in keeper.outputs.items()}
    with pytest.raises(ConfigError, match=said):
        rivals_of(outputs)


@simulated
async def test_a_cancelled_caller_leaves_the_command_to_take_its_course() -> None:
    """The outcome is remembered for whoever delivers it again."""
    async with office() as here:
        here.boards["pump"].write_s = 1.0
        asking = asyncio.ensure_future(here.desk.submit(ask(PUMP, True, "7")))
        await asyncio.sleep(0.1)
        asking.cancel()
        assert (await here.desk.submit(ask(PUMP, True, "7"))).status is Status.DONE
        assert here.level(PUMP) is True


@simulated
async def test_history_tells_the_last_commands() -> None:
    """Who asked what, when, and what became of it."""
    async with office() as here:
        await here.desk.submit(ask(PUMP, True, "7"))
        await here.desk.submit(ask("nobody/knows", True, "8"))
        await asyncio.sleep(0.01)
        seen = [(each.command.request_id, each.outcome.status) for each in here.desk.history]
        assert seen == [("7", Status.DONE), ("8", Status.REFUSED)]


@simulated
async def test_make_safe_drives_everything_safe() -> None:
    """One call, every output, and what happened to each."""
    async with office() as here:
        await here.desk.submit(ask(VALVE, True))
        await here.desk.submit(ask(FAN, 70))
        outcomes = await here.desk.make_safe()
        assert {name: each.status for name, each in outcomes.items()} == dict.fromkeys(
            (PUMP, VALVE, FAN), Status.DONE
        )
        assert (here.level(VALVE), here.level(FAN)) == (False, 0)


@simulated
@pytest.mark.parametrize("seed", range(25))
async def test_after_any_day_everything_is_safe_and_nothing_was_on_together(seed: int) -> None:
    """Commands, faults, broken links, unplugged boards, impatient callers: then quiet, then safe.

    Every value here has a clock of its own (`hold_max`), so quiet ends safe.
    """
    dice = random.Random(seed)
    limits = {
        "pump": Limits(safe="off", hold_max=120, orphan=30, interlock=(VALVE,), min_off=2),
        "valve": Limits(safe="off", hold_max=200, min_on=3),
        "fan": Limits(safe=0, hold_max=300, orphan=20),
    }
    async with office(limits) as here, asyncio.TaskGroup() as callers:
        pump, valve = Levels(relay=False), Levels(relay=False)
        pump.rival, valve.rival = valve, pump
        here.boards["pump"].levels, here.boards["valve"].levels = pump, valve
        for number in range(150):
            await asyncio.sleep(dice.choice((0, 0, 0.3, 1, 5, 20)))
            disturb(here, dice)
            caller = callers.create_task(here.desk.submit(any_command(dice, number, here.clock)))
            if dice.random() < 0.2:
                asyncio.get_running_loop().call_later(dice.random(), caller.cancel)
        for board in here.boards.values():
            board.faults.clear()
            board.is_plugged = True
        await asyncio.sleep(400)
        assert [here.level(name) for name in (PUMP, VALVE, FAN)] == [False, False, 0]
    assert here.desk.history


def any_command(dice: random.Random, number: int, clock: SimulatedClock) -> Command:
    channel = dice.choice((PUMP, VALVE, FAN, PUMP, VALVE, CLIMATE))
    value = dice.choice((0, 1, 1)) if channel is not FAN else dice.choice((0, 50, 100, 101))
    return Command(
        dice.choice(("thingplus", "thinger", "local")),
        str(dice.choice((number, number, 7))),
        channel,
        value,
        dice.choice((None, None, 1, 10, 1000)),
        dice.choice((None, None, None, 0.2, 3)),
        dice.choice((None, clock.now_ms(), clock.now_ms() - 3_600_000)),
    )


def disturb(here: Office, dice: random.Random) -> None:
    board = here.boards[dice.choice(("pump", "valve", "fan"))]
    if dice.random() < 0.3:
        board.faults.extend(dice.choices(list(Fault), k=dice.choice((1, 1, 2, 5))))
    if dice.random() < 0.1:
        board.is_plugged = not board.is_plugged
    board.write_s = dice.choice((0.0, 0.0, 0.05, 1.0))
    change = dice.choice((here.desk.link_up, here.desk.link_down, None, None))
    if change is not None:
        change(dice.choice(("thingplus", "thinger")))


class Levels(dict[str, Value]):
    """Real levels that look at the rival's, which no schedule of checks could miss."""

    rival: Levels

    def __setitem__(self, output: str, value: Value) -> None:
        super().__setitem__(output, value)
        assert not (self["relay"] and self.rival["relay"]), "both on"


@simulated
async def test_a_dead_time_is_waited_for() -> None:
    """The command is accepted at once and applied when both have been off long enough."""
    limits = PLAIN | {"pump": Limits(safe="off", interlock=(VALVE,), dead_time=2.0)}
    async with office(limits) as here:
        await asyncio.sleep(5)
        await here.desk.submit(ask(VALVE, True))
        await here.desk.submit(ask(VALVE, False))
        pump = asyncio.ensure_future(here.desk.submit(ask(PUMP, True)))
        await asyncio.sleep(1.9)
        assert here.level(PUMP) is False
        assert (await here.desk.submit(ask(VALVE, True))).status is Status.REFUSED
        times = (await pump).times
        assert times.accepted_ms is not None
        assert times.applied_ms == times.accepted_ms + 2000


@simulated
async def test_after_a_start_commands_come_on_in_order() -> None:
    """Whoever was asked first: pump, then valve, then fan, not all motors at once."""
    limits = {
        "pump": Limits(safe="off"),
        "valve": Limits(safe="off", start_after=(PUMP,), start_delay=3.0),
        "fan": Limits(safe=0, start_after=(VALVE,), start_delay=3.0),
    }
    async with office(limits) as here:
        asked = [ask(FAN, 40), ask(VALVE, True), ask(PUMP, True)]
        outcomes = await asyncio.gather(*map(here.desk.submit, asked))
        applied = [each.times.applied_ms for each in outcomes]
        assert None not in applied
        fan, valve, pump = (each or 0 for each in applied)
        assert (valve - pump, fan - valve) == (3000, 3000)


@simulated
async def test_one_that_waits_to_start_is_forgotten_when_all_is_made_safe() -> None:
    """Nothing comes on after `safe`."""
    limits = PLAIN | {"pump": Limits(safe="off", start_delay=3.0)}
    async with office(limits) as here:
        waiting = asyncio.ensure_future(here.desk.submit(ask(PUMP, True)))
        await asyncio.sleep(1)
        await here.desk.make_safe()
        assert (await waiting).status is Status.REFUSED
        await asyncio.sleep(10)
        assert here.level(PUMP) is False


@simulated
async def test_every_command_is_written_down() -> None:
    """Done, refused, repeated, too large, and what `safe` did; each once."""
    rows: list[tuple[str, str, str, bool]] = []

    def audit(record: Record) -> None:
        outcome = record.outcome
        is_repeat = outcome.repeat_age_s is not None
        rows.append(
            (record.command.origin, record.command.channel, outcome.status.value, is_repeat)
        )

    async with office() as here:
        desk = Desk(here.keepers.values(), {FAN: SPEED}, here.clock, audit=audit)
        await desk.submit(ask(FAN, 40, "7"))
        await desk.submit(ask(FAN, 40, "7"))
        await desk.submit(ask("no/such", 1))
        await desk.submit(ask("x" * 1000, 1))
        await desk.make_safe()
    assert set(rows) == {
        ("cloud", FAN, "done", False),
        ("cloud", FAN, "done", True),
        ("cloud", "no/such", "refused", False),
        ("cloud", "x" * 256, "refused", False),
        *(("safe", name, "done", False) for name in (PUMP, VALVE, FAN)),
    }
    assert len(rows) == 7
