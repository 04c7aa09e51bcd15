"""Messages of other things: the customer's stream and pushes, and what routes make of them; pure.

Strategy: the vendor promises neither order nor uniqueness, so a message is known by thing, id and
time: one that was heard is passed over, and one that is older than the last of its kind moves
nothing, because what it says is no longer so. Our own messages come back on the stream and are
passed over too: an output must not follow itself.

Characteristics: in bytes · out commands and counts · remembers `SEEN_MAX` messages · when full the
oldest is forgotten · not thread-safe · not durable.

Source: Haltian developer site, MQTT data stream, custom integration, best practices.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import orjson

from gatewayd.clouds.thingsee.codec import Message, sort_out
from gatewayd.errors import Malformed
from gatewayd.model import Command
from gatewayd.routes import Fact, Route, commands_of

SEEN_MAX = 4096
"""A building of a thousand sensors sends four thousand messages an hour."""


@dataclass(slots=True)
class Heard:
    """What came of one payload."""

    messages: int = 0
    repeats: int = 0
    late: int = 0
    own: int = 0
    faults: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    keys: list[tuple[str, int, float]] = field(default_factory=list)
    """By which the messages are remembered."""

    def to_json(self) -> bytes:
        """Return the counts, for whoever pushed."""
        record = {
            "messages": self.messages,
            "repeats": self.repeats,
            "late": self.late,
            "commands": len(self.commands),
            "faults": self.faults[:10],
        }
        return orjson.dumps(record)


class Ear:
    """Listens to messages for routes; one for all sources of an uplink."""

    def __init__(self, source: str, routes: Sequence[Route], own: Collection[str]) -> None:
        """`source` is the origin of the commands; `own` are TUIDs that are this gateway's."""
        self._source = source
        self._routes = routes
        self._own = own
        self._seen: OrderedDict[tuple[str, int, float], None] = OrderedDict()
        self._newest: OrderedDict[tuple[str, int], float] = OrderedDict()
        self.malformed = 0
        """Messages that were none, or payloads of which nothing could be read."""

    def hear(self, payload: bytes) -> Heard:
        """Return what a payload says: an array of messages or a single one."""
        heard = Heard()
        try:
            messages, heard.faults = sort_out(payload)
        except Malformed as error:
            messages, heard.faults = [], [str(error)]
        self.malformed += len(heard.faults)
        for message in messages:
            self._take(message, heard)
        return heard

    def _take(self, message: Message, heard: Heard) -> None:
        heard.messages += 1
        if message.thing in self._own:
            heard.own += 1
        elif not self._is_new(message, heard):
            heard.repeats += 1
        elif not self._is_latest(message):
            heard.late += 1
        else:
            heard.commands += commands_of(self._routes, fact_of(message, self._source))

    def forget(self, heard: Heard) -> None:
        """Forget messages that could not be dealt with, so that they may come again."""
        for key in heard.keys:
            self._seen.pop(key, None)

    def _is_new(self, message: Message, heard: Heard) -> bool:
        if message.time_s is None:
            return True
        key = (message.thing, message.id, message.time_s)
        if key in self._seen:
            return False
        self._seen[key] = None
        heard.keys.append(key)
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return True

    def _is_latest(self, message: Message) -> bool:
        if message.time_s is None:
            return True
        key = (message.thing, message.id)
        if message.time_s < self._newest.get(key, 0):
            return False
        self._newest[key] = message.time_s
        self._newest.move_to_end(key)
        if len(self._newest) > SEEN_MAX:
            self._newest.popitem(last=False)
        return True


def fact_of(message: Message, source: str) -> Fact:
    """Return a message as routes see it; `tsmEv` is a field like the others."""
    time_ms = None if message.time_s is None else round(message.time_s * 1000)
    fields = {**message.fields, "tsmEv": message.event}
    return Fact(source, message.thing, message.id, fields, time_ms)
