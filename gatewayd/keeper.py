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
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace

from gatewayd.clock import Clock
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
    next_deadline,
    state_of,
)
from gatewayd.setpoint import legal_value, show_value

__all__ = ["Keeper", "Limits"]

OPEN_S = 15.0
"""For opening the device. Serial relay boards take 2 s to wake after their port was opened; BLE
ones take up to 10 s to be found."""

REQUESTS_MAX = 16
"""Orders waiting for one device. A person sends one, a cloud's rule a few; more is a loop in
somebody's app, and its orders would be stale when their turn comes."""

Opener = Callable[[], AbstractAsyncContextManager[Actuator]]
Reply = asyncio.Future[Outcome]


@dataclass(frozen=True, slots=True)
class _Request:
    output: Output
    order: Order
    is_forced: bool
    reply: Reply

    def answer(self, outcome: Outcome) -> None:
        if not self.reply.done():
            self.reply.set_result(outcome)


@dataclass(slots=True)
class Keeper:
    """One actuator's keeper.

    Attributes:
        channels: the outputs, with local ids.
        limits: of every output, by local id.
        publish: takes readings with global names; never blocks.
        write_timeout_s: for one write with its read-back.
        note: told what happens, as `note("output safe", output=…, reason=…)`.
    """

    device: str
    channels: Sequence[Channel]
    limits: Mapping[str, Limits]
    publish: Callable[[Sequence[Reading]], object]
    clock: Clock
    write_timeout_s: float = 2.0
    note: Callable[..., object] = field(default=lambda event, **facts: None)
    _outputs: dict[str, Output] = field(init=False)
    _requests: deque[_Request] = field(default_factory=deque, init=False)
    _current: _Request | None = field(default=None, init=False)
    _gone_s: dict[str, float] = field(default_factory=dict, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _is_open: bool = field(default=False, init=False)
    _trouble: str = field(default="it was not opened yet", init=False)

    def __post_init__(self) -> None:
        """Make the outputs.

        Raises:
            ConfigError: an output has no limits, or a safe value that it cannot take.
        """
        self._outputs = {channel.id: self._make(channel) for channel in self.channels}

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

    def request(self, channel: str, order: Order, *, is_forced: bool = False) -> Reply:
        """Queue an order for one output (local id); the outcome arrives in the future.

        A forced order waits for no `min_on` or `min_off`.
        """
        request = _Request(
            self._outputs[channel], order, is_forced, asyncio.get_running_loop().create_future()
        )
        if not self._is_open:
            request.answer(Outcome(Status.FAILED, f"{self.device} is not open: {self._trouble}"))
        elif len(self._requests) >= REQUESTS_MAX and not is_forced:
            request.answer(Outcome(Status.REFUSED, f"{self.device} is busy; try again"))
        else:
            self._requests.append(request)
            self._wake.set()
        return request.reply

    def make_safe(self) -> dict[ChannelId, Reply]:
        """Queue the safe value for every output, in place of everything that waits."""
        while self._requests:
            waiting = self._requests.popleft()
            waiting.answer(Outcome(Status.REFUSED, f"{self.device} is being made safe"))
        return {
            output.name: self.request(name, Order(output.limits.safe), is_forced=True)
            for name, output in self._outputs.items()
        }

    def link_up(self, origin: str) -> None:
        """Note that an uplink is connected: what it asked for is no orphan any more."""
        self._gone_s.pop(origin, None)
        self._wake.set()

    def link_down(self, origin: str) -> None:
        """Note that an uplink's connection is gone: the orphan clocks start."""
        self._gone_s.setdefault(origin, _now_s())
        self._wake.set()

    async def run(self, open_actuator: Opener) -> None:
        """Keep the actuator for one session: until cancelled, or until its hardware fails.

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
            while self._requests:
                self._current = self._requests.popleft()
                self._current.answer(await self._carry_out(hand, self._current))
                await self._do_what_is_due(hand)
            moments = [due[0] for each in self._outputs.values() if (due := self._next(each))]
            try:
                async with asyncio.timeout_at(min(moments, default=None)):
                    await self._wake.wait()
            except TimeoutError:
                continue  # A clock is due.

    async def _do_what_is_due(self, hand: Hand) -> None:
        for output in self._outputs.values():
            due = self._next(output)
            if due is None or due[0] > _now_s():
                continue
            if due[1] is not Due.FLIP:
                await hand.go_safe(output, f"fell back to safe: {due[1].value}")
                continue
            try:
                await hand.drive(output, output.next_flip())
            except DeviceError as error:
                await hand.retreat(output, error)
            else:
                # From now, not from when it was due: after a slow write it does not hurry.
                output.flip_s = _now_s() + (output.order.blink_s or 0.0)

    async def _carry_out(self, hand: Hand, request: _Request) -> Outcome:
        output, order = request.output, request.order
        objection = None if request.is_forced else find_objection(output, order, _now_s())
        if objection is not None:
            return Outcome(Status.REFUSED, objection, output.actual, output.is_verified)
        try:
            await hand.drive(output, order.value)
        except DeviceError as error:
            await hand.retreat(output, error)
            detail = f"{error}; went {show_value(output.limits.safe)}"
            return Outcome(Status.FAILED, detail, output.actual, output.is_verified)
        output.follow(order, _now_s(), f"asked by {order.origin or 'safe'}")
        self._tell(output)
        return Outcome(Status.DONE, self._prospect(output), output.actual, output.is_verified)

    def _lose(self, error: DeviceError) -> None:
        """Note that the device cannot even be opened: nobody knows what its outputs do."""
        for output in self._outputs.values():
            output.doubt(error.quality, str(error))
            self._tell(output)

    def _answer_all(self) -> None:
        waiting = [self._current] if self._current else []
        for request in (*waiting, *self._requests):
            output, detail = request.output, f"{self.device} was closed: {self._trouble}"
            if output.actual is None:
                detail += f"; nobody knows what {output.name} does"
            request.answer(Outcome(Status.FAILED, detail, output.actual, output.is_verified))
        self._requests.clear()
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
