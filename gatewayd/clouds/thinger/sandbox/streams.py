"""Who wants samples of which resource, and the streams that the devices run for them.

A resource has one stream, whatever the number of its consumers: its interval is the greatest
common divisor of theirs. It ends with its last consumer, and begins anew when a device comes back.

Source: Thinger.io IOTMP messages, START_STREAM (merging); Thinger.io documentation, Buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import gcd

from gatewayd.clouds.thinger.codec import Dialect
from gatewayd.clouds.thinger.events import Path, Sample, StartStream, StopStream
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.clouds.thinger.sandbox.connection import Connection, Gone, NoReply
from gatewayd.clouds.thinger.sandbox.journal import Journal
from gatewayd.clouds.thinger.sandbox.plain import as_json
from gatewayd.sandbox.errands import Errands

ANSWER_S = 10.0

Sink = Callable[[object], None]
"""Who takes a sample's value, as JSON."""


@dataclass(frozen=True, eq=False, slots=True)
class Consumer:
    """One who wants samples; `interval_ms` 0 = only when something changes."""

    user: str
    device: str
    path: Path
    interval_ms: int
    sink: Sink


class Streams:
    """All consumers, and the interval that each connection was told last."""

    def __init__(self, journal: Journal, errands: Errands) -> None:
        self._journal = journal
        self._errands = errands
        self._consumers: list[Consumer] = []
        self._running: dict[tuple[Connection, Path], tuple[int, int]] = {}
        """Id and interval."""
        self.connection_of: Callable[[str, str], Connection | None] = lambda user, device: None

    def clear(self) -> None:
        """Forget every consumer."""
        for consumer in tuple(self._consumers):
            self.remove(consumer)

    @contextmanager
    def consuming(self, consumer: Consumer) -> Iterator[None]:
        """Stream to a consumer for as long as the block lasts."""
        self.add(consumer)
        try:
            yield
        finally:
            self.remove(consumer)

    def add(self, consumer: Consumer) -> None:
        """Stream to a consumer until it is removed."""
        self._consumers.append(consumer)
        self._settle(consumer)

    def remove(self, consumer: Consumer) -> None:
        """Stop streaming to a consumer."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)
            self._settle(consumer)

    def begin(self, connection: Connection) -> None:
        """Start what is wanted of a device that has just come."""
        for path in {each.path for each in self._of(connection)}:
            self._adjust(connection, path)

    def forget(self, connection: Connection) -> None:
        """Take leave of a device's streams; they ended with its connection."""
        for key in [key for key in self._running if key[0] is connection]:
            del self._running[key]

    def restart(self, connection: Connection) -> int:
        """Start every stream of a device anew, under another id; return how many there are."""
        running = [path for owner, path in self._running if owner is connection]
        for path in running:
            connection.streams.pop(self._running.pop((connection, path))[0], None)
            self._adjust(connection, path)
        return len(running)

    def sampled(self, connection: Connection, sample: Sample) -> bool:
        """Hand a sample to its consumers; return whether its stream is known."""
        path = connection.streams.get(sample.id)
        if path is None:
            return False
        value = as_json(sample_value(connection.dialect, sample.payload))
        for consumer in self._of(connection):
            if consumer.path == path:
                consumer.sink(value)
        return True

    def _of(self, connection: Connection) -> list[Consumer]:
        key = connection.account.id, connection.device.id
        return [each for each in self._consumers if (each.user, each.device) == key]

    def _settle(self, consumer: Consumer) -> None:
        connection = self.connection_of(consumer.user, consumer.device)
        if connection is not None:
            self._adjust(connection, consumer.path)

    def _adjust(self, connection: Connection, path: Path) -> None:
        """Start, change or stop a stream, so that it is what its consumers want."""
        wanted = [each.interval_ms for each in self._of(connection) if each.path == path]
        key, running = (connection, path), self._running.get((connection, path))
        if not wanted:
            if running is not None:
                del self._running[key]
                self._errands.send(self._stop(connection, path, running[0]))
            return
        interval_ms = gcd(*wanted)
        if running is not None and running[1] == interval_ms:
            return
        id = running[0] if running else connection.next_id()
        self._running[key] = id, interval_ms
        connection.streams[id] = path
        self._errands.send(self._start(connection, path, id, interval_ms))

    async def _start(self, connection: Connection, path: Path, id: int, interval_ms: int) -> None:
        try:
            answer = await connection.ask(
                lambda number: StartStream(number, path, interval_ms), ANSWER_S, id=id
            )
            is_ok = answer.is_ok
        except (Gone, NoReply):
            is_ok = False
        self._journal.counts["streams_started" if is_ok else "streams_refused"] += 1

    async def _stop(self, connection: Connection, path: Path, id: int) -> None:
        try:
            await connection.ask(lambda number: StopStream(number, path), ANSWER_S, id=id)
        except (Gone, NoReply):
            return
        finally:
            connection.streams.pop(id, None)
        self._journal.counts["streams_stopped"] += 1


def sample_value(dialect: Dialect, payload: Pson) -> Pson:
    """Return the value of a sample: the newer protocol sends it bare."""
    if dialect is Dialect.CLASSIC and isinstance(payload, Mapping):
        return payload.get("out", payload.get("in"))
    return payload
