"""A wire that can be cut: a TCP relay between a gateway and its cloud, which looks at MQTT types.

It is the one instrument for both subjects: when the port opened again, when the cloud said
CONNACK, and when the first telemetry PUBLISH came by. Only the first packets of a connection are
looked at; after the first telemetry it copies bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

CHUNK_BYTES = 256 * 1024
CONNACK, PUBLISH = 2, 3
HEADER_BYTES_MAX = 5
START_S = 5.0


@dataclass(slots=True)
class Sightings:
    """When things came by, `time.monotonic()`, or None; cleared when the wire is joined again."""

    joined_at: float | None = None
    connected_at: float | None = None
    first_row_at: float | None = None


@dataclass(slots=True)
class Sniffer:
    """Finds packets in one direction of an MQTT connection.

    Gets bytes as they come; tells each packet's type and, for a PUBLISH, its topic.
    """

    on_packet: Callable[[int, str], bool]
    """Called with type and topic; a true answer ends the looking."""
    _rest: bytes = b""
    _is_done: bool = False

    def feed(self, data: bytes) -> None:
        if self._is_done:
            return
        self._rest += data
        while (size := packet_bytes(self._rest)) is not None and len(self._rest) >= size:
            packet, self._rest = self._rest[:size], self._rest[size:]
            if self.on_packet(packet[0] >> 4, topic_of(packet)):
                self._is_done, self._rest = True, b""
                return


def packet_bytes(data: bytes) -> int | None:
    """Return the length of the MQTT packet that starts here, header included, if it is known."""
    size, shift = 0, 0
    for index, byte in enumerate(data[1:HEADER_BYTES_MAX], start=1):
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return size + index + 1
    return None


def topic_of(packet: bytes) -> str:
    """Return the topic of a PUBLISH packet, empty for any other."""
    if packet[0] >> 4 != PUBLISH:
        return ""
    start = next(i for i, byte in enumerate(packet[1:], start=1) if not byte & 0x80) + 1
    length = int.from_bytes(packet[start : start + 2], "big")
    return packet[start + 2 : start + 2 + length].decode(errors="replace")


@dataclass(slots=True)
class Relay:
    """The wire: `port` is where the gateway connects. `cut` and `join` may be called from any
    thread; both return when it is done."""

    target_port: int
    is_telemetry: Callable[[str], bool]
    port: int = 0
    seen: Sightings = field(default_factory=Sightings)
    _loop: asyncio.AbstractEventLoop | None = None
    _server: asyncio.Server | None = None
    _wires: set[asyncio.Task[None]] = field(default_factory=set)

    def cut(self) -> None:
        """Close the port and every connection; a new one is refused."""
        self._call(self._cut())

    def join(self) -> None:
        """Open the same port again."""
        self._call(self._join())

    def _call(self, step: object) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(step, self._loop).result(START_S)  # type: ignore[arg-type]  # Any coroutine.

    async def _cut(self) -> None:
        if self._server:
            self._server.close()
        for wire in self._wires:
            wire.cancel()
        if self._wires:
            await asyncio.wait(self._wires)

    async def _join(self) -> None:
        self.seen = Sightings(joined_at=time.monotonic())
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=CHUNK_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._wires.add(task)
        out = None
        try:
            back, out = await asyncio.open_connection(
                "127.0.0.1", self.target_port, limit=CHUNK_BYTES
            )
            up = asyncio.ensure_future(_copy(reader, out, Sniffer(self._from_gateway)))
            down = asyncio.ensure_future(_copy(back, writer, Sniffer(self._from_cloud)))
            try:
                await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # The wire was cut or the far side is away: both ends see it below.
        finally:
            self._wires.discard(task)
            for end in (writer, out):
                if end is not None:
                    end.transport.abort()

    def _from_cloud(self, kind: int, topic: str) -> bool:
        if kind == CONNACK and self.seen.connected_at is None:
            self.seen.connected_at = time.monotonic()
        return True

    def _from_gateway(self, kind: int, topic: str) -> bool:
        if kind != PUBLISH or not self.is_telemetry(topic):
            return False
        if self.seen.first_row_at is None:
            self.seen.first_row_at = time.monotonic()
        return True


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sniffer: Sniffer
) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            sniffer.feed(data)
            writer.write(data)
            await writer.drain()
    except OSError:
        return  # One side closed; the other is closed by whoever runs the wire.


@contextmanager
def relay_to(target_port: int, is_telemetry: Callable[[str], bool]) -> Iterator[Relay]:
    """Run a joined relay in a thread of its own."""
    relay = Relay(target_port, is_telemetry)
    loop = asyncio.new_event_loop()
    relay._loop = loop
    thread = Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    try:
        relay.join()
        yield relay
    finally:
        relay.cut()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_S)
        loop.close()
