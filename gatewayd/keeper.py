"""Owns one actuator: its only writer, its clocks, its way back to safe.

Strategy: one coroutine, `run`, does everything that touches the hardware, one act after the
other: safe first, then whatever is due, then whatever is asked, and safe again on the way out,
however it ends. Who asks gets a future; leaving it changes nothing. When a write fails and the
safe write after it fails too, the session ends; every session begins and ends with safe writes,
so they are repeated until one succeeds.

Characteristics: in orders · out outcomes, and readings of what the outputs do · buffered
`REQUESTS_MAX` orders · when full refuses · ordered · event loop only · not durable: after a
restart everything is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace

from gatewayd.clock import Clock
from gatewayd.cycles import Cycles
from gatewayd.driver import Actuator
from gatewayd.errors import ConfigError, DeviceError, DeviceTimeout, GatewayError
from gatewayd.fields import show_duration
from gatewayd.hand import Hand
from gatewayd.model import Channel, ChannelId, Outcome, Quality, Reading, Status, Value
from gatewayd.output import (
    Due,
    Limits,
    Order,
    Output,
    OutputState,
    find_objection,
    hold_left_s,
    leaves_safe,
    next_deadline,
    outcome_of,
    state_of,
)
from gatewayd.prover import Prover, Sense
from gatewayd.setpoint import legal_value, show_value
from gatewayd.tray import REQUESTS_MAX, Reply, Request, Tray, at_once, wall_ms

__all__ = ["REQUESTS_MAX", "Keeper", "Limits"]

OPEN_S = 15.0
"""For opening the device. Serial relay boards take 2 s to wake after their port was opened; BLE
ones take up to 10 s to be found."""

GLANCE_S = 10.0
"""How often the outputs of a device are read back while nothing is asked of them. A vanished GPIO
chip, or a board that lost its power, says nothing by itself; more often would fill slow wires."""

Opener = Callable[[], AbstractAsyncContextManager[Actuator]]


@dataclass(slots=True)
class Keeper:
    """One actuator's keeper.

    Attributes:
        channels: the outputs, with local ids.
        limits: of every output, by local id.
        publish: takes readings with global names; never blocks.
        write_timeout_s: for one write with its read-back.
        note: told what happens, as `note("output safe", output=…, reason=…)`.
        sense: returns the newest reading of any channel, for outputs with `verify`; whoever has
            news of one calls `look`.
        cycles: counts how often outputs leave their safe state.
    """

    device: str
    channels: Sequence[Channel]
    limits: Mapping[str, Limits]
    publish: Callable[[Sequence[Reading]], object]
    clock: Clock
    write_timeout_s: float = 2.0
    note: Callable[..., object] = field(default=lambda event, **facts: None)
    sense: Sense = field(default=lambda name: None)
    cycles: Cycles | None = None
    _outputs: dict[str, Output] = field(init=False)
    _tray: Tray = field(default_factory=Tray, init=False)
    _current: Request | None = field(default=None, init=False)
    _prover: Prover = field(init=False)
    _gone_s: dict[str, float] = field(default_factory=dict, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _glance_s: float = field(default=0.0, init=False)
    _is_open: bool = field(default=False, init=False)
    _trouble: str = field(default="it was not opened yet", init=False)

    def __post_init__(self) -> None:
        """Make the outputs.

        Raises:
            ConfigError: an output has no limits, or a safe value that it cannot take.
        """
        self._outputs = {channel.id: self._make(channel) for channel in self.channels}
        self._prover = Prover(self.sense, self.clock, self._tell, self._prospect)

    @property
    def outputs(self) -> Mapping[ChannelId, Output]:
        """Every output by global name, for looking at."""
        return {output.name: output for output in self._outputs.values()}

    def states(self) -> tuple[OutputState, ...]:
        """Return every output as it is now. Needs a running loop, for its clock."""
        return tuple(state_of(each, self._gone_s, _now_s()) for each in self._outputs.values())

    async def set(
        self,
        channel: str,
        value: Value,
        hold_s: float | None = None,
        blink_s: float | None = None,
        origin: str = "local",
    ) -> Outcome:
        """Set one output (local id) and return what became of it.

        A cancelled caller stops waiting; the write goes on.
        """
        order = Order(value, origin, hold_s, blink_s)
        return await asyncio.shield(self.request(channel, order))

    def request(
        self,
        channel: str,
        order: Order,
        *,
        is_forced: bool = False,
        start_s: Callable[[float], float] = at_once,
    ) -> Reply:
        """Queue an order for one output (local id); the outcome arrives in the future.

        A forced order waits for no `min_on` or `min_off`; any other until `start_s` says so.
        """
        reply: Reply = asyncio.get_running_loop().create_future()
        request = Request(
            self._outputs[channel], order, reply, self.clock.now_ms(), is_forced, start_s
        )
        if not self._is_open:
            request.answer(Outcome(Status.FAILED, f"{self.device} is not open: {self._trouble}"))
        elif not self._tray.put(request, _now_s()):
            request.answer(Outcome(Status.REFUSED, f"{self.device} is busy; try again"))
        else:
            self._wake.set()
        return reply

    def make_safe(self) -> dict[ChannelId, Reply]:
        """Queue the safe value for every output, in place of everything that waits."""
        for waiting in self._tray.empty():
            waiting.answer(Outcome(Status.REFUSED, f"{self.device} is being made safe"))
        return {
            output.name: self.request(name, Order(output.limits.safe), is_forced=True)
            for name, output in self._outputs.items()
        }

    def look(self) -> None:
        """Look at the sensors anew: one of them may have news."""
        if self._prover.is_waiting:
            self._wake.set()

    def wake(self) -> None:
        """Look at the orders anew: what one of them waits for may have happened."""
        self._wake.set()

    def link_up(self, origin: str) -> None:
        """Note that an uplink is connected: what it asked for is no orphan any more."""
        self._gone_s.pop(origin, None)
        self._wake.set()

    def link_down(self, origin: str) -> None:
        """Note that an uplink's connection is gone: the orphan clocks start."""
        self._gone_s.setdefault(origin, _now_s())
        self._wake.set()

    async def run(
        self, open_actuator: Opener, went_up: Callable[[], object] = lambda: None
    ) -> None:
        """Keep the actuator for one session: until cancelled, or until its hardware fails.

        `went_up` is called once every output is known to be safe.

        Raises:
            DeviceError: the hardware failed; whoever supervises opens the next session.
        """
        outputs = self._outputs.values()
        try:
            async with AsyncExitStack() as stack:
                actuator = await self._enter(stack, open_actuator)
                hand = Hand(actuator, self.write_timeout_s, self._tell, self.note)
                try:
                    await hand.make_all_safe(outputs, "opened")
                    self._note_opened()
                    went_up()
                    self._is_open, self._trouble = True, "its session ended"
                    await self._serve(hand)
                finally:
                    self._is_open = False
                    await hand.leave(outputs)
        except GatewayError as error:
            self._trouble = str(error)
            raise
        finally:
            self._is_open = False
            self._answer_all()

    def _note_opened(self) -> None:
        self._glance_s = _now_s() + GLANCE_S
        for output in self._outputs.values():
            output.opened_s, output.started_s = _now_s(), None

    async def _enter(self, stack: AsyncExitStack, open_actuator: Opener) -> Actuator:
        try:
            async with asyncio.timeout(OPEN_S):
                return await stack.enter_async_context(open_actuator())
        except TimeoutError as error:
            late = DeviceTimeout(f"{self.device} did not open within {OPEN_S:g} s")
            self._lose(late)
            raise late from error
        except DeviceError as error:
            self._lose(error)
            raise

    async def _serve(self, hand: Hand) -> None:
        while True:
            self._wake.clear()
            await self._do_what_is_due(hand)
            while request := self._tray.take(_now_s()):
                self._current = request
                await self._carry_out(hand, request)
                self._current = None
                await self._do_what_is_due(hand)
            await self._prover.settle(hand)
            if self._glance_s <= _now_s():
                await self._glance(hand)
            try:
                async with asyncio.timeout_at(self._next_moment()):
                    await self._wake.wait()
            except TimeoutError:
                continue  # A clock is due.

    def _next_moment(self) -> float:
        moments = [due[0] for each in self._outputs.values() if (due := self._next(each))]
        more = (self._prover.next_s(), self._tray.next_s(_now_s()))
        moments += [moment_s for moment_s in more if moment_s is not None]
        return min([self._glance_s, *moments])

    async def _glance(self, hand: Hand) -> None:
        """Read back what stands still; what is not as it should be goes safe. Raises DeviceError:
        not even that could be done.
        """
        for output in self._outputs.values():
            if output.is_verified and output.flip_s is None:
                try:
                    await hand.look(output)
                except DeviceError as error:
                    await hand.retreat(output, error)
        self._glance_s = _now_s() + GLANCE_S

    async def _do_what_is_due(self, hand: Hand) -> None:
        for output in self._outputs.values():
            due = self._next(output)
            if due is None or due[0] > _now_s():
                continue
            why = due[1]
            if why is Due.FLIP and self._find_worn(output, output.next_flip()):
                why = Due.CYCLES
            if why is not Due.FLIP:
                await hand.go_safe(output, f"fell back to safe: {why.value}")
                self._prover.begin(output)
                continue
            self._count(output, output.next_flip())
            try:
                await hand.drive(output, output.next_flip())
            except DeviceError as error:
                await hand.retreat(output, error)
            else:
                # From now, not from when it was due: after a slow write it does not hurry.
                output.flip_s = _now_s() + (output.order.blink_s or 0.0)

    async def _carry_out(self, hand: Hand, request: Request) -> None:
        output, order = request.output, request.order
        objection = None
        if not request.is_forced:
            objection = find_objection(output, order, _now_s()) or self._find_worn(
                output, order.value
            )
        if objection is not None:
            request.answer(outcome_of(output, Status.REFUSED, objection))
            return
        self._prover.replace(output)
        self._count(output, order.value)
        try:
            await hand.drive(output, order.value)
        except DeviceError as error:
            await hand.retreat(output, error)
            detail = f"{error}; went {show_value(output.limits.safe)}"
            request.answer(outcome_of(output, Status.FAILED, detail))
            return
        request.applied_ms = wall_ms(self.clock, output.written_s)
        request.verified_ms = wall_ms(self.clock, output.seen_s)
        output.follow(order, _now_s(), f"asked by {order.origin or 'safe'}")
        self._tell(output)
        if output.limits.verify is None or order.blink_s is not None:
            request.answer(outcome_of(output, Status.DONE, self._prospect(output)))
        else:
            self._prover.begin(output, request)

    def _find_worn(self, output: Output, value: Value) -> str | None:
        if self.cycles is None or not leaves_safe(output, value):
            return None
        return self.cycles.find_objection(output.name, output.limits.cycles_max)

    def _count(self, output: Output, value: Value) -> None:
        # Before the write: one that failed may have moved the contacts all the same.
        if self.cycles is not None and leaves_safe(output, value):
            self.cycles.count(output.name, output.limits.cycles_max)

    def _lose(self, error: DeviceError) -> None:
        """Note that the device cannot even be opened: nobody knows what its outputs do."""
        for output in self._outputs.values():
            output.doubt(error.quality, str(error))
            self._tell(output)

    def _answer_all(self) -> None:
        waiting = [self._current] if self._current else []
        waiting += self._prover.leave()
        for request in (*waiting, *self._tray.empty()):
            output, detail = request.output, f"{self.device} was closed: {self._trouble}"
            if output.actual is None:
                detail += f"; nobody knows what {output.name} does"
            request.answer(outcome_of(output, Status.FAILED, detail))
        self._current = None

    def _tell(self, output: Output) -> None:
        """Publish what an output does, if that is news. A blinking one is told once, as lit."""
        value = output.order.value if output.flip_s is not None else output.actual
        fact: tuple[Value | None, Quality]
        fact = (None if output.actual is None else value, output.quality)
        if fact != output.published:
            output.published = fact
            self.publish([Reading(output.name, self.clock.now_ms(), *fact)])

    def _next(self, output: Output) -> tuple[float, Due] | None:
        return next_deadline(output, self._gone_s)

    def _prospect(self, output: Output) -> str:
        left_s = hold_left_s(output, self._gone_s, _now_s())
        if left_s is None:
            return ""
        return f"goes {show_value(output.limits.safe)} in {show_duration(left_s)}"

    def _make(self, channel: Channel) -> Output:
        name, limits = ChannelId(f"{self.device}/{channel.id}"), self.limits.get(channel.id)
        if limits is None:
            raise ConfigError(f"output {name} has no safe value")
        try:
            limits = replace(limits, safe=legal_value(channel, limits.safe))
        except ValueError as error:
            raise ConfigError(f"output {name} cannot be safe at {limits.safe!r}: {error}") from None
        return Output(name, channel, limits, Order(limits.safe))


def _now_s() -> float:
    return asyncio.get_running_loop().time()
