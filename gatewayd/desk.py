"""Commands: known? repeated? legal? fresh? allowed? Then the keeper is asked.

Strategy: everything is decided in one piece of plain code without an `await`, so that no other
command can slip in between the check and the reservation. What comes out is a future: of the
keeper's outcome, or one that is answered already. A repeat is given the same future. Who stops
waiting changes nothing.

Characteristics: in commands · out outcomes · remembers `REPEATS_MAX` requests for `REPEAT_S` and
the last `HISTORY` commands · when full the oldest is forgotten · event loop only · not durable:
nothing is replayed after a restart.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gatewayd.clock import Clock
from gatewayd.errors import ConfigError
from gatewayd.fields import show_duration
from gatewayd.keeper import Keeper
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Status
from gatewayd.output import Order, Output
from gatewayd.setpoint import PARTS_MAX, TEXT_MAX, find_period_fault, is_on, legal_value

STALE_S = 60.0
"""Age at which a command is too old to be what anybody still wants: yesterday's `open` is a
hazard, and a mobile network can hold a packet for half a minute."""

FUTURE_S = 60.0
"""How far a cloud's clock may be ahead of ours before its stamp says nothing."""

REPEAT_S = 600.0
"""How long a request is remembered: MQTT brokers and HTTP clients deliver again within minutes."""

REPEATS_MAX = 1000
"""Requests remembered, about 0.5 MB at the most; far more than any cloud sends in 10 minutes."""

HISTORY = 200
"""Commands kept for status and support."""

Reply = asyncio.Future[Outcome]


@dataclass(frozen=True, slots=True)
class Record:
    """One command, when it came (UTC ms), what became of it and how long that took."""

    time_ms: int
    command: Command
    outcome: Outcome
    took_s: float


@dataclass(frozen=True, slots=True)
class _Memory:
    command: Command
    time_s: float
    reply: Reply


class Desk:
    """The one way to the outputs, for every cloud, the console and the command line."""

    def __init__(
        self,
        keepers: Iterable[Keeper],
        channels: Mapping[ChannelId, Channel],
        clock: Clock,
        note: Callable[..., object] = lambda event, **facts: None,
    ) -> None:
        """Take the keepers, and every channel of the gateway by global name.

        Raises:
            ConfigError: an interlock that cannot hold.
        """
        self._keepers = tuple(keepers)
        self._keeper_of = {name: keeper for keeper in self._keepers for name in keeper.outputs}
        self._channels = channels
        self._clock = clock
        self._note = note
        self._rivals = rivals_of(
            {name: keeper.outputs[name] for name, keeper in self._keeper_of.items()}
        )
        self._reserved: Counter[ChannelId] = Counter()
        self._memories: OrderedDict[tuple[str, str], _Memory] = OrderedDict()
        self._history: deque[Record] = deque(maxlen=HISTORY)

    @property
    def history(self) -> tuple[Record, ...]:
        """The last commands with their outcomes, the oldest first."""
        return tuple(self._history)

    async def submit(self, command: Command) -> Outcome:
        """Return what became of a command.

        A caller who is cancelled stops waiting; the command takes its course.
        """
        return await asyncio.shield(self._take(command))

    async def make_safe(self) -> dict[ChannelId, Outcome]:
        """Drive every output to its safe value now; no `min_on` delays it."""
        replies: dict[ChannelId, Reply] = {}
        for keeper in self._keepers:
            replies |= keeper.make_safe()
        return {name: await asyncio.shield(reply) for name, reply in replies.items()}

    def link_up(self, uplink: str) -> None:
        """Note that an uplink is connected."""
        for keeper in self._keepers:
            keeper.link_up(uplink)

    def link_down(self, uplink: str) -> None:
        """Note that an uplink's connection is gone."""
        for keeper in self._keepers:
            keeper.link_down(uplink)

    def _take(self, command: Command) -> Reply:
        """Decide, reserve and remember, all in one turn of the loop."""
        loop = asyncio.get_running_loop()
        if is_oversized(command):
            reply = loop.create_future()
            reply.set_result(Outcome(Status.REFUSED, "the command is too large"))
            return reply  # Not remembered: a thousand of them would fill the memory.
        memory = self._memories.get((command.origin, command.request_id))
        if memory is not None and is_repeat(command, memory.command, loop.time() - memory.time_s):
            return memory.reply
        objection = self._find_objection(command)
        if objection is None:
            reply = self._ask(command)
        else:
            reply = loop.create_future()
            reply.set_result(Outcome(Status.REFUSED, objection))
        self._remember(command, reply)
        return reply

    def _find_objection(self, command: Command) -> str | None:
        channel = self._channels.get(command.channel)
        if channel is None:
            return f"no channel is called {command.channel[:100]}"
        if channel.access is not Access.WRITE or command.channel not in self._keeper_of:
            return f"{command.channel} is read, not set"
        try:
            value = legal_value(channel, command.value)
        except ValueError as error:
            return f"{command.channel}: {error}"
        return (
            find_period_fault(command.hold_s, command.blink_s, value)
            or find_staleness(command, self._clock)
            or (self._find_rival(command.channel) if is_on(value) else None)
        )

    def _find_rival(self, name: ChannelId) -> str | None:
        for rival in sorted(self._rivals.get(name, ())):
            output = self._keeper_of[rival].outputs[rival]
            if self._reserved[rival] or output.may_be_on:
                state = "may be on: nobody knows" if output.actual is None else "is on"
                return f"{name} and {rival} must never be on together, and {rival} {state}"
        return None

    def _ask(self, command: Command) -> Reply:
        name, keeper = command.channel, self._keeper_of[command.channel]
        output = keeper.outputs[name]
        value = legal_value(output.channel, command.value)
        order = Order(value, command.origin, command.hold_s, command.blink_s)
        reply = keeper.request(output.channel.id, order)
        if is_on(value):
            self._reserved[name] += 1
            reply.add_done_callback(lambda _: self._release(name))
        return reply

    def _release(self, name: ChannelId) -> None:
        self._reserved[name] -= 1

    def _remember(self, command: Command, reply: Reply) -> None:
        begun_s, time_ms = asyncio.get_running_loop().time(), self._clock.now_ms()
        if command.request_id:
            key = (command.origin, command.request_id)
            self._memories.pop(key, None)
            self._memories[key] = _Memory(command, begun_s, reply)
            if len(self._memories) > REPEATS_MAX:
                self._memories.popitem(last=False)

        def record(done: Reply) -> None:
            took_s = asyncio.get_running_loop().time() - begun_s
            outcome = done.result()
            self._history.append(Record(time_ms, command, outcome, took_s))
            self._note(
                "command",
                origin=command.origin,
                channel=command.channel,
                value=command.value,
                outcome=outcome.status.value,
                detail=outcome.detail,
            )

        reply.add_done_callback(record)


def is_oversized(command: Command) -> bool:
    """Return whether a command is larger than any that makes sense."""
    value = command.value
    texts = [command.origin, command.request_id, command.channel]
    if isinstance(value, dict):
        texts += value
    elif isinstance(value, str):
        texts.append(value)
    return len(texts) > 3 + PARTS_MAX or any(len(text) > TEXT_MAX for text in texts)


def is_repeat(command: Command, earlier: Command, age_s: float) -> bool:
    """Return whether a command is one seen before: same request, same content, soon after.

    The same request id alone says little: clouds reuse ids.
    """
    return bool(command.request_id) and command == earlier and age_s < REPEAT_S


def find_staleness(command: Command, clock: Clock) -> str | None:
    """Return why a command's age forbids it, as a sentence, or None."""
    if command.issued_ms is None:
        return None
    if not clock.is_synchronised():
        return "this gateway's clock is not set yet, so nobody knows how old the command is"
    age_s = (clock.now_ms() - command.issued_ms) / 1000
    if age_s > STALE_S:
        return f"the command is {show_duration(age_s)} old; the limit is {show_duration(STALE_S)}"
    if age_s < -FUTURE_S:
        return f"the command is dated {show_duration(-age_s)} in the future"
    return None


def rivals_of(outputs: Mapping[ChannelId, Output]) -> dict[ChannelId, frozenset[ChannelId]]:
    """Return for each output those that must be off while it is on; always mutual.

    Raises:
        ConfigError: an interlock names no output, or itself, or an output whose safe value is on
            (two such outputs would be on together as soon as one of them falls back).
    """
    rivals: dict[ChannelId, set[ChannelId]] = {}
    for name, output in outputs.items():
        for rival in map(ChannelId, output.limits.interlock):
            if rival not in outputs or rival == name:
                raise ConfigError(
                    f"the interlock of {name} names {rival}, which is no other output"
                )
            for each in (name, rival):
                if is_on(outputs[each].limits.safe):
                    raise ConfigError(f"{each} is safe when on, so it cannot be interlocked")
            rivals.setdefault(name, set()).add(rival)
            rivals.setdefault(rival, set()).add(name)
    return {name: frozenset(others) for name, others in rivals.items()}
