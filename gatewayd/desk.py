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
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from gatewayd.clock import Clock
from gatewayd.fields import show_duration
from gatewayd.keeper import Keeper
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Status
from gatewayd.neighbours import Neighbours
from gatewayd.output import Order
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

SAFE = "safe"
"""The origin of what `gatewayd safe` asks a running daemon to do."""

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
        audit: Callable[[Record], object] = lambda record: None,
    ) -> None:
        """Take the keepers, and every channel of the gateway by global name.

        `audit` hears of every command, those too that were refused, repeated or too large.

        Raises:
            ConfigError: an interlock or an order of starting that cannot hold.
        """
        self._keepers = tuple(keepers)
        self._keeper_of = {name: keeper for keeper in self._keepers for name in keeper.outputs}
        self._channels = channels
        self._clock = clock
        self._note = note
        self._audit = audit
        self._neighbours = Neighbours(
            {name: keeper.outputs[name] for name, keeper in self._keeper_of.items()}
        )
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
        for name, reply in replies.items():
            safe = self._keeper_of[name].outputs[name].limits.safe
            self._record_when_done(Command(SAFE, "", name, safe), reply)
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
            outcome = Outcome(Status.REFUSED, "the command is too large")
            reply.set_result(outcome)
            # Neither remembered nor shown: a thousand of them would fill the memory.
            self._audit(Record(self._clock.now_ms(), shortened(command), outcome, 0.0))
            return reply
        memory = self._memories.get((command.origin, command.request_id))
        if memory is not None and is_repeat(command, memory.command, loop.time() - memory.time_s):
            return self._repeat(command, memory)
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
            or (self._neighbours.find_rival(command.channel) if is_on(value) else None)
        )

    def _ask(self, command: Command) -> Reply:
        name, keeper = command.channel, self._keeper_of[command.channel]
        output = keeper.outputs[name]
        value = legal_value(output.channel, command.value)
        order = Order(value, command.origin, command.hold_s, command.blink_s)
        if not is_on(value):
            return keeper.request(output.channel.id, order)
        # Promised first: whether it may start is asked at once.
        self._neighbours.promise(name)
        start_s = partial(self._neighbours.start_s, name)
        reply = keeper.request(output.channel.id, order, start_s=start_s)
        reply.add_done_callback(lambda _: self._release(name))
        for each in self._keepers:
            each.wake()  # Who starts after this one waits longer from now on.
        return reply

    def _release(self, name: ChannelId) -> None:
        self._neighbours.release(name)
        for keeper in self._keepers:
            keeper.wake()

    def _repeat(self, command: Command, memory: _Memory) -> Reply:
        """Answer a request that was delivered again with what became of it; nothing moves."""
        age_s = asyncio.get_running_loop().time() - memory.time_s
        self._note(
            "command repeated", origin=command.origin, channel=command.channel, age_s=round(age_s)
        )
        if not memory.reply.done():
            return memory.reply
        reply: Reply = asyncio.get_running_loop().create_future()
        outcome = replace(memory.reply.result(), repeat_age_s=round(age_s, 3))
        reply.set_result(outcome)
        self._audit(Record(self._clock.now_ms(), command, outcome, 0.0))
        return reply

    def _remember(self, command: Command, reply: Reply) -> None:
        begun_s = asyncio.get_running_loop().time()
        if command.request_id:
            key = (command.origin, command.request_id)
            self._memories.pop(key, None)
            self._memories[key] = _Memory(command, begun_s, reply)
            if len(self._memories) > REPEATS_MAX:
                self._memories.popitem(last=False)
        self._record_when_done(command, reply)

    def _record_when_done(self, command: Command, reply: Reply) -> None:
        begun_s, time_ms = asyncio.get_running_loop().time(), self._clock.now_ms()

        def record(reply: Reply) -> None:
            took_s = asyncio.get_running_loop().time() - begun_s
            outcome = reply.result()
            done = Record(time_ms, command, outcome, took_s)
            self._audit(done)
            if command.origin == SAFE:
                return  # The keepers tell of it themselves.
            self._history.append(done)
            self._note(
                "command",
                origin=command.origin,
                channel=command.channel,
                value=command.value,
                outcome=outcome.status.value,
                detail=outcome.detail,
                verified_by=outcome.verified_by,
                took_ms=round(took_s * 1000),
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


def shortened(command: Command) -> Command:
    """Return as much of a command that is too large as may be written down."""
    channel = ChannelId(command.channel[:TEXT_MAX])
    return Command(command.origin[:TEXT_MAX], command.request_id[:TEXT_MAX], channel, "…")


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
