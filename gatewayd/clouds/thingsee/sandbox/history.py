"""The messages of all things, each once, bounded by number and by bytes."""

from __future__ import annotations

from collections import deque

import orjson

from gatewayd.clouds.thingsee.codec import Message, to_json
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.selecting import is_selected, newest

Key = tuple[str, int, float, int | None]


class History:
    """What things have said.

    Characteristics: in: messages · buffered: by number and bytes, of all things together · when
    full: the oldest arrival goes, counted in `forgotten` · a message of the same thing, id, time
    and transaction is kept once: answers to two requests of one second are two · not durable.
    """

    def __init__(self, number_max: int, bytes_max: int) -> None:
        self._number_max = number_max
        self._bytes_max = bytes_max
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._all: deque[tuple[Message, int]] = deque()
        self._known: dict[Key, Message] = {}
        self._shelves: dict[str, deque[Message]] = {}
        self._bytes = 0
        self.forgotten = 0

    def add(self, message: Message) -> bool:
        """Keep a message; return false for one that is known."""
        key = _key(message)
        if key in self._known:
            return False
        size = len(orjson.dumps(to_json(message)))
        self._known[key] = message
        self._all.append((message, size))
        self._shelves.setdefault(message.thing, deque()).append(message)
        self._bytes += size
        while len(self._all) > self._number_max or self._bytes > self._bytes_max:
            self._forget()
        return True

    def find(self, message: Message) -> Message | None:
        """Return the message that a repeat is one of, or None."""
        return self._known.get(_key(message))

    def of(self, tuid: str, selection: Selection) -> list[Message]:
        """Return the newest messages of a thing that are meant, newest first; limit 0 = all."""
        found = [each for each in self._shelves.get(tuid, ()) if is_selected(each, selection)]
        found.sort(key=_time_s)  # Stable: of two with the same time, the later arrival is newer.
        return newest(found, selection.limit)[::-1]

    def __len__(self) -> int:
        return len(self._all)

    def _forget(self) -> None:
        message, size = self._all.popleft()
        shelf = self._shelves[message.thing]
        shelf.popleft()  # The oldest of all is the oldest of its thing.
        if not shelf:
            del self._shelves[message.thing]
        del self._known[_key(message)]
        self._bytes -= size
        self.forgotten += 1


def _key(message: Message) -> Key:
    return message.thing, message.id, _time_s(message), message.transaction


def _time_s(message: Message) -> float:
    return message.time_s or 0.0
