"""What outputs are to each other: never on together, apart for a while, one after the other.

Plain decisions on the outputs of all keepers; the desk asks before it passes a command on, and
the keeper again when the command's turn has come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gatewayd.errors import ConfigError
from gatewayd.model import ChannelId
from gatewayd.output import Output
from gatewayd.setpoint import is_on

CHAIN_MAX = 32
"""Outputs that start one after the other. More is a ring that nobody checked."""


@dataclass(slots=True)
class Neighbours:
    """All outputs by global name, and which of them have been promised to come on.

    Raises:
        ConfigError: an interlock that cannot hold, or a start after what is no other output.
    """

    outputs: Mapping[ChannelId, Output]
    _rivals: dict[ChannelId, frozenset[ChannelId]] = field(init=False)
    _promised: Counter[ChannelId] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._rivals = rivals_of(self.outputs)
        for name, output in self.outputs.items():
            for other in output.limits.start_after:
                if other not in self.outputs or other == name:
                    raise ConfigError(f"{name} starts after {other}, which is no other output")

    def promise(self, name: ChannelId) -> None:
        """Note that an output is about to come on; whoever must not be on with it is refused."""
        self._promised[name] += 1

    def release(self, name: ChannelId) -> None:
        """Note that a promise was kept, or came to nothing."""
        self._promised[name] -= 1

    def find_rival(self, name: ChannelId) -> str | None:
        """Return which output forbids that this one comes on, as a sentence, or None."""
        for rival in sorted(self._rivals.get(name, ())):
            output = self.outputs[rival]
            if self._promised[rival] or output.may_be_on:
                state = "may be on: nobody knows" if output.actual is None else "is on"
                return f"{name} and {rival} must never be on together, and {rival} {state}"
        return None

    def start_s(self, name: ChannelId, now_s: float, depth: int = CHAIN_MAX) -> float:
        """Return the loop time from which an output may come on, as it looks now.

        Dead times since its rivals went off, and its place in the order of starting. An output
        that is on already may be set at once.
        """
        output, limits = self.outputs[name], self.outputs[name].limits
        if not depth or (output.actual is not None and is_on(output.actual)):
            return now_s
        moments = [now_s]
        for rival in self._rivals.get(name, ()):
            other = self.outputs[rival]
            dead_s = max(limits.dead_time, other.limits.dead_time)
            if dead_s:
                moments.append(other.since_s + dead_s)
        if limits.start_delay:
            moments.append(output.opened_s + limits.start_delay)
        for before in map(ChannelId, limits.start_after):
            started_s = self.outputs[before].started_s
            if started_s is not None:
                moments.append(started_s + limits.start_delay)
            if self._promised[before] and not self.outputs[before].may_be_on:
                moments.append(self.start_s(before, now_s, depth - 1) + limits.start_delay)
        return max(moments)


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
